use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::backoff::Backoff;
use super::history::JobEventKind;
use super::job::{Job, JobState, is_running};
use super::kind::Registry;
use super::settle::{Delays, Settled, retry_or_discard};
use crate::db::schema::jobs;
use crate::db::{Conn, Driver};
use crate::ids::JobId;

/// The jobs whose worker let its lease run out.
pub(super) async fn expired(
    kinds: &[&'static str],
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Vec<JobId>> {
    jobs::table
        .filter(is_running())
        .filter(jobs::lease_until.lt(now))
        .filter(jobs::kind.eq_any(kinds.to_vec()))
        .order(jobs::lease_until)
        .select(jobs::id)
        .load(conn)
        .await
}

/// Takes a job back whose lease has run out; the attempt counts, for the job may be what killed the
/// worker. Nothing, if another worker does it or the lease was extended. Must run in a transaction.
pub(super) async fn rescue(
    job: JobId,
    registry: &Registry,
    backoff: Backoff,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let expired = jobs::table
        .filter(jobs::id.eq(job.get()))
        .filter(is_running())
        .filter(jobs::lease_until.lt(now))
        .select(jobs::id);
    let id: Option<i64> = match conn.driver() {
        Driver::Postgres(connection) => expired
            .for_update()
            .skip_locked()
            .first(connection)
            .await
            .optional()?,
        Driver::Sqlite(_) => expired.first(conn).await.optional()?,
    };
    let job = match id {
        Some(id) => super::find(JobId::new(id), conn).await?,
        None => None,
    };
    match job {
        Some(job) => put_back(&job, registry, backoff, now, conn).await,
        None => Ok(()),
    }
}

async fn put_back(
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
