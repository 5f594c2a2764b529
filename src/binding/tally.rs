use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Status;
use crate::db::Conn;
use crate::db::schema::bindings;
use crate::ids::OrganizationId;

/// How many bindings there are whose last sync ended so; only those of one organisation when one is given.
pub async fn count(
    status: Status,
    organization: Option<OrganizationId>,
    conn: &mut Conn,
) -> QueryResult<i64> {
    let mut query = bindings::table
        .filter(bindings::status.eq(status))
        .select(count_star())
        .into_boxed();
    if let Some(organization) = organization {
        query = query.filter(bindings::organization_id.eq(organization));
    }
    query.first(conn).await
}
