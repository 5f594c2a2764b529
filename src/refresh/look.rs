//! A look at all that an installation covers: what it lists, and what of ours it does not list any more.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;

use super::cover::{Through, page_of};
use super::outcome::Trouble;
use super::sighting::{Sighting, record_sighting, wake_unsynced};
use super::{RepositoryHint, request_repository};
use crate::binding;
use crate::context::Context;
use crate::db::Conn;
use crate::github::client;
use crate::github::ids::RepositoryId;
use crate::installation;
use crate::queue::Request;
use crate::repository::{self, Coverage, Reachability, Repository, key_of};

/// What a look at an installation's repositories has come to.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Looked {
    pub(super) listed: u64,
    pub(super) known: usize,
    /// Known, and not listed any more.
    pub(super) unlisted: usize,
    /// Bindings that had never synced and try again.
    pub(super) woken: usize,
}

/// One look at everything that an installation covers, page by page, each in its own transactions.
pub(super) struct Look<'a> {
    pub(super) context: &'a Context,
    pub(super) through: &'a Through,
    /// It covers fewer repositories than before.
    pub(super) narrowed: bool,
    /// It may read again what it could not.
    pub(super) restored: bool,
    pub(super) request: Request,
}

impl Look<'_> {
    pub(super) async fn run(&self) -> Result<Looked, Trouble> {
        let sought = self.sought().await?;
        let mut looked = Looked::default();
        let mut listed = BTreeSet::new();
        let begun_at = self.context.clock.now();
        for number in 1.. {
            let read_at = self.context.clock.now();
            let page = page_of(self.through, number).await?;
            listed.extend(page.repositories.iter().map(|repository| repository.id));
            looked.listed += page.entries;
            self.record(&page.repositories, &sought, read_at, &mut looked)
                .await?;
            if page.entries == 0 || looked.listed >= page.total_count {
                break;
            }
        }
        looked.unlisted = self.ask_for_unlisted(&listed, begun_at).await?;
        Ok(looked)
    }

    /// The names under this account that bindings go by which never synced, because they could not reach them.
    async fn sought(&self) -> Result<BTreeSet<String>, Trouble> {
        let Some(login) = &self.through.installation.account_login else {
            return Ok(BTreeSet::new());
        };
        let mut conn = self.context.db.read().await?;
        let unsynced = binding::unsynced_of_owner(&self.through.app.host, login, &mut conn).await?;
        let sought = unsynced.iter().filter(|binding| binding.is_out_of_reach());
        Ok(sought
            .map(|binding| key_of(&binding.sought_name().name))
            .collect())
    }

    async fn record(
        &self,
        page: &[client::Repository],
        sought: &BTreeSet<String>,
        read_at: DateTime<Utc>,
        looked: &mut Looked,
    ) -> Result<(), Trouble> {
        let known = self.known(page).await?;
        for seen in page {
            let row = known.get(&seen.id);
            // An installation may cover thousands that nobody here has asked for.
            if row.is_none() && !sought.contains(&key_of(&seen.name.name)) {
                continue;
            }
            let mut conn = self.context.db.write().await?;
            looked.woken += conn
                .transaction(async |conn| self.record_one(seen, row, read_at, conn).await)
                .await?;
            looked.known += usize::from(row.is_some());
        }
        Ok(())
    }

    async fn known(
        &self,
        page: &[client::Repository],
    ) -> Result<BTreeMap<RepositoryId, Repository>, Trouble> {
        let ids: Vec<RepositoryId> = page.iter().map(|seen| seen.id).collect();
        let mut conn = self.context.db.read().await?;
        let rows = repository::find_all(&self.through.app.host, &ids, &mut conn).await?;
        Ok(rows.into_iter().map(|row| (row.github_id, row)).collect())
    }

    /// How many unsynced bindings were woken.
    async fn record_one(
        &self,
        seen: &client::Repository,
        row: Option<&Repository>,
        read_at: DateTime<Utc>,
        conn: &mut Conn,
    ) -> QueryResult<usize> {
        let host = &self.through.app.host;
        let (this, request) = (&self.through.installation, &self.request);
        let grants = self.context.config.access.grants;
        let coverage = match row {
            Some(row) => self.coverage(row, conn).await?,
            None => None,
        };
        if let (Some(row), None) = (row, coverage) {
            request_repository(row.id, RepositoryHint::default(), request, conn).await?;
        }
        // Jobs and bindings are locked before the repository's row, as everybody does.
        let woken = wake_unsynced(host, &seen.name, this, grants, request, conn).await?;
        if let (Some(row), Some(coverage)) = (row, coverage) {
            let sighting = Sighting {
                host,
                seen,
                coverage,
                etag: None,
                read_at,
                restored: self.restored,
                grants,
                except: None,
            };
            if self.is_news(row, &sighting) {
                record_sighting(&sighting, request, conn).await?;
            }
        }
        Ok(woken)
    }

    /// The App has one installation on an account, so a later one of the same App takes over. One of
    /// another App stays on record while it works; `None`: it does, and whether it still covers the
    /// repository is asked of GitHub, and not concluded from this list.
    async fn coverage(&self, row: &Repository, conn: &mut Conn) -> QueryResult<Option<Coverage>> {
        let this = &self.through.installation;
        let recorded = match row.installation_id {
            Some(id) => installation::find(id, conn).await?,
            None => None,
        };
        let another = recorded
            .filter(|recorded| recorded.github_app_id != this.github_app_id && recorded.works());
        let certain =
            row.installation_doubted_at.is_none() && row.reachability == Reachability::Reachable;
        Ok(match another {
            Some(another) => certain.then_some(Coverage::OnRecord(another.id)),
            None => Some(Coverage::Asked(this.id)),
        })
    }

    /// Most of what a poll sees is as it was, and not worth a write.
    fn is_news(&self, row: &Repository, sighting: &Sighting<'_>) -> bool {
        let seen = sighting.seen;
        let same_names = row.owner == seen.name.owner
            && row.name == seen.name.name
            && row.owner_id == seen.owner_id;
        let same_facts = row.default_branch.as_ref() == Some(&seen.default_branch)
            && row.visibility.as_ref() == Some(&seen.visibility)
            && row.archived == seen.archived;
        let same_access = row.reachability == Reachability::Reachable
            && row.installation_doubted_at.is_none()
            && match sighting.coverage {
                Coverage::Asked(id) | Coverage::OnRecord(id) => row.installation_id == Some(id),
                Coverage::Nobody => false,
            };
        self.restored || !(same_names && same_facts && same_access)
    }

    /// What is on record as covered and was not listed is looked for one by one.
    async fn ask_for_unlisted(
        &self,
        listed: &BTreeSet<RepositoryId>,
        begun_at: DateTime<Utc>,
    ) -> Result<usize, Trouble> {
        let rows = {
            let mut conn = self.context.db.read().await?;
            repository::of_installation(self.through.installation.id, &mut conn).await?
        };
        let unlisted = rows.iter().filter(|row| {
            // What seemed to be gone may have been taken out: a narrowing is told late, and names nothing.
            let gone = row.reachability == Reachability::Gone && !self.narrowed;
            let taken_out = row.removed_at.is_some() && row.reachability != Reachability::Reachable;
            let settled = gone || taken_out;
            !listed.contains(&row.github_id) && !settled && row.confirmed_at <= begun_at
        });
        let mut asked = 0;
        for row in unlisted {
            let hint = RepositoryHint {
                removed: self.narrowed,
            };
            let mut conn = self.context.db.write().await?;
            conn.transaction(async |conn| {
                request_repository(row.id, hint, &self.request, conn).await?;
                repository::doubt_installation(row.id, self.request.at, conn).await
            })
            .await?;
            asked += 1;
        }
        Ok(asked)
    }
}
