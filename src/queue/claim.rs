//! Taking a job: which is next, in which lane, of which installation; and keeping its lease.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use super::job::{Job, JobState, Lane, is_running, is_waiting};
use crate::db::schema::{installations, jobs};
use crate::db::{Conn, Driver};
use crate::ids::{InstallationRowId, JobId};

/// A job in a worker's hands, for as long as the lease is kept up and the fence is this one.
#[derive(Debug, Clone)]
pub struct Claim {
    pub job: Job,
}

/// What a worker may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The kinds this process knows; others are left for a newer one.
    pub kinds: Vec<&'static str>,
    /// Running jobs of one installation, over all workers: none can starve the others.
    pub per_installation: i64,
    pub lease: Duration,
}

/// Takes the next due job, or nothing. Must run in a transaction of its own, committed before the work.
pub(super) async fn claim(
    limits: &Limits,
    worker: &str,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Option<Claim>> {
    let load = running_by_installation(conn).await?;
    for lane in Lane::ALL {
        // The least busy installations first: a full pass over one level before the next.
        for level in levels(&load, limits.per_installation) {
            let busy: Vec<i64> = load
                .iter()
                .filter(|(_, running)| *running >= level)
                .map(|(id, _)| id.get())
                .collect();
            if let Some(id) = next_due(lane, &busy, &limits.kinds, now, conn).await? {
                return start(id, limits.lease, worker, now, conn)
                    .await
                    .map(|job| Some(Claim { job }));
            }
        }
    }
    Ok(None)
}

async fn running_by_installation(conn: &mut Conn) -> QueryResult<Vec<(InstallationRowId, i64)>> {
    jobs::table
        .filter(is_running().and(jobs::installation_id.is_not_null()))
        .group_by(jobs::installation_id)
        .select((
            jobs::installation_id.assume_not_null(),
            diesel::dsl::count_star(),
        ))
        .load(conn)
        .await
}

/// The loads below which an installation is looked at, in order; the last is the limit itself.
fn levels(load: &[(InstallationRowId, i64)], per_installation: i64) -> Vec<i64> {
    let mut levels: Vec<i64> = load
        .iter()
        .map(|(_, running)| *running)
        .filter(|running| *running < per_installation)
        .collect();
    levels.push(per_installation);
    levels.sort_unstable();
    levels.dedup();
    levels
}

async fn next_due(
    lane: Lane,
    busy: &[i64],
    kinds: &[&'static str],
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Option<JobId>> {
    let running = diesel::alias!(jobs as running);
    let same_target_runs = running
        .filter(sql::<Bool>("running.state = 'running'"))
        .filter(running.field(jobs::kind).eq(jobs::kind))
        .filter(running.field(jobs::target).eq(jobs::target));
    let paused = installations::table
        .filter(installations::id.nullable().eq(jobs::installation_id))
        .filter(installations::paused_until.gt(now));
    let due = jobs::table
        .filter(is_waiting())
        .filter(jobs::lane.eq(lane.number()))
        .filter(jobs::scheduled_at.le(now))
        .filter(jobs::kind.eq_any(kinds.to_vec()))
        .filter(
            jobs::installation_id
                .is_null()
                .or(jobs::installation_id.ne_all(busy.to_vec())),
        )
        .filter(not(exists(same_target_runs)))
        .filter(not(exists(paused)))
        .order((jobs::scheduled_at, jobs::id))
        .select(jobs::id)
        .limit(1);
    match conn.driver() {
        Driver::Postgres(connection) => due
            .for_update()
            .skip_locked()
            .first::<i64>(connection)
            .await
            .optional(),
        Driver::Sqlite(_) => due.first::<i64>(conn).await.optional(),
    }
    .map(|id| id.map(JobId::new))
}

async fn start(
    id: JobId,
    lease: Duration,
    worker: &str,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Job> {
    let changes = (
        jobs::state.eq(JobState::Running),
        jobs::attempt.eq(jobs::attempt + 1),
        jobs::fence.eq(jobs::fence + 1),
        jobs::lease_until.eq(now + lease),
        jobs::worker.eq(worker),
        jobs::attempted_at.eq(now),
        jobs::not_before.eq(None::<DateTime<Utc>>),
    );
    diesel::update(jobs::table.find(id))
        .set(changes)
        .returning(Job::as_returning())
        .get_result(conn)
        .await
}

impl Claim {
    /// Keeps the lease; `false` when the job is no longer ours.
    pub(super) async fn extend(
        &self,
        lease: Duration,
        now: DateTime<Utc>,
        conn: &mut Conn,
    ) -> QueryResult<bool> {
        let held = jobs::table
            .find(self.job.id)
            .filter(jobs::fence.eq(self.job.fence))
            .filter(jobs::state.eq(JobState::Running));
        let rows = diesel::update(held)
            .set(jobs::lease_until.eq(now + lease))
            .execute(conn)
            .await?;
        Ok(rows == 1)
    }
}

/// When the first job that was not due at `looked_at` will be, so that a worker can sleep exactly as long.
pub(super) async fn next_due_after(
    looked_at: DateTime<Utc>,
    kinds: &[&'static str],
    conn: &mut Conn,
) -> QueryResult<Option<DateTime<Utc>>> {
    let mut first = None;
    for lane in Lane::ALL {
        // In the order of the index, so that no number of waiting jobs makes this slow.
        let due: Option<DateTime<Utc>> = jobs::table
            .filter(is_waiting())
            .filter(jobs::lane.eq(lane.number()))
            .filter(jobs::scheduled_at.gt(looked_at))
            .filter(jobs::kind.eq_any(kinds.to_vec()))
            .order((jobs::scheduled_at, jobs::id))
            .select(jobs::scheduled_at)
            .first(conn)
            .await
            .optional()?;
        first = first.into_iter().chain(due).min();
    }
    Ok(first)
}

/// Says whose rate limit and whose share of the workers a job uses, once that is known; the job that
/// waits for the same target, if there is one, will use the same.
pub async fn assign_installation(
    job: JobId,
    installation: InstallationRowId,
    conn: &mut Conn,
) -> QueryResult<()> {
    let (kind, target): (String, i64) = jobs::table
        .find(job)
        .select((jobs::kind, jobs::target))
        .first(conn)
        .await?;
    let sibling = jobs::kind
        .eq(kind)
        .and(jobs::target.eq(target))
        .and(is_waiting());
    diesel::update(jobs::table.filter(jobs::id.eq(job).or(sibling)))
        .set(jobs::installation_id.eq(installation))
        .execute(conn)
        .await?;
    Ok(())
}
