use chrono::{DateTime, Utc};
use diesel::dsl::{IntoBoxed, Select};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::job::{Cause, JobState};
use crate::db::schema::jobs;
use crate::db::{Conn, Dialect, Json};
use crate::ids::JobId;

/// Deletes some jobs that were finished before `finished_before`; fewer than `limit` means: all of them.
///
/// In small steps, so that nothing waits behind it.
pub async fn prune(
    finished_before: DateTime<Utc>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<usize> {
    let old = finished(finished_before, limit).load(conn).await?;
    delete(old, conn).await
}

/// The same of those of these kinds and this cause that were completed.
pub async fn prune_completed(
    kinds: &[&str],
    cause: Cause,
    finished_before: DateTime<Utc>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<usize> {
    let old = finished(finished_before, limit)
        .filter(jobs::state.eq(JobState::Completed))
        .filter(jobs::kind.eq_any(kinds.to_vec()))
        .filter(jobs::cause.eq(Json(cause)))
        .load(conn)
        .await?;
    delete(old, conn).await
}

fn finished<'a>(
    before: DateTime<Utc>,
    limit: i64,
) -> IntoBoxed<'a, Select<jobs::table, jobs::id>, Dialect> {
    jobs::table
        .select(jobs::id)
        .into_boxed()
        .filter(jobs::finalized_at.lt(before))
        .order(jobs::finalized_at)
        .limit(limit)
}

async fn delete(old: Vec<JobId>, conn: &mut Conn) -> QueryResult<usize> {
    diesel::delete(jobs::table.filter(jobs::id.eq_any(old)))
        .execute(conn)
        .await
}
