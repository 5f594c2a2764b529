use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::ledger::DeliveryState;
use crate::db::schema::{deliveries, delivery_bodies};
use crate::db::{Conn, Driver};
use crate::ids::DeliveryId;

/// Deletes the bodies of some deliveries that were received before `received_before`; fewer than
/// `limit` means: all of them. What still waits keeps its body.
pub async fn prune_bodies(
    received_before: DateTime<Utc>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<usize> {
    let old: Vec<DeliveryId> = delivery_bodies::table
        .inner_join(deliveries::table)
        .filter(delivery_bodies::part.eq(0))
        .filter(deliveries::received_at.lt(received_before))
        .filter(deliveries::state.ne(DeliveryState::Received))
        .order(deliveries::received_at)
        .select(deliveries::id)
        .limit(limit)
        .load(conn)
        .await?;
    let still_old = still_done(&old, conn).await?;
    diesel::delete(delivery_bodies::table.filter(delivery_bodies::delivery_id.eq_any(still_old)))
        .execute(conn)
        .await
}

/// The same for the ledger's rows, with all that hangs on them.
pub async fn prune_deliveries(
    received_before: DateTime<Utc>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<usize> {
    let old: Vec<DeliveryId> = deliveries::table
        .filter(deliveries::received_at.lt(received_before))
        .filter(deliveries::state.ne(DeliveryState::Received))
        .order(deliveries::received_at)
        .select(deliveries::id)
        .limit(limit)
        .load(conn)
        .await?;
    let still_old = still_done(&old, conn).await?;
    diesel::delete(deliveries::table.filter(deliveries::id.eq_any(still_old)))
        .execute(conn)
        .await
}

/// Those that nobody has asked to replay meanwhile, locked until the transaction ends.
async fn still_done(ids: &[DeliveryId], conn: &mut Conn) -> QueryResult<Vec<DeliveryId>> {
    let done = deliveries::table
        .filter(deliveries::id.eq_any(ids.to_vec()))
        .filter(deliveries::state.ne(DeliveryState::Received.as_str()))
        .order(deliveries::id)
        .select(deliveries::id);
    match conn.driver() {
        Driver::Postgres(connection) => done.for_update().skip_locked().load(connection).await,
        Driver::Sqlite(_) => done.load(conn).await,
    }
}
