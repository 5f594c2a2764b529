//! What became of a delivery, written down.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tracing::Span;

use super::decision;
use super::ledger::{Delivery, DeliveryState};
use crate::db::Conn;
use crate::db::schema::deliveries;
use crate::github::event;
use crate::processors::Verdict;

/// What is logged while it is processed belongs to it.
pub(super) fn span(delivery: &Delivery) -> Span {
    tracing::info_span!(
        "process",
        delivery.guid = delivery.guid,
        github.event = delivery.event,
        repository.id = tracing::field::Empty,
    )
}

/// With the decisions that led to it.
pub(super) async fn mark(
    delivery: &Delivery,
    verdict: &Verdict,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    decision::replace(delivery.id, &verdict.decisions, now, conn).await?;
    settle(delivery, verdict, now, conn).await
}

/// All but the decisions.
pub(super) async fn settle(
    delivery: &Delivery,
    verdict: &Verdict,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let changes = (
        deliveries::state.eq(verdict.state),
        deliveries::reason.eq(verdict.reason),
        deliveries::detail.eq(verdict.detail.as_deref()),
        deliveries::processed_at.eq(now),
        &verdict.about,
    );
    diesel::update(deliveries::table.find(delivery.id))
        .set(changes)
        .execute(conn)
        .await?;
    count(&delivery.event, verdict.state);
    tracing::info!(state = %verdict.state, reason = verdict.reason, "processed");
    Ok(())
}

pub(super) fn count(event: &str, state: DeliveryState) {
    metrics::counter!(
        "bindery_deliveries_processed_total",
        "event" => event::label(event), "state" => state.as_str()
    )
    .increment(1);
}
