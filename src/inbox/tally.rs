//! How much came, and how long it took: for whoever looks at the console.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::db::schema::{deliveries, delivery_decisions, jobs};
use crate::ids::OrganizationId;
use crate::queue::JobState;

/// Deliveries received from `from` on and before `until`.
pub async fn count_received(
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<i64> {
    deliveries::table
        .filter(deliveries::received_at.ge(from))
        .filter(deliveries::received_at.lt(until))
        .count()
        .get_result(conn)
        .await
}

/// A push and the sync that it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Travel {
    /// By GitHub.
    pub sent_at: DateTime<Utc>,
    /// When its sync had succeeded.
    pub arrived_at: DateTime<Utc>,
}

/// The newest pushes since then that led to a sync that succeeded, one for each binding; only those of one
/// organisation's bindings when one is given.
pub async fn travels(
    since: DateTime<Utc>,
    organization: Option<OrganizationId>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<Travel>> {
    let mut query = delivery_decisions::table
        .inner_join(deliveries::table)
        .inner_join(jobs::table.on(delivery_decisions::job_id.eq(jobs::id.nullable())))
        .filter(deliveries::event.eq("push"))
        .filter(jobs::state.eq(JobState::Completed))
        .filter(delivery_decisions::created_at.ge(since))
        .order(delivery_decisions::id.desc())
        .select((deliveries::sent_at, jobs::finalized_at))
        .into_boxed()
        .limit(limit);
    if let Some(organization) = organization {
        query = query.filter(jobs::organization_id.eq(organization));
    }
    let rows: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)> = query.load(conn).await?;
    let travel = |(sent_at, finalized_at): (_, Option<_>)| {
        finalized_at.map(|arrived_at| Travel {
            sent_at,
            arrived_at,
        })
    };
    Ok(rows.into_iter().filter_map(travel).collect())
}
