//! What is written down about a binding by those who sync it, and by those who ask for a sync.
//!
//! How a sync ended ([`publish`], [`fail`], [`record_finding`]) asks for the proof that its job was still
//! its worker's. What it saw of the source that was bound when it began ([`publish`], [`record_finding`],
//! [`follow`]) is not written once the operator has asked for another. What only leads a reader on
//! ([`record_job`], [`record_delivery`]) asks for neither: nothing is decided by it.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Binding, Finding, Status};
use crate::db::Conn;
use crate::db::schema::bindings;
use crate::git::{GitRef, Oid};
use crate::github::RepositoryName;
use crate::ids::{BindingId, ContentId, DeliveryId, JobId, RepositoryRowId};
use crate::queue::Settled;
use crate::repository::key_of;

/// What a binding is at, after a sync that succeeded.
#[derive(Debug, Clone)]
pub struct Published {
    pub repository: RepositoryRowId,
    pub git_ref: GitRef,
    pub commit: String,
    /// `None`: the content that is published already is the one.
    pub content: Option<ContentId>,
}

/// Points the binding at what was synced: readers see the old tree or the new one.
pub async fn publish(
    seen: &Binding,
    published: &Published,
    job: JobId,
    now: DateTime<Utc>,
    _proof: &Settled,
    conn: &mut Conn,
) -> QueryResult<()> {
    let target = bindings::table
        .find(seen.id)
        .filter(bindings::generation.eq(seen.generation));
    let facts = (
        bindings::repository_id.eq(published.repository),
        bindings::commit_sha.eq(&published.commit),
        bindings::synced_ref.eq(published.git_ref.to_string()),
        bindings::status.eq(Status::Succeeded),
        bindings::error.eq(None::<String>),
        bindings::finding.eq(None::<Finding>),
        bindings::tried_commit.eq(None::<String>),
        bindings::last_job_id.eq(job),
        bindings::synced_at.eq(now),
        bindings::updated_at.eq(now),
        bindings::version.eq(bindings::version + 1),
        // From now on it goes by the repository's id.
        bindings::followed_owner.eq(None::<String>),
        bindings::followed_repo.eq(None::<String>),
        bindings::owner_key.eq(key_of(&seen.github_owner)),
        bindings::repo_key.eq(key_of(&seen.github_repo)),
    );
    match published.content {
        Some(content) => {
            let facts = (facts, bindings::content_id.eq(content));
            diesel::update(target).set(facts).execute(conn).await?
        }
        None => diesel::update(target).set(facts).execute(conn).await?,
    };
    Ok(())
}

/// The sync was given up. The ids, the commit and the last good content stay.
pub async fn fail(
    binding: BindingId,
    error: &str,
    job: JobId,
    now: DateTime<Utc>,
    _proof: &Settled,
    conn: &mut Conn,
) -> QueryResult<()> {
    diesel::update(bindings::table.find(binding))
        .set((
            bindings::status.eq(Status::Failed),
            bindings::error.eq(error),
            bindings::last_job_id.eq(job),
            bindings::updated_at.eq(now),
            bindings::version.eq(bindings::version + 1),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// What a sync found that stands in its way, or that nothing of the kind does any more and it is the commit
/// itself that cannot be published.
pub async fn record_finding(
    seen: &Binding,
    finding: Option<Finding>,
    tried: Option<Oid>,
    _proof: &Settled,
    conn: &mut Conn,
) -> QueryResult<()> {
    let target = bindings::table
        .find(seen.id)
        .filter(bindings::generation.eq(seen.generation));
    diesel::update(target)
        .set((
            bindings::finding.eq(finding),
            bindings::tried_commit.eq(tried.map(|commit| commit.to_string())),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest job of the binding, so that `last_sync_queue_job_url` leads to what is going on.
pub async fn record_job(binding: BindingId, job: JobId, conn: &mut Conn) -> QueryResult<()> {
    diesel::update(bindings::table.find(binding))
        .set(bindings::last_job_id.eq(job))
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest delivery that concerned the binding.
pub async fn record_delivery(
    binding: BindingId,
    delivery: DeliveryId,
    conn: &mut Conn,
) -> QueryResult<()> {
    diesel::update(bindings::table.find(binding))
        .set(bindings::last_delivery_id.eq(delivery))
        .execute(conn)
        .await?;
    Ok(())
}

/// Before its first sync, the name that it goes by was seen to lead elsewhere: from now on it goes by that.
pub async fn follow(seen: &Binding, name: &RepositoryName, conn: &mut Conn) -> QueryResult<()> {
    let target = bindings::table
        .find(seen.id)
        .filter(bindings::generation.eq(seen.generation))
        .filter(bindings::repository_id.is_null());
    diesel::update(target)
        .set((
            bindings::followed_owner.eq(&name.owner),
            bindings::followed_repo.eq(&name.name),
            bindings::owner_key.eq(key_of(&name.owner)),
            bindings::repo_key.eq(key_of(&name.name)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
