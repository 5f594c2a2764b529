//! How a job that did not succeed waits again: by itself, or in its sibling.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::json;

use super::enqueue::{newest_hints, waiting_for_update};
use super::history::JobEventKind;
use super::job::{Job, JobState};
use super::settle::{errors_with, finalize, record};
use crate::db::schema::jobs;
use crate::db::{Channel, Conn, Json};

/// How a job waits again.
pub(super) struct PutBack {
    pub(super) state: JobState,
    pub(super) attempt: i32,
    pub(super) deferrals: i32,
    pub(super) at: DateTime<Utc>,
    pub(super) floor: Option<DateTime<Utc>>,
    pub(super) error: Option<String>,
}

impl PutBack {
    pub(super) fn uncounted(job: &Job, state: JobState, at: DateTime<Utc>) -> Self {
        Self {
            state,
            attempt: job.attempt - 1,
            deferrals: job.deferrals,
            at,
            floor: None,
            error: None,
        }
    }
}

/// Lets a job wait, or hands what it has learnt to the one that waits already.
pub(super) async fn put_back(
    job: &Job,
    back: PutBack,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<JobState> {
    conn.wake_on_commit(Channel::Jobs).await?;
    loop {
        if let Some(sibling) = waiting_for_update(&job.kind, job.target, conn).await? {
            return supersede(job, &sibling, back, now, conn).await;
        }
        // PostgreSQL shows no sibling that is not committed yet, but waits for it here.
        let waits = conn.transaction(async |conn| wait_again(job, &back, now, conn).await);
        match waits.await {
            Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {}
            waits => return waits.map(|()| back.state),
        }
    }
}

async fn wait_again(
    job: &Job,
    back: &PutBack,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let changes = (
        jobs::state.eq(back.state),
        jobs::attempt.eq(back.attempt),
        jobs::deferrals.eq(back.deferrals),
        jobs::scheduled_at.eq(back.at),
        jobs::not_before.eq(back.floor),
        jobs::lease_until.eq(None::<DateTime<Utc>>),
        jobs::errors.eq(Json(errors_with(job, back.error.as_deref(), now))),
    );
    diesel::update(jobs::table.find(job.id))
        .set(changes)
        .execute(conn)
        .await?;
    Ok(())
}

/// Two waiting jobs of one target cannot be: the fresher one takes over what this one has learnt.
async fn supersede(
    job: &Job,
    sibling: &Job,
    back: PutBack,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<JobState> {
    // The request for the sibling came while this attempt ran, so the whole backoff is its floor.
    let floor = back.floor.map(|_| back.at);
    let changes = (
        jobs::state.eq(back.state),
        jobs::attempt.eq(sibling.attempt.max(back.attempt)),
        jobs::deferrals.eq(sibling.deferrals.max(back.deferrals)),
        jobs::scheduled_at.eq(sibling.scheduled_at.max(back.at)),
        jobs::not_before.eq(sibling.not_before.max(floor)),
        jobs::lane.eq(sibling.lane.min(job.lane)),
        jobs::installation_id.eq(sibling.installation_id.or(job.installation_id)),
        jobs::hints.eq(Json(newest_hints(&job.hints.0, &sibling.hints.0))),
    );
    diesel::update(jobs::table.find(sibling.id))
        .set(changes)
        .execute(conn)
        .await?;
    record(
        job,
        JobEventKind::Superseded,
        json!({ "by": sibling.id }),
        now,
        conn,
    )
    .await?;
    let result = json!({ "superseded_by": sibling.id });
    finalize(
        job,
        JobState::Cancelled,
        back.error.as_deref(),
        result,
        now,
        conn,
    )
    .await
}
