//! What follows from a look: syncs, a refresh, and when the ref is looked at again.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;

use super::look::Look;
use super::{Poll, Polled};
use crate::binding::{self, Binding};
use crate::db::Conn;
use crate::git::{GitRef, Oid};
use crate::github::client::ETag;
use crate::inbox;
use crate::queue::{self, Request};
use crate::refresh::{self, RepositoryHint, Trouble};
use crate::repository_ref::{self, DueRef};
use crate::{grant, sync};

impl Poll<'_> {
    /// When it is polled next.
    pub(super) async fn write(
        &self,
        due: &DueRef,
        look: Look,
        asked_at: DateTime<Utc>,
        polled: &mut Polled,
    ) -> Result<DateTime<Utc>, Trouble> {
        // One that came early has had its turn; one that is late keeps its place.
        let next = repository_ref::next_place(due.id, asked_at.max(due.poll_at), self.every);
        match look {
            Look::Same { etag } => {
                polled.unchanged += 1;
                self.settle_same(due, etag.as_ref(), polled).await?;
            }
            Look::Other { head } => {
                polled.moved += 1;
                if let Some(again_at) = self.settle_other(due, head, asked_at, polled).await? {
                    return Ok(next.min(again_at));
                }
            }
            Look::OutOfReach => {
                polled.out_of_reach.insert(due.repository.id);
                self.refresh(due).await?;
            }
            Look::Nothing => {}
        }
        Ok(next)
    }

    /// The head is what the last sync found: only a binding that was not served by that is behind, or one
    /// that failed because it could not be read.
    async fn settle_same(
        &self,
        due: &DueRef,
        etag: Option<&ETag>,
        polled: &mut Polled,
    ) -> Result<(), Trouble> {
        if let Some(etag) = etag {
            let mut conn = self.context.db.write().await?;
            repository_ref::keep_etag(due.id, &due.resolution, etag, &mut conn).await?;
        }
        let head = due.resolution.commit.map(|commit| commit.sha.to_string());
        let behind = {
            let mut conn = self.context.db.read().await?;
            binding::behind(&due.repository, &due.git_ref, head.as_deref(), &mut conn).await?
        };
        let enqueued = self.catch_up(&behind, Idle::Only).await?;
        polled.enqueued += enqueued;
        polled.healed += enqueued;
        Ok(())
    }

    /// Everything that follows it syncs; or, if this may be how it was before a push that has been
    /// synced already, when to look again: GitHub's API is not of one mind for a while.
    async fn settle_other(
        &self,
        due: &DueRef,
        head: Option<Oid>,
        asked_at: DateTime<Utc>,
        polled: &mut Polled,
    ) -> Result<Option<DateTime<Utc>>, Trouble> {
        let known = due.resolution.commit.map_or(Oid::ZERO, |commit| commit.sha);
        let head = head.unwrap_or(Oid::ZERO);
        let (app, id) = (self.through.app.row, due.repository.github_id);
        let (found, told) = {
            let mut conn = self.context.db.read().await?;
            let mut told = None;
            if let Ok(git_ref) = due.git_ref.parse::<GitRef>() {
                let unsettled =
                    sync::unsettled(known, head, app, id, &git_ref, asked_at, &mut conn).await?;
                if let Some(pushed) = unsettled {
                    return Ok(Some(pushed.sent_at + sync::LAG));
                }
                told = inbox::newest_push(app, id, &git_ref, head, &mut conn).await?;
            }
            let found = binding::on_ref(&due.repository, &due.git_ref, &mut conn).await?;
            (found, told)
        };
        let enqueued = self.catch_up(&found, Idle::OrNot).await?;
        polled.enqueued += enqueued;
        polled.healed += if told.is_some() { 0 } else { enqueued };
        Ok(None)
    }

    /// A sync of each whose organisation may read what the installation covers; of others it would tell
    /// their tenants what happens where they have no say.
    async fn catch_up(&self, bindings: &[Binding], idle: Idle) -> Result<u64, Trouble> {
        if bindings.is_empty() {
            return Ok(0);
        }
        let mut conn = self.context.db.write().await?;
        let (host, id) = (&self.through.app.host, self.through.installation.github_id);
        let grants = self.context.config.access.grants;
        let request = &self.request;
        Ok(conn
            .transaction(async |conn| {
                let holder = grant::holder(host, id, conn).await?;
                let mut enqueued = 0;
                for binding in bindings {
                    if grants.allow(holder == Some(binding.organization_id)) {
                        enqueued += u64::from(idle.sync(binding, request, conn).await?);
                    }
                }
                QueryResult::Ok(enqueued)
            })
            .await?)
    }

    async fn refresh(&self, due: &DueRef) -> Result<(), Trouble> {
        let (row, request) = (&due.repository, &self.request);
        let hint = RepositoryHint::default();
        let mut conn = self.context.db.write().await?;
        conn.transaction(async |conn| {
            refresh::request_repository(row.id, hint, request, conn).await
        })
        .await?;
        Ok(())
    }
}

/// Which bindings a sync is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Idle {
    /// Those that no job is on its way for.
    Only,
    OrNot,
}

impl Idle {
    /// Whether a job was made that was not there.
    async fn sync(
        self,
        binding: &Binding,
        request: &Request,
        conn: &mut Conn,
    ) -> QueryResult<bool> {
        if self == Self::Only {
            let jobs = queue::running_or_waiting(sync::KIND, binding.id.get(), conn).await?;
            if !jobs.is_empty() {
                return Ok(false);
            }
        }
        let enqueued = sync::catch_up(binding, request, conn).await?;
        Ok(!enqueued.coalesced)
    }
}
