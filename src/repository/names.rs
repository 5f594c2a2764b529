//! What a repository was called, and from when on. For people, and to know a source that is requested by a former name.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Repository;
use crate::db::schema::repository_names;
use crate::db::{Conn, Dialect, text_enum};
use crate::github::ids::OwnerId;
use crate::ids::RepositoryRowId;

text_enum! {
    /// How a repository came by a name.
    pub enum NameChange {
        /// It was called so when we first saw it.
        FirstSeen = "first_seen",
        Renamed = "renamed",
        /// The owner was renamed, and the repository with it.
        OwnerRenamed = "owner_renamed",
        /// It has another owner.
        Transferred = "transferred",
    }
}

impl NameChange {
    /// `None` when it is called as before, to the letter.
    pub(super) fn between(before: Option<&Repository>, now: &Repository) -> Option<Self> {
        let Some(before) = before else {
            return Some(Self::FirstSeen);
        };
        if before.owner_id != now.owner_id {
            Some(Self::Transferred)
        } else if before.name != now.name {
            Some(Self::Renamed)
        } else if before.owner != now.owner {
            Some(Self::OwnerRenamed)
        } else {
            None
        }
    }
}

/// One name of a repository's.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = repository_names, check_for_backend(Dialect))]
pub struct FormerName {
    pub owner: String,
    pub name: String,
    pub because: NameChange,
    /// When we learnt it; GitHub does not say when it happened.
    pub since: DateTime<Utc>,
}

/// Each repository's, the oldest first; the last is its present name.
pub async fn names_of(
    repositories: &[RepositoryRowId],
    conn: &mut Conn,
) -> QueryResult<BTreeMap<RepositoryRowId, Vec<FormerName>>> {
    let mut names = BTreeMap::<_, Vec<_>>::new();
    if repositories.is_empty() {
        return Ok(names);
    }
    let rows: Vec<(RepositoryRowId, FormerName)> = repository_names::table
        .filter(repository_names::repository_id.eq_any(repositories.to_vec()))
        .order(repository_names::id)
        .select((repository_names::repository_id, FormerName::as_select()))
        .load(conn)
        .await?;
    for (repository, name) in rows {
        names.entry(repository).or_default().push(name);
    }
    Ok(names)
}

pub(super) async fn record(
    repository: &Repository,
    because: NameChange,
    since: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let owner_id: OwnerId = repository.owner_id;
    diesel::insert_into(repository_names::table)
        .values((
            repository_names::repository_id.eq(repository.id),
            repository_names::owner_id.eq(owner_id),
            repository_names::owner.eq(&repository.owner),
            repository_names::name.eq(&repository.name),
            repository_names::because.eq(because),
            repository_names::since.eq(since),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
