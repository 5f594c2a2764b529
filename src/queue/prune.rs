use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::job::{Cause, JobState};
use crate::db::schema::jobs;
use crate::db::{Conn, Json};
use crate::ids::JobId;

/// Deletes some jobs that were finished before `finished_before`; fewer than `limit` means: all of them.
///
/// In small steps, so that nothing waits behind it.
pub async fn prune(
    finished_before: DateTime<Utc>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<usize> {
    let old: Vec<JobId> = jobs::table
        .filter(jobs::finalized_at.lt(finished_before))
        .order(jobs::finalized_at)
        .select(jobs::id)
        .limit(limit)
        .load(conn)
        .await?;
    diesel::delete(jobs::table.filter(jobs::id.eq_any(old)))
        .execute(conn)
        .await
}

/// The same of those of these kinds and this cause that were completed.
pub async fn prune_completed(
    kinds: &[&str],
    cause: Cause,
    finished_before: DateTime<Utc>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<usize> {
    let old: Vec<JobId> = jobs::table
        .filter(jobs::finalized_at.lt(finished_before))
        .filter(jobs::state.eq(JobState::Completed))
        .filter(jobs::kind.eq_any(kinds.to_vec()))
        .filter(jobs::cause.eq(Json(cause)))
        .order(jobs::finalized_at)
        .select(jobs::id)
        .limit(limit)
        .load(conn)
        .await?;
    diesel::delete(jobs::table.filter(jobs::id.eq_any(old)))
        .execute(conn)
        .await
}
