//! The ledger's rows: what was delivered, and how far each has come.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;

use super::body::{Encoding, Part};
use crate::db::schema::{deliveries, delivery_bodies};
use crate::db::{Channel, Conn, Dialect, Json, text_enum};
use crate::github::ids::{InstallationId, RepositoryId};
use crate::github::signature::SecretAge;
use crate::ids::{AppRowId, DeliveryId};

text_enum! {
    /// How far a delivery has come.
    pub enum DeliveryState {
        /// Recorded and acknowledged; waits to be processed.
        Received = "received",
        /// It made or joined jobs, or was all that it had to be.
        Processed = "processed",
        /// Nothing is to be done; the reason says why.
        Ignored = "ignored",
        /// Signed, and no JSON object: GitHub was answered 400.
        Rejected = "rejected",
        /// Could not be processed, time and again; can be replayed.
        Failed = "failed",
    }
}

text_enum! {
    /// Which of the two webhook secrets proved a delivery.
    pub enum SignedBy {
        Current = "current",
        Previous = "previous",
    }
}

impl From<SecretAge> for SignedBy {
    fn from(age: SecretAge) -> Self {
        match age {
            SecretAge::Current => Self::Current,
            SecretAge::Previous => Self::Previous,
        }
    }
}

/// One POST of GitHub's, without its body.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = deliveries, check_for_backend(Dialect))]
pub struct Delivery {
    pub id: DeliveryId,
    pub github_app_id: AppRowId,
    pub guid: String,
    pub event: String,
    pub action: Option<String>,
    pub headers: Json<BTreeMap<String, String>>,
    /// `None`: fetched from GitHub's own list of deliveries, not received.
    pub signed_by: Option<SignedBy>,
    pub body_size: i64,
    pub state: DeliveryState,
    pub reason: Option<String>,
    pub detail: Option<String>,
    pub attempts: i32,
    pub scheduled_at: DateTime<Utc>,
    pub repository_github_id: Option<RepositoryId>,
    pub installation_github_id: Option<InstallationId>,
    pub git_ref: Option<String>,
    pub head_sha: Option<String>,
    /// By GitHub; later than that, it was received or fetched.
    pub sent_at: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub processed_at: Option<DateTime<Utc>>,
}

/// What an event was about: how people look a delivery up.
#[derive(Debug, Clone, Default, PartialEq, Eq, AsChangeset)]
#[diesel(table_name = deliveries)]
pub struct About {
    pub action: Option<String>,
    pub repository_github_id: Option<RepositoryId>,
    pub installation_github_id: Option<InstallationId>,
    pub git_ref: Option<String>,
    pub head_sha: Option<String>,
}

/// What a list of deliveries is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    pub state: Option<DeliveryState>,
    pub event: Option<String>,
    pub guid: Option<String>,
    pub repository: Option<RepositoryId>,
    /// The commit that a push brought.
    pub head_sha: Option<String>,
    /// Only deliveries with a smaller id: the page after the one that ended there.
    pub before: Option<DeliveryId>,
}

pub async fn find(id: DeliveryId, conn: &mut Conn) -> QueryResult<Option<Delivery>> {
    deliveries::table
        .find(id)
        .select(Delivery::as_select())
        .first(conn)
        .await
        .optional()
}

/// The deliveries with this GUID, one of an App: Apps that hear of one event get the same.
pub async fn of_guid(guid: &str, apps: &[AppRowId], conn: &mut Conn) -> QueryResult<Vec<Delivery>> {
    deliveries::table
        .filter(deliveries::github_app_id.eq_any(apps.to_vec()))
        .filter(deliveries::guid.eq(guid))
        .order(deliveries::id)
        .select(Delivery::as_select())
        .load(conn)
        .await
}

/// The newest first.
pub async fn list(
    filter: &DeliveryFilter,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<Delivery>> {
    let mut query = deliveries::table
        .order(deliveries::id.desc())
        .select(Delivery::as_select())
        .into_boxed()
        .limit(limit);
    if let Some(state) = filter.state {
        query = query.filter(deliveries::state.eq(state));
    }
    if let Some(event) = &filter.event {
        query = query.filter(deliveries::event.eq(event.clone()));
    }
    if let Some(guid) = &filter.guid {
        query = query.filter(deliveries::guid.eq(guid.clone()));
    }
    if let Some(repository) = filter.repository {
        query = query.filter(deliveries::repository_github_id.eq(repository));
    }
    if let Some(sha) = &filter.head_sha {
        query = query.filter(deliveries::head_sha.eq(sha.clone()));
    }
    if let Some(before) = filter.before {
        query = query.filter(deliveries::id.lt(before));
    }
    query.load(conn).await
}

/// The bytes that were signed; `None` once they have been pruned.
pub async fn body(id: DeliveryId, conn: &mut Conn) -> QueryResult<Option<Vec<u8>>> {
    Ok(bodies(&[id], conn).await?.remove(&id))
}

/// Those of these that have not been pruned.
pub(super) async fn bodies(
    of: &[DeliveryId],
    conn: &mut Conn,
) -> QueryResult<BTreeMap<DeliveryId, Vec<u8>>> {
    let parts: Vec<(DeliveryId, Encoding, Vec<u8>)> = delivery_bodies::table
        .filter(delivery_bodies::delivery_id.eq_any(of.to_vec()))
        .order((delivery_bodies::delivery_id, delivery_bodies::part))
        .select((
            delivery_bodies::delivery_id,
            delivery_bodies::encoding,
            delivery_bodies::bytes,
        ))
        .load(conn)
        .await?;
    let mut bodies = BTreeMap::<_, Vec<u8>>::new();
    for (delivery, encoding, bytes) in parts {
        let raw = Part { encoding, bytes }.unpack()?;
        bodies.entry(delivery).or_default().extend(raw);
    }
    Ok(bodies)
}

/// What came of asking for a delivery to be processed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    Asked,
    /// It waits to be processed anyway, and is left as it is.
    WaitsAlready,
    /// Its body is no longer there, or never was a JSON object.
    NoBody,
}

/// Has a delivery processed again. Must run in a transaction.
pub async fn replay(id: DeliveryId, now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<Replay> {
    let Some(delivery) = find(id, conn).await? else {
        return Ok(Replay::NoBody);
    };
    let bodies: i64 = delivery_bodies::table
        .filter(delivery_bodies::delivery_id.eq(id))
        .count()
        .get_result(conn)
        .await?;
    if bodies == 0 || delivery.state == DeliveryState::Rejected {
        return Ok(Replay::NoBody);
    }
    let again = deliveries::table
        .find(id)
        .filter(deliveries::state.ne(DeliveryState::Received));
    let changes = (
        deliveries::state.eq(DeliveryState::Received),
        deliveries::processed_at.eq(None::<DateTime<Utc>>),
        deliveries::reason.eq(None::<String>),
        deliveries::detail.eq(None::<String>),
        deliveries::attempts.eq(0),
        deliveries::scheduled_at.eq(now),
    );
    if diesel::update(again).set(changes).execute(conn).await? == 0 {
        return Ok(Replay::WaitsAlready);
    }
    conn.wake_on_commit(Channel::Inbox).await?;
    Ok(Replay::Asked)
}

/// Since when the oldest delivery has been waiting: whether the inbox keeps up.
pub async fn oldest_waiting(conn: &mut Conn) -> QueryResult<Option<DateTime<Utc>>> {
    // Beside the count, since SQLite looks for a least alone along its own index: past all that is processed.
    let (_, oldest): (i64, Option<DateTime<Utc>>) = deliveries::table
        .filter(is_waiting())
        .select((
            diesel::dsl::count_star(),
            diesel::dsl::min(deliveries::received_at),
        ))
        .first(conn)
        .await?;
    Ok(oldest)
}

/// How many wait to be processed.
pub async fn count_waiting(conn: &mut Conn) -> QueryResult<i64> {
    deliveries::table
        .filter(is_waiting())
        .count()
        .get_result(conn)
        .await
}

/// A literal, so that both databases see that the partial index will do.
pub(super) fn is_waiting() -> SqlLiteral<Bool> {
    diesel::dsl::sql("deliveries.state = 'received'")
}
