//! How many jobs ended, for whoever looks at the console.

use chrono::{DateTime, Utc};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::job::JobState;
use crate::db::Conn;
use crate::db::schema::jobs;
use crate::ids::OrganizationId;

/// Which jobs are counted.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    pub kind: &'a str,
    pub state: JobState,
    pub organization: Option<OrganizationId>,
}

/// Those that ended so from `from` on and before `until`.
pub async fn count_ended(
    which: Ended<'_>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<i64> {
    let mut query = jobs::table
        .filter(jobs::finalized_at.ge(from))
        .filter(jobs::finalized_at.lt(until))
        .filter(jobs::kind.eq(which.kind.to_owned()))
        .filter(jobs::state.eq(which.state))
        .select(count_star())
        .into_boxed();
    if let Some(organization) = which.organization {
        query = query.filter(jobs::organization_id.eq(organization));
    }
    query.first(conn).await
}
