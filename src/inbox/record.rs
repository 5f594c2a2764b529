//! What is recorded of a delivery, and one that is recorded by itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};

use super::body::{PART, Part};
use super::ledger::{DeliveryState, SignedBy};
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
    Received,
    /// One with this GUID of this App is there already; nothing was changed.
    Duplicate,
}

/// Its line in the ledger.
#[derive(Debug, Insertable)]
#[diesel(
    table_name = deliveries,
    check_for_backend(Dialect),
    treat_none_as_default_value = false
)]
pub(super) struct NewRow {
    pub(super) github_app_id: AppRowId,
    pub(super) guid: String,
    pub(super) event: String,
    pub(super) headers: Json<BTreeMap<String, String>>,
    pub(super) signed_by: Option<SignedBy>,
    pub(super) body_size: i64,
    pub(super) state: DeliveryState,
    pub(super) reason: Option<&'static str>,
    pub(super) detail: Option<String>,
    pub(super) attempts: i32,
    pub(super) scheduled_at: DateTime<Utc>,
    pub(super) sent_at: DateTime<Utc>,
    pub(super) received_at: DateTime<Utc>,
    pub(super) processed_at: Option<DateTime<Utc>>,
}

impl NewRow {
    /// And its body.
    pub(super) fn of(new: NewDelivery, now: DateTime<Utc>) -> (Self, Vec<u8>) {
        let rejected = new.rejected.is_some();
        let row = Self {
            github_app_id: new.app,
            guid: new.guid,
            event: new.event,
            headers: Json(new.headers),
            signed_by: new.signed_by,
            body_size: i64::try_from(new.body.len()).unwrap_or(i64::MAX),
            state: if rejected {
                DeliveryState::Rejected
            } else {
                DeliveryState::Received
            },
            reason: rejected.then_some("not_a_json_object"),
            detail: new.rejected,
            attempts: 0,
            scheduled_at: now,
            sent_at: new.sent_at.map_or(now, |sent_at| sent_at.min(now)),
            received_at: now,
            processed_at: rejected.then_some(now),
        };
        (row, new.body)
    }
}

/// In a transaction of its own, whatever its size.
pub async fn record(new: NewDelivery, now: DateTime<Utc>, db: &Db) -> Result<Recorded, DbError> {
    let (row, body) = NewRow::of(new, now);
    let mut conn = db.write().await?;
    let recorded = conn
        .transaction(async |conn| insert(&row, &body, conn).await)
        .await?;
    Ok(recorded)
}

async fn insert(row: &NewRow, body: &[u8], conn: &mut Conn) -> QueryResult<Recorded> {
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
    insert_body(id, body, conn).await?;
    if row.state == DeliveryState::Received {
        conn.wake_on_commit(Channel::Inbox).await?;
    }
    Ok(Recorded::Received)
}

/// One part at least, so that an empty body is told from one that was pruned.
async fn insert_body(id: DeliveryId, body: &[u8], conn: &mut Conn) -> QueryResult<()> {
    let first_and_only = body.is_empty().then_some(body);
    for (number, bytes) in (0_i32..).zip(body.chunks(PART).chain(first_and_only)) {
        let part = Part::pack(Cow::Borrowed(bytes)).await;
        let row = (
            delivery_bodies::delivery_id.eq(id),
            delivery_bodies::part.eq(number),
            delivery_bodies::encoding.eq(part.encoding),
            delivery_bodies::bytes.eq(part.bytes),
        );
        diesel::insert_into(delivery_bodies::table)
            .values(row)
            .execute(conn)
            .await?;
    }
    Ok(())
}
