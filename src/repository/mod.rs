//! Repositories: (host, GitHub's id), and the facts about it that may change under us.

mod confirm;
mod list;
mod missing;
mod names;

pub use confirm::{Coverage, confirm, confirm_unchanged};
pub use list::{RepositoryListFilter, knowing, list};
pub use missing::{
    Missing, bound_and_out_of_reach, doubt_installation, mark_covered, mark_lost, mark_missing,
    note_removal,
};
pub use names::{FormerName, NameChange, names_of};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::repositories;
use crate::db::{Conn, Dialect, text_enum};
use crate::github::RepositoryName;
use crate::github::ids::{OwnerId, RepositoryId};
use crate::ids::{InstallationRowId, RepositoryRowId};

text_enum! {
    /// Whether GitHub shows the repository to us.
    pub enum Reachability {
        Reachable = "reachable",
        /// No installation of ours covers it: taken out of one, given to somebody without the App, or
        /// missing and not yet confirmed to be gone.
        AccessLost = "access_lost",
        /// Confirmed to be no more, time and again; if it is seen all the same, it is back.
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
    /// Since when something has said that another installation may cover it by now.
    pub installation_doubted_at: Option<DateTime<Utc>>,
    /// Since when it has been out of everybody's reach, and how often that was confirmed.
    pub missing_since: Option<DateTime<Utc>>,
    pub times_missing: i32,
    /// When GitHub said that it was taken out of an installation.
    pub removed_at: Option<DateTime<Utc>>,
    pub etag: Option<String>,
    /// When what GitHub said last was read: that it is so, or that it is not to be seen.
    pub confirmed_at: DateTime<Utc>,
}

impl Repository {
    /// What it is called now, as far as we know.
    pub fn full_name(&self) -> RepositoryName {
        RepositoryName::new(self.owner.as_str(), self.name.as_str())
    }

    /// Whether a binding without a ref of its own follows this one.
    pub fn follows_default(&self, git_ref: &str) -> bool {
        self.default_branch.as_deref() == Some(git_ref)
    }
}

/// Those that we know among these.
pub async fn find_all(
    host: &str,
    ids: &[RepositoryId],
    conn: &mut Conn,
) -> QueryResult<Vec<Repository>> {
    repositories::table
        .filter(
            repositories::github_host
                .eq(host)
                .and(repositories::github_id.eq_any(ids.to_vec())),
        )
        .order(repositories::id)
        .select(Repository::as_select())
        .load(conn)
        .await
}

/// All that we know of one owner.
pub async fn of_owner(host: &str, owner: OwnerId, conn: &mut Conn) -> QueryResult<Vec<Repository>> {
    repositories::table
        .filter(
            repositories::github_host
                .eq(host)
                .and(repositories::owner_id.eq(owner)),
        )
        .order(repositories::id)
        .select(Repository::as_select())
        .load(conn)
        .await
}

/// Those last seen through an installation.
pub async fn of_installation(
    installation: InstallationRowId,
    conn: &mut Conn,
) -> QueryResult<Vec<Repository>> {
    repositories::table
        .filter(repositories::installation_id.eq(installation))
        .order(repositories::id)
        .select(Repository::as_select())
        .load(conn)
        .await
}

/// Through which installation it is read from now on, GitHub having been asked.
pub async fn set_installation(
    id: RepositoryRowId,
    installation: InstallationRowId,
    asked_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let written = diesel::update(
        repositories::table
            .find(id)
            .filter(repositories::confirmed_at.le(asked_at)),
    )
    .set(repositories::installation_id.eq(installation))
    .execute(conn)
    .await?;
    if written > 0 {
        confirm::settle_doubt(id, asked_at, conn).await?;
    }
    Ok(())
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

/// Those that are called so now, on whichever host.
pub async fn named(name: &RepositoryName, conn: &mut Conn) -> QueryResult<Vec<Repository>> {
    repositories::table
        .filter(repositories::owner_key.eq(key_of(&name.owner)))
        .filter(repositories::name_key.eq(key_of(&name.name)))
        .order(repositories::id)
        .select(Repository::as_select())
        .load(conn)
        .await
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
