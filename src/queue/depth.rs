//! How much waits and how much runs, for the metrics.

use chrono::{DateTime, Utc};
use diesel::dsl::{count_star, min};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::job::{JobState, is_running, is_waiting};
use crate::db::Conn;
use crate::db::schema::jobs;

/// How much work there is. Final jobs are not counted: there may be millions.
#[derive(Debug, Clone)]
pub struct Depth {
    available: i64,
    retryable: i64,
    running: i64,
    /// Since when the longest overdue job could have been running.
    pub oldest_due: Option<DateTime<Utc>>,
}

impl Depth {
    /// Each state that is not final, with its jobs.
    pub fn jobs(&self) -> [(JobState, i64); 3] {
        [
            (JobState::Available, self.available),
            (JobState::Retryable, self.retryable),
            (JobState::Running, self.running),
        ]
    }
}

/// How many jobs run by a lease that ended before `before`: their workers are gone, and nobody took the jobs back.
pub async fn count_lost(before: DateTime<Utc>, conn: &mut Conn) -> QueryResult<i64> {
    jobs::table
        .filter(is_running())
        .filter(jobs::lease_until.lt(before))
        .select(count_star())
        .first(conn)
        .await
}

pub async fn depth(now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<Depth> {
    let waiting = || jobs::table.filter(is_waiting());
    let all: i64 = waiting().select(count_star()).first(conn).await?;
    let retryable = waiting().filter(jobs::state.eq(JobState::Retryable));
    let retryable: i64 = retryable.select(count_star()).first(conn).await?;
    let running = jobs::table.filter(is_running());
    let due = waiting().filter(jobs::scheduled_at.le(now));
    Ok(Depth {
        available: all - retryable,
        retryable,
        running: running.select(count_star()).first(conn).await?,
        oldest_due: due.select(min(jobs::scheduled_at)).first(conn).await?,
    })
}
