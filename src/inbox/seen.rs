//! Deliveries that are known from GitHub's list alone: kept in the ledger, without headers and bodies, so
//! that nobody looks at them twice.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::ledger::{self, Delivery, DeliveryState, SignedBy};
use crate::db::schema::deliveries;
use crate::db::{Conn, Json};
use crate::git::{GitRef, Oid};
use crate::github::delivery_body::BodyFormat;
use crate::github::event::{Event, Push};
use crate::github::ids::{InstallationId, RepositoryId};
use crate::ids::{AppRowId, DeliveryId};

/// What GitHub's list says of a delivery, and why nothing is done with it.
#[derive(Debug, Clone)]
pub struct SeenDelivery {
    pub guid: String,
    pub event: String,
    pub action: Option<String>,
    pub repository: Option<RepositoryId>,
    pub installation: Option<InstallationId>,
    /// A stable code.
    pub reason: &'static str,
}

/// Which of these GUIDs the ledger has of the App.
pub async fn known_guids(
    app: AppRowId,
    guids: &[&str],
    conn: &mut Conn,
) -> QueryResult<BTreeSet<String>> {
    let known: Vec<String> = deliveries::table
        .filter(deliveries::github_app_id.eq(app))
        .filter(deliveries::guid.eq_any(guids.to_vec()))
        .select(deliveries::guid)
        .load(conn)
        .await?;
    Ok(known.into_iter().collect())
}

/// Writes them down as ignored. One that has arrived meanwhile stays as it is.
pub async fn record_seen(
    app: AppRowId,
    seen: &[SeenDelivery],
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<usize> {
    let rows: Vec<_> = seen
        .iter()
        .map(|seen| {
            let what = (
                deliveries::github_app_id.eq(app),
                deliveries::guid.eq(&seen.guid),
                deliveries::event.eq(&seen.event),
                deliveries::action.eq(&seen.action),
                deliveries::repository_github_id.eq(seen.repository),
                deliveries::installation_github_id.eq(seen.installation),
            );
            let how = (
                deliveries::headers.eq(Json(BTreeMap::<String, String>::new())),
                deliveries::signed_by.eq(None::<SignedBy>),
                deliveries::body_size.eq(0),
                deliveries::state.eq(DeliveryState::Ignored),
                deliveries::reason.eq(seen.reason),
                deliveries::attempts.eq(0),
                deliveries::scheduled_at.eq(now),
                deliveries::sent_at.eq(now),
                deliveries::received_at.eq(now),
                deliveries::processed_at.eq(now),
            );
            (what, how)
        })
        .collect();
    diesel::insert_into(deliveries::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(conn)
        .await
}

/// A push that told where a ref went; the later one is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    pub sent_at: DateTime<Utc>,
    pub delivery: DeliveryId,
}

/// The newest push, if there was one, that moved the ref to this commit; zero: that deleted it.
pub async fn newest_push(
    app: AppRowId,
    repository: RepositoryId,
    git_ref: &GitRef,
    head: Oid,
    conn: &mut Conn,
) -> QueryResult<Option<Told>> {
    let mut query = deliveries::table
        .filter(deliveries::repository_github_id.eq(repository))
        .filter(deliveries::git_ref.eq(git_ref.full()))
        .filter(deliveries::github_app_id.eq(app))
        .order((deliveries::sent_at.desc(), deliveries::id.desc()))
        .select((deliveries::sent_at, deliveries::id))
        .into_boxed();
    query = if head.is_zero() {
        // Only a push says so: `create` and `delete` name no commit at all.
        let is_push = deliveries::event.eq("push");
        query.filter(deliveries::head_sha.is_null().and(is_push))
    } else {
        query.filter(deliveries::head_sha.eq(head.to_string()))
    };
    let newest: Option<(DateTime<Utc>, DeliveryId)> = query.first(conn).await.optional()?;
    Ok(newest.map(|(sent_at, delivery)| Told { sent_at, delivery }))
}

/// Where the ref was before a push; `None` when that cannot be read any more.
pub async fn before_of(push: DeliveryId, conn: &mut Conn) -> QueryResult<Option<Oid>> {
    Ok(push_of(push, conn).await?.map(|push| push.before))
}

/// The pushes received since then that were not read yet, or could not be processed: their rows do not say
/// what they are about. The newest first.
pub async fn unread_pushes(
    received_since: DateTime<Utc>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<Delivery>> {
    let unread = [DeliveryState::Received, DeliveryState::Failed];
    deliveries::table
        .filter(deliveries::event.eq("push"))
        .filter(deliveries::state.eq_any(unread))
        .filter(deliveries::received_at.ge(received_since))
        .order(deliveries::id.desc())
        .select(Delivery::as_select())
        .limit(limit)
        .load(conn)
        .await
}

/// What a push said; `None` when that cannot be read (any more), or when it is none.
pub async fn push_of(push: DeliveryId, conn: &mut Conn) -> QueryResult<Option<Push>> {
    let Some(delivery) = ledger::find(push, conn).await? else {
        return Ok(None);
    };
    let Some(body) = ledger::body(push, conn).await? else {
        return Ok(None);
    };
    let content_type = delivery.headers.0.get("content-type");
    let format = content_type.and_then(|value| BodyFormat::of(value));
    let json = format.unwrap_or(BodyFormat::Json).json(&body);
    let event = json.ok().map(|json| Event::parse(&delivery.event, &json));
    Ok(match event {
        Some(Ok(Event::Push(push))) => Some(push),
        _ => None,
    })
}
