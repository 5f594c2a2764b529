//! The publish: one short transaction, fenced, that moves one pointer.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryResult;

use super::locate::Located;
use crate::binding::{self, Binding, Published};
use crate::content::{self, NewContent};
use crate::db::Conn;
use crate::git::GitRef;
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
    pub(super) at: DateTime<Utc>,
}

#[async_trait]
impl Effect for Publish {
    async fn apply(self: Box<Self>, proof: &Settled, conn: &mut Conn) -> QueryResult<()> {
        let content = match &self.content {
            Some(new) => Some(content::insert(new, self.at, conn).await?),
            None => None,
        };
        let published = Published {
            repository: self.located.repository.id,
            git_ref: self.git_ref,
            commit: self.commit,
            content,
        };
        let done =
            binding::publish(&self.binding, &published, self.job, self.at, proof, conn).await?;
        if let (false, Some(content)) = (done, content) {
            content::delete(content, conn).await?;
        }
        queue::assign_installation(self.job, self.located.installation.id, conn).await
    }
}
