use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::names::{self, NameChange};
use super::{Reachability, Repository, find_by_github_id, key_of};
use crate::db::Conn;
use crate::db::schema::repositories;
use crate::github::client::{self, ETag};
use crate::ids::{InstallationRowId, RepositoryRowId};

/// How it is known that an installation covers a repository that GitHub has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// GitHub was asked which installation that is, or listed it under the installation.
    Asked(InstallationRowId),
    /// It was read through the installation that is on record. Says what it is called, and not that it is
    /// covered: any token reads a public repository.
    OnRecord(InstallationRowId),
    /// GitHub was asked, and no installation of ours does. It is there all the same.
    Nobody,
}

impl Coverage {
    const fn reachability(self) -> Reachability {
        match self {
            Self::Asked(_) | Self::OnRecord(_) => Reachability::Reachable,
            Self::Nobody => Reachability::AccessLost,
        }
    }
}

/// Writes what GitHub says now about a repository, made known at its first sight.
///
/// The one place where what is there is not blanked: an installation once known stays until another
/// is. What was read earlier than what is stored changes nothing. Must run in a transaction.
pub async fn confirm(
    host: &str,
    seen: &client::Repository,
    coverage: Coverage,
    etag: Option<&ETag>,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Repository> {
    let before = find_by_github_id(host, seen.id, conn).await?;
    let Some(row) = upsert(host, seen, coverage, etag, read_at, conn).await? else {
        return known(host, seen, conn).await;
    };
    if let Some(change) = NameChange::between(before.as_ref(), &row) {
        names::record(&row, change, read_at, conn).await?;
    }
    if let Coverage::Asked(_) | Coverage::Nobody = coverage {
        settle_doubt(row.id, read_at, conn).await?;
    }
    known(host, seen, conn).await
}

async fn upsert(
    host: &str,
    seen: &client::Repository,
    coverage: Coverage,
    etag: Option<&ETag>,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Option<Repository>> {
    let facts = (
        repositories::owner_id.eq(seen.owner_id),
        repositories::owner.eq(seen.name.owner.as_str()),
        repositories::name.eq(seen.name.name.as_str()),
        repositories::owner_key.eq(key_of(&seen.name.owner)),
        repositories::name_key.eq(key_of(&seen.name.name)),
        repositories::default_branch.eq(Some(seen.default_branch.as_str())),
        repositories::visibility.eq(Some(seen.visibility.as_str())),
        repositories::archived.eq(seen.archived),
        repositories::etag.eq(etag.map(ETag::as_str)),
        repositories::confirmed_at.eq(read_at),
        repositories::updated_at.eq(read_at),
    );
    let first_sight = (
        repositories::github_host.eq(host),
        repositories::github_id.eq(seen.id),
        repositories::reachability.eq(coverage.reachability()),
        repositories::times_missing.eq(0),
        repositories::created_at.eq(read_at),
    );
    let upsert = diesel::insert_into(repositories::table)
        .values((first_sight, facts.clone()))
        .on_conflict((repositories::github_host, repositories::github_id))
        .do_update()
        .set(facts);
    let is_newer = repositories::confirmed_at.le(read_at);
    let row: Option<Repository> = diesel::query_dsl::methods::FilterDsl::filter(upsert, is_newer)
        .returning(Repository::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    if let Some(row) = &row {
        record_coverage(row, coverage, read_at, conn).await?;
    }
    Ok(row)
}

/// What GitHub was asked about access, apart from what it showed.
async fn record_coverage(
    row: &Repository,
    coverage: Coverage,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    // Somewhere else, and not gone, whatever becomes of it there.
    let removed_at = (coverage == Coverage::Nobody).then_some(read_at);
    let seen = (
        repositories::reachability.eq(coverage.reachability()),
        repositories::missing_since.eq(None::<DateTime<Utc>>),
        repositories::times_missing.eq(0),
        repositories::removed_at.eq(removed_at),
    );
    let target = repositories::table.find(row.id);
    match coverage {
        Coverage::Asked(id) => {
            let through = repositories::installation_id.eq(id);
            diesel::update(target)
                .set((seen, through))
                .execute(conn)
                .await?
        }
        Coverage::OnRecord(id) if row.installation_id.is_none() => {
            let through = repositories::installation_id.eq(id);
            diesel::update(target).set(through).execute(conn).await?
        }
        Coverage::OnRecord(_) => 0,
        Coverage::Nobody => diesel::update(target).set(seen).execute(conn).await?,
    };
    Ok(())
}

async fn known(host: &str, seen: &client::Repository, conn: &mut Conn) -> QueryResult<Repository> {
    find_by_github_id(host, seen.id, conn)
        .await?
        .ok_or(diesel::result::Error::NotFound)
}

/// GitHub was asked after the doubt came up.
pub(super) async fn settle_doubt(
    id: RepositoryRowId,
    asked_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let doubted_before = repositories::installation_doubted_at
        .le(asked_at)
        .assume_not_null();
    diesel::update(repositories::table.find(id).filter(doubted_before))
        .set(repositories::installation_doubted_at.eq(None::<DateTime<Utc>>))
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes that nothing has changed since what is stored was read, through the installation on record.
/// Like any sighting through that, it does not say who covers it.
pub async fn confirm_unchanged(
    id: RepositoryRowId,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Repository> {
    diesel::update(
        repositories::table
            .find(id)
            .filter(repositories::confirmed_at.le(read_at)),
    )
    .set(repositories::confirmed_at.eq(read_at))
    .execute(conn)
    .await?;
    super::find(id, conn)
        .await?
        .ok_or(diesel::result::Error::NotFound)
}
