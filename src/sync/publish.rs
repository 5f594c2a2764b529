//! The publish: one short transaction, fenced, that moves one pointer.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryResult;

use super::locate::Located;
use crate::binding::{self, Binding, Finding, Published};
use crate::config::Grants;
use crate::content::{self, NewContent};
use crate::db::Conn;
use crate::git::GitRef;
use crate::grant;
use crate::ids::JobId;
use crate::queue::{self, Effect, Settled};

/// What a sync has found, ready to be written.
#[derive(Debug)]
pub(super) struct Publish {
    pub(super) job: JobId,
    /// The binding as it was when the sync began: if the operator has changed it since, nothing is
    /// published, and the sync that the change asked for follows.
    pub(super) binding: Binding,
    pub(super) located: Located,
    pub(super) git_ref: GitRef,
    pub(super) commit: String,
    /// `None`: what is published already is the same tree.
    pub(super) content: Option<NewContent>,
    /// When the push was sent that brought the commit, if one told of it.
    pub(super) pushed_at: Option<DateTime<Utc>>,
    pub(super) grants: Grants,
    pub(super) at: DateTime<Utc>,
}

#[async_trait]
impl Effect for Publish {
    /// Locks in the order of everybody: the jobs of the target, then the binding.
    async fn apply(self: Box<Self>, proof: &Settled, conn: &mut Conn) -> QueryResult<()> {
        queue::assign_installation(self.job, self.located.installation.id, conn).await?;
        let now = binding::lock(self.binding.id, conn).await?;
        if now.is_none_or(|now| now.generation != self.binding.generation) {
            return queue::annotate(
                self.job,
                "not_published",
                "the binding was changed meanwhile",
                conn,
            )
            .await;
        }
        if !self.is_granted(conn).await? {
            let finding = Some(Finding::NotGranted);
            binding::record_finding(&self.binding, finding, None, proof, conn).await?;
            return queue::annotate(
                self.job,
                "not_published",
                "the grant was taken back meanwhile",
                conn,
            )
            .await;
        }
        let content = match &self.content {
            Some(new) => Some(content::insert(new, self.at, conn).await?),
            None => None,
        };
        if let (Some(pushed_at), Some(_)) = (self.pushed_at, &content) {
            let took = (self.at - pushed_at).to_std().unwrap_or_default();
            metrics::histogram!("bindery_push_to_published_seconds").record(took);
        }
        let published = Published {
            repository: self.located.repository.id,
            git_ref: self.git_ref,
            commit: self.commit,
            content,
        };
        binding::publish(&self.binding, &published, self.job, self.at, proof, conn).await
    }
}

impl Publish {
    async fn is_granted(&self, conn: &mut Conn) -> QueryResult<bool> {
        if self.grants == Grants::Off {
            return Ok(true);
        }
        let (host, installation) = (
            &self.binding.github_host,
            self.located.installation.github_id,
        );
        grant::covers(self.binding.organization_id, host, installation, conn).await
    }
}
