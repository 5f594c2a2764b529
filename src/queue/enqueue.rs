//! Asking for a job: one that waits already is joined.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;

use super::history::{self, JobEventKind};
use super::job::{Cause, Job, JobState, Lane, is_waiting};
use crate::db::schema::jobs;
use crate::db::{Channel, Conn, Driver, Json};
use crate::ids::{InstallationRowId, JobId, OrganizationId};

/// A request for work on one target.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub kind: Cow<'static, str>,
    pub target: i64,
    pub lane: Lane,
    pub cause: Cause,
    /// What the job may use and need not believe.
    pub hint: Option<serde_json::Value>,
    /// Who may look at the job.
    pub organization_id: Option<OrganizationId>,
    pub installation_id: Option<InstallationRowId>,
    pub max_attempts: i32,
}

/// The job that will do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enqueued {
    pub id: JobId,
    /// The request joined a job that was waiting already.
    pub coalesced: bool,
}

/// Hints kept of the newest requests, each once. An older push is told by a newer one, and the job reads
/// the truth from GitHub anyway; what is said over and over must not push out what was said once.
const HINTS: usize = 32;

/// Must run in the transaction that decided; the workers are woken when it commits.
pub async fn enqueue(new: NewJob, now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<Enqueued> {
    conn.wake_on_commit(Channel::Jobs).await?;
    loop {
        if let Some(id) = insert(&new, now, conn).await? {
            return Ok(Enqueued {
                id,
                coalesced: false,
            });
        }
        // Nothing is found when a worker claimed it between the two statements: then there is room.
        if let Some(waiting) = waiting_for_update(&new.kind, new.target, conn).await? {
            join(&waiting, &new, now, conn).await?;
            return Ok(Enqueued {
                id: waiting.id,
                coalesced: true,
            });
        }
    }
}

async fn insert(new: &NewJob, now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<Option<JobId>> {
    let row = (
        (
            jobs::kind.eq(&new.kind),
            jobs::target.eq(new.target),
            jobs::lane.eq(new.lane),
            jobs::state.eq(JobState::Available),
            jobs::attempt.eq(0),
            jobs::max_attempts.eq(new.max_attempts),
            jobs::deferrals.eq(0),
            jobs::scheduled_at.eq(now),
            jobs::requested_at.eq(now),
        ),
        (
            jobs::organization_id.eq(new.organization_id),
            jobs::installation_id.eq(new.installation_id),
            jobs::fence.eq(0),
            jobs::cause.eq(Json(new.cause.clone())),
            jobs::hints.eq(Json(Vec::from_iter(new.hint.clone()))),
            jobs::errors.eq(Json(Vec::<super::Attempt>::new())),
            jobs::created_at.eq(now),
        ),
    );
    diesel::insert_into(jobs::table)
        .values(row)
        .on_conflict_do_nothing()
        .returning(jobs::id)
        .get_result(conn)
        .await
        .optional()
}

/// The waiting job of a target, locked so that no worker claims it before this transaction ends.
pub(super) async fn waiting_for_update(
    kind: &str,
    target: i64,
    conn: &mut Conn,
) -> QueryResult<Option<Job>> {
    let waiting = jobs::table
        .filter(jobs::kind.eq(kind).and(jobs::target.eq(target)))
        .filter(is_waiting())
        .select(jobs::id);
    let id: Option<i64> = match conn.driver() {
        Driver::Postgres(connection) => {
            use diesel_async::RunQueryDsl;
            waiting.for_update().first(connection).await.optional()?
        }
        // The write lock of the transaction is lock enough.
        Driver::Sqlite(_) => waiting.first(conn).await.optional()?,
    };
    match id {
        Some(id) => super::find(JobId::new(id), conn).await,
        None => Ok(None),
    }
}

async fn join(waiting: &Job, new: &NewJob, now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<()> {
    let by_a_person = matches!(new.cause, Cause::Operator { .. });
    let not_before = if by_a_person {
        None
    } else {
        waiting.not_before
    };
    let forward = not_before.map_or(now, |floor| floor.max(now));
    let changes = (
        jobs::lane.eq(waiting.lane.min(new.lane)),
        jobs::scheduled_at.eq(waiting.scheduled_at.min(forward)),
        jobs::not_before.eq(not_before),
        jobs::requested_at.eq(waiting.requested_at.max(now)),
        jobs::installation_id.eq(new.installation_id.or(waiting.installation_id)),
        jobs::hints.eq(Json(newest_hints(&waiting.hints.0, new.hint.as_slice()))),
    );
    diesel::update(jobs::table.find(waiting.id))
        .set(changes)
        .execute(conn)
        .await?;
    let detail = json!({ "cause": new.cause });
    history::record(waiting.id, JobEventKind::Joined, detail, now, conn).await
}

pub(super) fn newest_hints(
    older: &[serde_json::Value],
    newer: &[serde_json::Value],
) -> Vec<serde_json::Value> {
    let mut newest = Vec::<serde_json::Value>::new();
    for hint in older.iter().chain(newer) {
        newest.retain(|kept| kept != hint);
        newest.push(hint.clone());
    }
    let too_many = newest.len().saturating_sub(HINTS);
    newest.split_off(too_many)
}

/// The target is another thing by now: what its waiting job has learnt (failures, whose rate limit it
/// waits for, hints) does not count any more.
pub async fn forget_waiting(kind: &str, target: i64, conn: &mut Conn) -> QueryResult<()> {
    let Some(waiting) = waiting_for_update(kind, target, conn).await? else {
        return Ok(());
    };
    let changes = (
        jobs::attempt.eq(0),
        jobs::deferrals.eq(0),
        jobs::not_before.eq(None::<DateTime<Utc>>),
        jobs::installation_id.eq(None::<InstallationRowId>),
        jobs::hints.eq(Json(Vec::<serde_json::Value>::new())),
    );
    diesel::update(jobs::table.find(waiting.id))
        .set(changes)
        .execute(conn)
        .await?;
    Ok(())
}

/// Calls off what waits for a target: nobody wants it any more.
pub async fn cancel_waiting(
    kind: &str,
    target: i64,
    why: &str,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let Some(waiting) = waiting_for_update(kind, target, conn).await? else {
        return Ok(());
    };
    let changes = (
        jobs::state.eq(JobState::Cancelled),
        jobs::finalized_at.eq(now),
        jobs::result.eq(Json(json!({ "cancelled": why }))),
    );
    diesel::update(jobs::table.find(waiting.id))
        .set(changes)
        .execute(conn)
        .await?;
    history::record(
        waiting.id,
        JobEventKind::Cancelled,
        json!({ "reason": why }),
        now,
        conn,
    )
    .await
}
