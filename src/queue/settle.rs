//! How a claimed job leaves `running`. Every way is fenced: it does nothing once the job is another's.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};

use super::claim::Claim;
use super::history::{self, JobEventKind};
use super::job::{Attempt, Job, JobState};
use super::kind::Outcome;
use super::put_back::{PutBack, put_back};
use crate::db::schema::jobs;
use crate::db::{Channel, Conn, Json};
use crate::ids::JobId;

/// The proof that a job was still ours when it was settled, in the transaction that is open.
///
/// Whoever publishes asks for it, so that a worker which lost its lease publishes nothing.
#[derive(Debug)]
pub struct Settled {
    /// What became of the job.
    pub(super) state: JobState,
}

/// Waits that a settlement needs, drawn once, so that settling is plain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delays {
    pub(super) delay: Duration,
    pub(super) floor: Duration,
}

/// An error kept on a job: enough to see a pattern; all of them are in `job_events`.
const ERRORS: usize = 25;

/// Settles an attempt; `None` when the job is no longer this claim's.
pub(super) async fn settle(
    claim: &Claim,
    outcome: &Outcome,
    delays: Delays,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Option<Settled>> {
    let Some(job) = &lock(claim, conn).await? else {
        return Ok(None);
    };
    let state = match outcome {
        Outcome::Completed(result) => {
            finalize(job, JobState::Completed, None, result.clone(), now, conn).await?
        }
        Outcome::Cancelled { reason } => {
            record(
                job,
                JobEventKind::Cancelled,
                json!({ "reason": reason }),
                now,
                conn,
            )
            .await?;
            finalize(
                job,
                JobState::Cancelled,
                None,
                json!({ "cancelled": reason }),
                now,
                conn,
            )
            .await?
        }
        Outcome::Discarded { error } => discard(job, error, now, conn).await?,
        Outcome::Snoozed { until, reason } => {
            record(
                job,
                JobEventKind::Snoozed,
                json!({ "until": until, "reason": reason }),
                now,
                conn,
            )
            .await?;
            let back = PutBack::uncounted(job, JobState::Available, *until);
            put_back(job, back, now, conn).await?
        }
        Outcome::Deferred { error } => {
            record(
                job,
                JobEventKind::Deferred,
                json!({ "error": error }),
                now,
                conn,
            )
            .await?;
            let mut back = PutBack::uncounted(job, JobState::Retryable, now + delays.delay);
            back.deferrals += 1;
            back.floor = Some(now + delays.floor);
            back.error = Some(error.clone());
            put_back(job, back, now, conn).await?
        }
    };
    Ok(Some(Settled { state }))
}

/// Settles an attempt that failed: tried again, or given up after the last.
pub(super) async fn fail(
    claim: &Claim,
    error: &str,
    delays: Delays,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Option<Settled>> {
    let Some(job) = lock(claim, conn).await? else {
        return Ok(None);
    };
    let state = retry_or_discard(&job, error, delays, JobEventKind::Retried, now, conn).await?;
    Ok(Some(Settled { state }))
}

/// Gives a job back untouched, for another worker to take at once.
pub(super) async fn release(
    claim: &Claim,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<bool> {
    let Some(job) = lock(claim, conn).await? else {
        return Ok(false);
    };
    record(&job, JobEventKind::Released, json!({}), now, conn).await?;
    let back = PutBack::uncounted(&job, JobState::Available, now);
    put_back(&job, back, now, conn).await?;
    Ok(true)
}

/// Takes the row's lock if it is still this claim's; from here to the commit nobody can rescue it.
/// The row may have learnt its installation since it was claimed.
async fn lock(claim: &Claim, conn: &mut Conn) -> QueryResult<Option<Job>> {
    let held = jobs::table
        .find(claim.job.id)
        .filter(jobs::fence.eq(claim.job.fence))
        .filter(jobs::state.eq(JobState::Running));
    diesel::update(held)
        .set(jobs::fence.eq(claim.job.fence))
        .returning(Job::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// A job whose row is locked and whose attempt did not succeed.
pub(super) async fn retry_or_discard(
    job: &Job,
    error: &str,
    delays: Delays,
    event: JobEventKind,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<JobState> {
    if job.attempt >= job.max_attempts {
        return discard(job, error, now, conn).await;
    }
    record(
        job,
        event,
        json!({ "attempt": job.attempt, "error": error }),
        now,
        conn,
    )
    .await?;
    let back = PutBack {
        state: JobState::Retryable,
        attempt: job.attempt,
        deferrals: job.deferrals,
        at: now + delays.delay,
        floor: Some(now + delays.floor),
        error: Some(error.to_owned()),
    };
    put_back(job, back, now, conn).await
}

async fn discard(
    job: &Job,
    error: &str,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<JobState> {
    record(
        job,
        JobEventKind::Discarded,
        json!({ "attempt": job.attempt, "error": error }),
        now,
        conn,
    )
    .await?;
    finalize(
        job,
        JobState::Discarded,
        Some(error),
        json!({ "error": error }),
        now,
        conn,
    )
    .await
}

pub(super) async fn finalize(
    job: &Job,
    state: JobState,
    error: Option<&str>,
    result: Value,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<JobState> {
    let changes = (
        jobs::state.eq(state),
        jobs::finalized_at.eq(now),
        jobs::lease_until.eq(None::<DateTime<Utc>>),
        jobs::errors.eq(Json(errors_with(job, error, now))),
        jobs::result.eq(Json(result)),
    );
    diesel::update(jobs::table.find(job.id))
        .set(changes)
        .execute(conn)
        .await?;
    // A sibling that waited for this target may run now.
    conn.wake_on_commit(Channel::Jobs).await?;
    Ok(state)
}

pub(super) fn errors_with(job: &Job, error: Option<&str>, now: DateTime<Utc>) -> Vec<Attempt> {
    let mut errors = job.errors.0.clone();
    errors.extend(error.map(|error| Attempt {
        at: now,
        attempt: job.attempt,
        error: error.to_owned(),
    }));
    let older = errors.len().saturating_sub(ERRORS);
    errors.split_off(older)
}

pub(super) async fn record(
    job: &Job,
    event: JobEventKind,
    detail: Value,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    history::record(job.id, event, detail, now, conn).await
}

/// Adds a word for people to the result of a job that is being settled.
pub async fn annotate(id: JobId, key: &str, text: &str, conn: &mut Conn) -> QueryResult<()> {
    let Some(job) = super::find(id, conn).await? else {
        return Ok(());
    };
    let mut result = job.result.map_or_else(|| json!({}), |result| result.0);
    if let Some(result) = result.as_object_mut() {
        result.insert(key.to_owned(), json!(text));
    }
    diesel::update(jobs::table.find(id))
        .set(jobs::result.eq(Json(result)))
        .execute(conn)
        .await?;
    Ok(())
}
