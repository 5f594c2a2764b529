//! A repository that GitHub does not show any more: out of reach, or no more.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Reachability, Repository};
use crate::db::Conn;
use crate::db::schema::{bindings, installations, repositories};
use crate::ids::{InstallationRowId, RepositoryRowId};

/// Confirmations, each with a working token and the installation's own list, before a repository is
/// held to be gone: for a moment of a transfer or of an incident GitHub shows it to nobody.
const CONFIRMATIONS: i32 = 3;

/// Between two that count.
const APART: TimeDelta = TimeDelta::seconds(60);

/// What was found out about a repository that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It was taken out of the installation, and is somewhere else.
    Removed,
    /// Nobody said so. Look again then.
    Unexplained {
        again_at: DateTime<Utc>,
    },
    Gone,
}

/// Remembers that GitHub said so, whatever keeps us from looking: until it is seen again.
pub async fn note_removal(
    id: RepositoryRowId,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    diesel::update(repositories::table.find(id))
        .filter(repositories::removed_at.is_null())
        .filter(repositories::confirmed_at.le(now))
        .set(repositories::removed_at.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes that a working token does not read it and that the installation does not list it. What was
/// known of it stays, and so does what was read later. `removed`: GitHub said that the installation
/// lost it.
pub async fn mark_missing(
    repository: &Repository,
    removed: bool,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Missing> {
    let counted_at = repository.missing_since.map(|_| repository.confirmed_at);
    let counts = counted_at.is_none_or(|before| read_at - before >= APART);
    let counted = if counts {
        read_at
    } else {
        repository.confirmed_at
    };
    let times = repository.times_missing + i32::from(counts);
    let removed_at = repository.removed_at.or(removed.then_some(read_at));
    let missing = if removed_at.is_some() {
        Missing::Removed
    } else if times >= CONFIRMATIONS {
        Missing::Gone
    } else {
        Missing::Unexplained {
            again_at: counted + APART,
        }
    };
    let reachability = match missing {
        Missing::Gone => Reachability::Gone,
        Missing::Removed | Missing::Unexplained { .. } => Reachability::AccessLost,
    };
    let as_read = repositories::table
        .find(repository.id)
        .filter(repositories::confirmed_at.eq(repository.confirmed_at));
    diesel::update(as_read)
        .set((
            repositories::reachability.eq(reachability),
            repositories::times_missing.eq(times),
            repositories::missing_since.eq(repository.missing_since.unwrap_or(read_at)),
            repositories::removed_at.eq(removed_at),
            repositories::confirmed_at.eq(counted),
            repositories::updated_at.eq(read_at),
        ))
        .execute(conn)
        .await?;
    Ok(missing)
}

/// Writes that GitHub did not show it, before anybody has looked why. What is gone stays gone.
pub async fn mark_lost(
    id: RepositoryRowId,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let reachable = repositories::reachability
        .eq(Reachability::Reachable)
        .and(repositories::confirmed_at.le(read_at));
    diesel::update(repositories::table.find(id).filter(reachable))
        .set((
            repositories::reachability.eq(Reachability::AccessLost),
            repositories::confirmed_at.eq(read_at),
            repositories::updated_at.eq(read_at),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes that an installation covers it, as GitHub has just said, although nothing can be read through
/// that at the moment: then the installation says why, and the repository is not lost by itself.
pub async fn mark_covered(
    id: RepositoryRowId,
    installation: InstallationRowId,
    asked_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    diesel::update(repositories::table.find(id))
        .filter(repositories::confirmed_at.le(asked_at))
        .set((
            repositories::reachability.eq(Reachability::Reachable),
            repositories::missing_since.eq(None::<DateTime<Utc>>),
            repositories::times_missing.eq(0),
            repositories::removed_at.eq(None::<DateTime<Utc>>),
            repositories::confirmed_at.eq(asked_at),
            repositories::updated_at.eq(asked_at),
        ))
        .execute(conn)
        .await?;
    super::set_installation(id, installation, asked_at, conn).await
}

/// Something has said that another installation may cover it by now: before anything more is read
/// through the one on record, GitHub is asked. The id on record is kept, and a later doubt stays.
pub async fn doubt_installation(
    id: RepositoryRowId,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let doubted = repositories::installation_doubted_at;
    let earlier = doubted.lt(now).assume_not_null();
    diesel::update(repositories::table.find(id))
        .filter(doubted.is_null().or(earlier))
        .set(doubted.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}

/// Those that are bound and that no installation is known to cover. What is gone is not sought.
pub async fn bound_and_out_of_reach(host: &str, conn: &mut Conn) -> QueryResult<Vec<Repository>> {
    let lost = repositories::reachability.eq(Reachability::AccessLost);
    let uninstalled = repositories::reachability
        .eq(Reachability::Reachable)
        .and(installations::deleted_at.is_not_null());
    let bound = bindings::table.filter(bindings::repository_id.eq(repositories::id.nullable()));
    repositories::table
        .left_join(installations::table)
        .filter(repositories::github_host.eq(host))
        .filter(lost.or(uninstalled))
        .filter(exists(bound))
        .order(repositories::id)
        .select(Repository::as_select())
        .load(conn)
        .await
}
