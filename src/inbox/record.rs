//! Recording a delivery, once by (App, GUID), before it is acknowledged.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};

use super::ledger::{DeliveryState, SignedBy};
use crate::clock::Clock;
use crate::db::schema::{deliveries, delivery_bodies};
use crate::db::{Channel, Conn, Db, DbError, Json};
use crate::ids::{AppRowId, DeliveryId};

/// A delivery whose signature has been proven.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    pub app: AppRowId,
    pub guid: String,
    pub event: String,
    pub headers: BTreeMap<String, String>,
    /// `None`: fetched from GitHub's own list of deliveries, where the App's key is the proof.
    pub signed_by: Option<SignedBy>,
    /// When GitHub sent it, where GitHub's list says so; otherwise just now.
    pub sent_at: Option<DateTime<Utc>>,
    /// The bytes that were signed, or the payload that was fetched.
    pub body: Vec<u8>,
    /// Why GitHub is answered 400: it is kept, and not processed.
    pub rejected: Option<String>,
}

/// What the ledger says to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    Received(DeliveryId),
    /// One with this GUID of this App is there already; nothing was changed.
    Duplicate,
}

/// Where deliveries are handed in. An answer of `Ok` means: committed, on disk.
#[derive(Debug, Clone)]
pub struct Inbox {
    db: Db,
    clock: Clock,
}

impl Inbox {
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// One transaction a delivery. Callers hand in and wait, which leaves room for many to share a commit.
    pub async fn record(&self, new: NewDelivery) -> Result<Recorded, DbError> {
        let now = self.clock.now();
        let mut conn = self.db.write().await?;
        let recorded = conn
            .transaction(async |conn| insert(&new, now, conn).await)
            .await?;
        Ok(recorded)
    }
}

async fn insert(new: &NewDelivery, now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<Recorded> {
    let rejected = new.rejected.is_some();
    let state = if rejected {
        DeliveryState::Rejected
    } else {
        DeliveryState::Received
    };
    let row = (
        deliveries::github_app_id.eq(new.app),
        deliveries::guid.eq(&new.guid),
        deliveries::event.eq(&new.event),
        deliveries::headers.eq(Json(new.headers.clone())),
        deliveries::signed_by.eq(new.signed_by),
        deliveries::body_size.eq(i64::try_from(new.body.len()).unwrap_or(i64::MAX)),
        deliveries::state.eq(state),
        deliveries::reason.eq(rejected.then_some("not_a_json_object")),
        deliveries::detail.eq(new.rejected.as_deref()),
        deliveries::attempts.eq(0),
        deliveries::scheduled_at.eq(now),
        deliveries::sent_at.eq(new.sent_at.map_or(now, |sent_at| sent_at.min(now))),
        deliveries::received_at.eq(now),
        deliveries::processed_at.eq(rejected.then_some(now)),
    );
    let id: Option<DeliveryId> = diesel::insert_into(deliveries::table)
        .values(row)
        .on_conflict((deliveries::github_app_id, deliveries::guid))
        .do_nothing()
        .returning(deliveries::id)
        .get_result(conn)
        .await
        .optional()?;
    let Some(id) = id else {
        return Ok(Recorded::Duplicate);
    };
    insert_body(id, &new.body, conn).await?;
    if !rejected {
        conn.wake_on_commit(Channel::Inbox).await?;
    }
    Ok(Recorded::Received(id))
}

/// Bytes in one statement: drivers copy what they send more than once, and keep the room for it.
const PART: usize = 1 << 20;

/// One part at least, so that an empty body is told from one that was pruned.
async fn insert_body(id: DeliveryId, body: &[u8], conn: &mut Conn) -> QueryResult<()> {
    let first_and_only = body.is_empty().then_some(body);
    for (part, bytes) in (0_i32..).zip(body.chunks(PART).chain(first_and_only)) {
        let row = (
            delivery_bodies::delivery_id.eq(id),
            delivery_bodies::part.eq(part),
            delivery_bodies::bytes.eq(bytes),
        );
        diesel::insert_into(delivery_bodies::table)
            .values(row)
            .execute(conn)
            .await?;
    }
    Ok(())
}
