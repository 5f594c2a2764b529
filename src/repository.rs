//! Repositories: (host, GitHub's id), and the facts about it that may change under us.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::repositories;
use crate::db::{Conn, Dialect, text_enum};
use crate::github::RepositoryName;
use crate::github::client::{self, ETag};
use crate::github::ids::{OwnerId, RepositoryId};
use crate::ids::{InstallationRowId, RepositoryRowId};

text_enum! {
    /// Whether GitHub shows the repository to us.
    pub enum Reachability {
        Reachable = "reachable",
        /// GitHub answers as if it were not there: removed from the installation, or private now.
        AccessLost = "access_lost",
        /// Confirmed to be no more.
        Gone = "gone",
    }
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = repositories, check_for_backend(Dialect))]
pub struct Repository {
    pub id: RepositoryRowId,
    pub github_host: String,
    pub github_id: RepositoryId,
    pub owner_id: OwnerId,
    pub owner: String,
    pub name: String,
    pub installation_id: Option<InstallationRowId>,
    pub default_branch: Option<String>,
    pub visibility: Option<String>,
    pub archived: bool,
    pub reachability: Reachability,
    pub etag: Option<String>,
    pub confirmed_at: DateTime<Utc>,
}

impl Repository {
    /// What it is called now, as far as we know.
    pub fn full_name(&self) -> RepositoryName {
        RepositoryName::new(self.owner.as_str(), self.name.as_str())
    }
}

/// Names are compared by this: GitHub's know no case.
pub fn key_of(name: &str) -> String {
    name.to_ascii_lowercase()
}

pub async fn find(id: RepositoryRowId, conn: &mut Conn) -> QueryResult<Option<Repository>> {
    repositories::table
        .find(id)
        .select(Repository::as_select())
        .first(conn)
        .await
        .optional()
}

pub async fn find_by_github_id(
    host: &str,
    id: RepositoryId,
    conn: &mut Conn,
) -> QueryResult<Option<Repository>> {
    repositories::table
        .filter(
            repositories::github_host
                .eq(host)
                .and(repositories::github_id.eq(id)),
        )
        .select(Repository::as_select())
        .first(conn)
        .await
        .optional()
}

/// Writes what GitHub says now about a repository, made known at its first sight.
///
/// The one place where what is there is not blanked: an installation once known stays until another
/// is. What was read earlier than what is stored changes nothing.
pub async fn confirm(
    host: &str,
    seen: &client::Repository,
    installation: Option<InstallationRowId>,
    etag: Option<&ETag>,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Repository> {
    let names = (
        repositories::owner_id.eq(seen.owner_id),
        repositories::owner.eq(seen.name.owner.as_str()),
        repositories::name.eq(seen.name.name.as_str()),
        repositories::owner_key.eq(key_of(&seen.name.owner)),
        repositories::name_key.eq(key_of(&seen.name.name)),
    );
    let facts = (
        repositories::default_branch.eq(Some(seen.default_branch.as_str())),
        repositories::visibility.eq(Some(seen.visibility.as_str())),
        repositories::archived.eq(seen.archived),
        repositories::reachability.eq(Reachability::Reachable),
        repositories::etag.eq(etag.map(ETag::as_str)),
        repositories::confirmed_at.eq(read_at),
        repositories::updated_at.eq(read_at),
    );
    let identity = (
        repositories::github_host.eq(host),
        repositories::github_id.eq(seen.id),
        repositories::created_at.eq(read_at),
    );
    let is_newer = repositories::confirmed_at.le(read_at);
    let upsert = diesel::insert_into(repositories::table)
        .values((
            identity,
            names.clone(),
            facts,
            repositories::installation_id.eq(installation),
        ))
        .on_conflict((repositories::github_host, repositories::github_id))
        .do_update()
        .set((names, facts));
    let row: Option<Repository> = diesel::query_dsl::methods::FilterDsl::filter(upsert, is_newer)
        .returning(Repository::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    match (row, installation) {
        (None, _) => known(host, seen.id, conn).await,
        (Some(row), Some(known)) if row.installation_id != Some(known) => {
            set_installation(row.id, known, conn).await?;
            Ok(Repository {
                installation_id: Some(known),
                ..row
            })
        }
        (Some(row), _) => Ok(row),
    }
}

async fn known(host: &str, id: RepositoryId, conn: &mut Conn) -> QueryResult<Repository> {
    repositories::table
        .filter(
            repositories::github_host
                .eq(host)
                .and(repositories::github_id.eq(id)),
        )
        .select(Repository::as_select())
        .first(conn)
        .await
}

/// Writes that nothing has changed since what is stored was read.
pub async fn confirm_unchanged(
    id: RepositoryRowId,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    diesel::update(
        repositories::table
            .find(id)
            .filter(repositories::confirmed_at.le(read_at)),
    )
    .set((
        repositories::reachability.eq(Reachability::Reachable),
        repositories::confirmed_at.eq(read_at),
    ))
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes that GitHub does not show it to us any more. What was known of it stays, and so does what
/// was read later.
pub async fn mark_access_lost(
    id: RepositoryRowId,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let reachable = repositories::reachability
        .eq(Reachability::Reachable)
        .and(repositories::confirmed_at.le(now));
    diesel::update(repositories::table.find(id).filter(reachable))
        .set((
            repositories::reachability.eq(Reachability::AccessLost),
            repositories::updated_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Through which installation it is read from now on.
pub async fn set_installation(
    id: RepositoryRowId,
    installation: InstallationRowId,
    conn: &mut Conn,
) -> QueryResult<()> {
    diesel::update(repositories::table.find(id))
        .set(repositories::installation_id.eq(installation))
        .execute(conn)
        .await?;
    Ok(())
}
