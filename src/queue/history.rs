use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::job_events;
use crate::db::{Conn, Dialect, Json, text_enum};
use crate::ids::JobId;

text_enum! {
    /// What befell a job besides the course that its own row tells (created, attempted, finalised).
    pub enum JobEventKind {
        /// Another request for the same target found it waiting.
        Joined = "joined",
        Retried = "retried",
        /// Failed through no fault of its own; the attempt is not counted.
        Deferred = "deferred",
        Snoozed = "snoozed",
        /// Its worker stopped answering.
        Rescued = "rescued",
        /// Given back by a worker that was told to stop.
        Released = "released",
        Superseded = "superseded",
        Discarded = "discarded",
        Cancelled = "cancelled",
    }
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = job_events, check_for_backend(Dialect))]
pub struct JobEvent {
    pub at: DateTime<Utc>,
    pub event: JobEventKind,
    pub detail: Json<serde_json::Value>,
}

pub(super) async fn record(
    job: JobId,
    event: JobEventKind,
    detail: serde_json::Value,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let row = (
        job_events::job_id.eq(job),
        job_events::at.eq(now),
        job_events::event.eq(event),
        job_events::detail.eq(Json(detail)),
    );
    diesel::insert_into(job_events::table)
        .values(row)
        .execute(conn)
        .await?;
    Ok(())
}

/// The oldest first.
pub async fn events_of(job: JobId, conn: &mut Conn) -> QueryResult<Vec<JobEvent>> {
    job_events::table
        .filter(job_events::job_id.eq(job))
        .order(job_events::id)
        .select(JobEvent::as_select())
        .load(conn)
        .await
}
