use chrono::{DateTime, Utc};
use diesel::dsl::{count_star, min, sql};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use super::job::JobState;
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

/// The states are literals, so that both databases see that the partial indexes will do.
pub async fn depth(now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<Depth> {
    let waiting = || jobs::table.filter(sql::<Bool>("jobs.state IN ('available', 'retryable')"));
    let all: i64 = waiting().select(count_star()).first(conn).await?;
    let retryable = waiting().filter(jobs::state.eq(JobState::Retryable));
    let retryable: i64 = retryable.select(count_star()).first(conn).await?;
    let running = jobs::table.filter(sql::<Bool>("jobs.state = 'running'"));
    let due = waiting().filter(jobs::scheduled_at.le(now));
    Ok(Depth {
        available: all - retryable,
        retryable,
        running: running.select(count_star()).first(conn).await?,
        oldest_due: due.select(min(jobs::scheduled_at)).first(conn).await?,
    })
}
