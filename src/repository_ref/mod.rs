//! What GitHub last said about the refs that are bound.

mod poll;

pub use poll::{
    DueRef, bring_back, count, due, installations_due, installations_polled, keep_etag, let_go,
    next_place, place, poll_at, put_off,
};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::repository_refs;
use crate::db::{Conn, Dialect};
use crate::git::{GitRef, Oid};
use crate::github::client::{Commit, ETag};
use crate::ids::RepositoryRowId;

/// One resolution of a ref; it serves every request that is older than it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// `None`: GitHub said that there is no such ref.
    pub commit: Option<Commit>,
    pub etag: Option<ETag>,
    pub resolved_at: DateTime<Utc>,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = repository_refs, check_for_backend(Dialect))]
struct Row {
    commit_sha: Option<String>,
    root_tree_sha: Option<String>,
    etag: Option<String>,
    resolved_at: DateTime<Utc>,
}

impl From<Row> for Resolution {
    fn from(row: Row) -> Self {
        let oid = |text: Option<String>| text.and_then(|text| text.parse::<Oid>().ok());
        let commit = oid(row.commit_sha)
            .zip(oid(row.root_tree_sha))
            .map(|(sha, tree)| Commit { sha, tree });
        Self {
            commit,
            etag: row.etag.map(ETag::from_stored),
            resolved_at: row.resolved_at,
        }
    }
}

pub async fn find(
    repository: RepositoryRowId,
    git_ref: &GitRef,
    conn: &mut Conn,
) -> QueryResult<Option<Resolution>> {
    let row: Option<Row> = repository_refs::table
        .filter(repository_refs::repository_id.eq(repository))
        .filter(repository_refs::git_ref.eq(git_ref.to_string()))
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    Ok(row.map(Resolution::from))
}

/// When a ref is polled next; `None`: nobody follows it, or no sync has looked at it yet.
pub async fn polled_next(
    repository: RepositoryRowId,
    git_ref: &GitRef,
    conn: &mut Conn,
) -> QueryResult<Option<DateTime<Utc>>> {
    let row: Option<Option<DateTime<Utc>>> = repository_refs::table
        .filter(repository_refs::repository_id.eq(repository))
        .filter(repository_refs::git_ref.eq(git_ref.to_string()))
        .select(repository_refs::poll_at)
        .first(conn)
        .await
        .optional()?;
    Ok(row.flatten())
}

/// A resolution begun earlier never overwrites a later one. From now on the ref is polled, too, until
/// nobody follows it any more.
pub async fn record(
    repository: RepositoryRowId,
    git_ref: &GitRef,
    resolution: &Resolution,
    conn: &mut Conn,
) -> QueryResult<()> {
    let facts = (
        repository_refs::commit_sha.eq(resolution.commit.map(|commit| commit.sha.to_string())),
        repository_refs::root_tree_sha.eq(resolution.commit.map(|commit| commit.tree.to_string())),
        repository_refs::etag.eq(resolution
            .etag
            .as_ref()
            .map(|etag| etag.as_str().to_owned())),
        repository_refs::resolved_at.eq(resolution.resolved_at),
    );
    let key = (
        repository_refs::repository_id.eq(repository),
        repository_refs::git_ref.eq(git_ref.to_string()),
    );
    diesel::insert_into(repository_refs::table)
        .values((key, facts.clone()))
        .on_conflict((repository_refs::repository_id, repository_refs::git_ref))
        .do_nothing()
        .execute(conn)
        .await?;
    let older = repository_refs::table
        .filter(repository_refs::repository_id.eq(repository))
        .filter(repository_refs::git_ref.eq(git_ref.to_string()))
        .filter(repository_refs::resolved_at.lt(resolution.resolved_at));
    diesel::update(older).set(facts).execute(conn).await?;
    poll::begin(repository, git_ref, conn).await
}
