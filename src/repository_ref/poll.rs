//! When each ref that is bound is polled, and that the others are not.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::{count_star, exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Resolution, Row};
use crate::db::Conn;
use crate::db::schema::{bindings, installations, repositories, repository_refs};
use crate::git::GitRef;
use crate::github::client::ETag;
use crate::ids::{AppRowId, InstallationRowId, RepositoryRefId, RepositoryRowId};
use crate::repository::{Reachability, Repository};

/// A ref whose turn it is.
#[derive(Debug, Clone)]
pub struct DueRef {
    pub id: RepositoryRefId,
    pub repository: Repository,
    /// As operators write it.
    pub git_ref: String,
    pub poll_at: DateTime<Utc>,
    /// What the last sync that looked has found.
    pub resolution: Resolution,
}

/// Rows placed, put off or let go in one step.
const STEP: i64 = 500;

/// Lets the poll find it: it has no place of its own yet, and is due at once.
pub(super) async fn begin(
    repository: RepositoryRowId,
    git_ref: &GitRef,
    conn: &mut Conn,
) -> QueryResult<()> {
    let not_polled = repository_refs::table
        .filter(repository_refs::repository_id.eq(repository))
        .filter(repository_refs::git_ref.eq(git_ref.to_string()))
        .filter(repository_refs::poll_at.is_null());
    diesel::update(not_polled)
        .set(repository_refs::poll_at.eq(repository_refs::resolved_at.nullable()))
        .execute(conn)
        .await?;
    Ok(())
}

/// Gives every ref that has none its place in the interval, counted from when it was resolved: what is
/// not older than that need not be asked for.
pub async fn place(before: DateTime<Utc>, every: Duration, conn: &mut Conn) -> QueryResult<()> {
    let new: Vec<(RepositoryRefId, DateTime<Utc>)> = repository_refs::table
        .filter(repository_refs::poll_at.le(before))
        .filter(repository_refs::poll_at.eq(repository_refs::resolved_at.nullable()))
        .select((repository_refs::id, repository_refs::resolved_at))
        .order(repository_refs::id)
        .limit(STEP)
        .load(conn)
        .await?;
    for (id, resolved_at) in new {
        poll_at(id, next_place(id, resolved_at, every), conn).await?;
    }
    Ok(())
}

/// Places anew what is further ahead than a place ever is when all that is due before `before` is asked
/// for: the interval was longer then, or a clock was wrong.
pub async fn bring_back(
    before: DateTime<Utc>,
    every: Duration,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let astray: Vec<RepositoryRefId> = repository_refs::table
        .filter(repository_refs::poll_at.gt(before + every))
        .select(repository_refs::id)
        .order(repository_refs::id)
        .limit(STEP)
        .load(conn)
        .await?;
    for id in astray {
        poll_at(id, next_place(id, now, every), conn).await?;
    }
    Ok(())
}

/// Takes out of the poll what is due before `before` and no binding follows any more, by the
/// repository's id or, unsynced, by its name.
pub async fn let_go(before: DateTime<Utc>, conn: &mut Conn) -> QueryResult<()> {
    let is_default = repositories::default_branch
        .is_not_null()
        .and(repositories::default_branch.eq(repository_refs::git_ref.nullable()))
        .assume_not_null();
    let of_id = || bindings::table.filter(bindings::repository_id.eq(repositories::id.nullable()));
    let of_name = || {
        bindings::table
            .filter(bindings::github_host.eq(repositories::github_host))
            .filter(bindings::owner_key.eq(repositories::owner_key))
            .filter(bindings::repo_key.eq(repositories::name_key))
            .filter(bindings::repository_id.is_null())
    };
    let this_ref = || bindings::git_ref.eq(repository_refs::git_ref.nullable());
    // Most are followed by the id, which is found at once; the rest is looked at only where that fails.
    let by_id = exists(of_id().filter(this_ref()));
    let by_id_and_default = exists(of_id().filter(bindings::git_ref.is_null()));
    let by_name = exists(of_name().filter(this_ref()));
    let by_name_and_default = exists(of_name().filter(bindings::git_ref.is_null()));
    let followed = by_id
        .or(is_default.and(by_id_and_default.or(by_name_and_default)))
        .or(by_name);
    let unwanted: Vec<RepositoryRefId> = repository_refs::table
        .inner_join(repositories::table)
        .filter(repository_refs::poll_at.le(before))
        .filter(not(followed))
        .select(repository_refs::id)
        .order(repository_refs::id)
        .limit(STEP)
        .load(conn)
        .await?;
    diesel::update(repository_refs::table.filter(repository_refs::id.eq_any(unwanted)))
        .set(repository_refs::poll_at.eq(None::<DateTime<Utc>>))
        .execute(conn)
        .await?;
    Ok(())
}

/// Passes over what is due before `before` and cannot be read, until its next turn.
pub async fn put_off(before: DateTime<Utc>, every: Duration, conn: &mut Conn) -> QueryResult<()> {
    let readable = repositories::reachability
        .eq(Reachability::Reachable)
        .and(installations::id.is_not_null())
        .and(installations::suspended_at.is_null())
        .and(installations::deleted_at.is_null());
    let unreadable: Vec<RepositoryRefId> = repository_refs::table
        .inner_join(repositories::table.left_join(installations::table))
        .filter(repository_refs::poll_at.le(before))
        .filter(not(readable))
        .select(repository_refs::id)
        .order(repository_refs::id)
        .limit(STEP)
        .load(conn)
        .await?;
    for id in unreadable {
        poll_at(id, next_place(id, before, every), conn).await?;
    }
    Ok(())
}

/// The installations of these Apps of whose repositories a ref is due before `before`. Where another may
/// cover the repository by now, its refs wait, in their places, for the refresh that finds out.
pub async fn installations_due(
    apps: &[AppRowId],
    before: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Vec<InstallationRowId>> {
    repository_refs::table
        .inner_join(repositories::table.inner_join(installations::table))
        .filter(repository_refs::poll_at.le(before))
        .filter(repositories::reachability.eq(Reachability::Reachable))
        .filter(repositories::installation_doubted_at.is_null())
        .filter(installations::github_app_id.eq_any(apps.to_vec()))
        .select(installations::id)
        .distinct()
        .load(conn)
        .await
}

/// The installations of these Apps that work and of whose repositories a ref is polled.
pub async fn installations_polled(
    apps: &[AppRowId],
    conn: &mut Conn,
) -> QueryResult<Vec<InstallationRowId>> {
    let polled = repository_refs::table
        .inner_join(repositories::table)
        .filter(repositories::installation_id.eq(installations::id.nullable()))
        .filter(repositories::reachability.eq(Reachability::Reachable))
        .filter(repositories::installation_doubted_at.is_null())
        .filter(repository_refs::poll_at.is_not_null());
    installations::table
        .filter(installations::github_app_id.eq_any(apps.to_vec()))
        .filter(installations::suspended_at.is_null())
        .filter(installations::deleted_at.is_null())
        .filter(exists(polled))
        .select(installations::id)
        .load(conn)
        .await
}

/// The refs of an installation that are due before `before`, the longest due first.
pub async fn due(
    installation: InstallationRowId,
    before: DateTime<Utc>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<DueRef>> {
    type Joined = (
        RepositoryRefId,
        String,
        Option<DateTime<Utc>>,
        Row,
        Repository,
    );
    let rows: Vec<Joined> = repository_refs::table
        .inner_join(repositories::table)
        .filter(repositories::installation_id.eq(installation))
        .filter(repositories::reachability.eq(Reachability::Reachable))
        .filter(repositories::installation_doubted_at.is_null())
        .filter(repository_refs::poll_at.le(before))
        .order((repository_refs::poll_at, repository_refs::id))
        .select((
            repository_refs::id,
            repository_refs::git_ref,
            repository_refs::poll_at,
            Row::as_select(),
            Repository::as_select(),
        ))
        .limit(limit)
        .load(conn)
        .await?;
    let due = |(id, git_ref, poll_at, row, repository): Joined| DueRef {
        id,
        repository,
        git_ref,
        poll_at: poll_at.unwrap_or(before),
        resolution: row.into(),
    };
    Ok(rows.into_iter().map(due).collect())
}

/// How many refs of an installation are polled.
pub async fn count(installation: InstallationRowId, conn: &mut Conn) -> QueryResult<i64> {
    repository_refs::table
        .inner_join(repositories::table)
        .filter(repositories::installation_id.eq(installation))
        .filter(repository_refs::poll_at.is_not_null())
        .select(count_star())
        .first(conn)
        .await
}

/// When it is polled next.
pub async fn poll_at(id: RepositoryRefId, at: DateTime<Utc>, conn: &mut Conn) -> QueryResult<()> {
    diesel::update(repository_refs::table.find(id))
        .set(repository_refs::poll_at.eq(at))
        .execute(conn)
        .await?;
    Ok(())
}

/// Keeps the ETag that goes with a resolution by now, unless a sync has looked since.
pub async fn keep_etag(
    id: RepositoryRefId,
    of: &Resolution,
    etag: &ETag,
    conn: &mut Conn,
) -> QueryResult<()> {
    let as_read = repository_refs::table
        .find(id)
        .filter(repository_refs::resolved_at.eq(of.resolved_at));
    diesel::update(as_read)
        .set(repository_refs::etag.eq(etag.as_str()))
        .execute(conn)
        .await?;
    Ok(())
}

/// The first instant later than `after` that is this row's: one in each interval, and those of all rows
/// are spread evenly over it.
pub fn next_place(id: RepositoryRefId, after: DateTime<Utc>, every: Duration) -> DateTime<Utc> {
    let every = i64::try_from(every.as_micros()).unwrap_or(i64::MAX).max(1);
    let since = (after.timestamp_micros() - place_of(id, every)).rem_euclid(every);
    after + TimeDelta::microseconds(every - since)
}

/// Fibonacci hashing: ids that follow each other come to lie far apart.
fn place_of(id: RepositoryRefId, every: i64) -> i64 {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let hash = id.get().unsigned_abs().wrapping_mul(GOLDEN);
    let place = (u128::from(hash) * u128::from(every.unsigned_abs())) >> 64;
    i64::try_from(place).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(300);

    fn noon() -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse().expect("a time")
    }

    #[test]
    fn every_row_has_one_place_in_an_interval() {
        for id in (1..100).map(RepositoryRefId::new) {
            let first = next_place(id, noon(), EVERY);
            assert!(first > noon() && first <= noon() + EVERY);
            assert_eq!(next_place(id, first, EVERY), first + EVERY);
            let before = first - TimeDelta::microseconds(1);
            assert_eq!(next_place(id, before, EVERY), first);
        }
    }

    #[test]
    fn the_places_of_rows_that_follow_each_other_are_spread_evenly() {
        let mut tenths = [0; 10];
        for id in (1..=1000).map(RepositoryRefId::new) {
            let place = next_place(id, noon(), EVERY) - noon();
            let tenth = (place.num_milliseconds() - 1) / 30_000;
            tenths[usize::try_from(tenth).expect("within the interval")] += 1;
        }
        assert!(
            tenths.iter().all(|rows| (95..=105).contains(rows)),
            "{tenths:?}"
        );
    }
}
