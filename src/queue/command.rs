//! What a person does to one job: has its work done again, or calls it off.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::enqueue::{Enqueued, NewJob, enqueue};
use super::history::{self, JobEventKind};
use super::job::{Cause, Job, JobState, Lane};
use crate::db::schema::jobs;
use crate::db::{Conn, Json};
use crate::ids::JobId;

/// Has the work of a job done as soon as a worker is free: the one that waits for its target is pulled
/// forward, whichever it is, and without one there is a new one. What ran is history and stays so.
///
/// Must run in a transaction. Kinds with more to do when they are asked for have functions of their own.
pub async fn retry(
    job: &Job,
    cause: Cause,
    max_attempts: i32,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Enqueued> {
    let again = NewJob {
        kind: job.kind.clone().into(),
        target: job.target,
        lane: Lane::Prompt,
        cause,
        hint: None,
        organization_id: job.organization_id,
        installation_id: job.installation_id,
        max_attempts,
    };
    enqueue(again, now, conn).await
}

/// Calls a job off, whether it waits or runs; `false` when it has ended already.
///
/// A worker that runs it loses it as if another had taken it over: what it finds is not published.
/// Must run in a transaction.
pub async fn cancel(
    id: JobId,
    cause: &Cause,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<bool> {
    let unfinished = jobs::table.find(id).filter(jobs::finalized_at.is_null());
    let changes = (
        jobs::state.eq(JobState::Cancelled),
        jobs::finalized_at.eq(now),
        jobs::lease_until.eq(None::<DateTime<Utc>>),
        jobs::fence.eq(jobs::fence + 1),
        jobs::result.eq(Json(json!({ "cancelled": "somebody called it off" }))),
    );
    let cancelled = diesel::update(unfinished)
        .set(changes)
        .execute(conn)
        .await?;
    if cancelled == 0 {
        return Ok(false);
    }
    let detail = json!({ "reason": "somebody called it off", "cause": cause });
    history::record(id, JobEventKind::Cancelled, detail, now, conn).await?;
    Ok(true)
}
