use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backoff::Backoff;
use super::history::JobEventKind;
use super::job::{Job, JobState};
use super::kind::Registry;
use super::settle::{Delays, Settled, retry_or_discard};
use crate::db::schema::jobs;
use crate::db::{Conn, Driver};
use crate::ids::JobId;

/// At most this many in one transaction: a dead process's jobs, not a table.
const BATCH: i64 = 100;

/// Takes back the jobs whose worker let its lease run out; the attempt counts, for the job may be
/// what killed the worker. Must run in a transaction.
pub(super) async fn rescue(
    registry: &Registry,
    backoff: Backoff,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<usize> {
    let expired = jobs::table
        .filter(jobs::state.eq(JobState::Running.as_str()))
        .filter(jobs::lease_until.lt(now))
        .filter(jobs::kind.eq_any(registry.names()))
        .select(jobs::id)
        .limit(BATCH);
    let ids: Vec<i64> = match conn.driver() {
        Driver::Postgres(connection) => expired.for_update().skip_locked().load(connection).await?,
        Driver::Sqlite(_) => expired.load(conn).await?,
    };
    for id in &ids {
        let job: Job = jobs::table
            .find(JobId::new(*id))
            .select(Job::as_select())
            .first(conn)
            .await?;
        rescue_one(&job, registry, backoff, now, conn).await?;
    }
    Ok(ids.len())
}

async fn rescue_one(
    job: &Job,
    registry: &Registry,
    backoff: Backoff,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let worker = job.worker.as_deref().unwrap_or("unknown");
    let error = format!("the worker {worker} stopped answering");
    tracing::warn!(job.id = %job.id, job.attempt, worker, "rescued a job");
    // The first rescue is immediate: a dead process says little about the job.
    let failures = u32::try_from(job.attempt - 1).unwrap_or(0);
    let delays = Delays {
        delay: backoff.delay(failures, 1.0),
        floor: backoff.floor(failures, 1.0),
    };
    let state = retry_or_discard(job, &error, delays, JobEventKind::Rescued, now, conn).await?;
    match registry.get(&job.kind) {
        Some(kind) if state == JobState::Discarded => {
            kind.discarded(job, &error, &Settled { state }, conn).await
        }
        _ => Ok(()),
    }
}
