//! Installations: one App on one account, as far as we know it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::installations;
use crate::db::{Conn, Dialect, Json};
use crate::github::client;
use crate::github::ids::{InstallationId, OwnerId};
use crate::ids::{AppRowId, InstallationRowId};

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = installations, check_for_backend(Dialect))]
pub struct Installation {
    pub id: InstallationRowId,
    pub github_app_id: AppRowId,
    pub github_id: InstallationId,
    pub account_id: Option<OwnerId>,
    pub account_login: Option<String>,
    pub suspended_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub permissions: Option<Json<BTreeMap<String, String>>>,
    pub paused_until: Option<DateTime<Utc>>,
    pub confirmed_at: Option<DateTime<Utc>>,
}

/// Writes what GitHub says now; it beats whatever was known.
pub async fn confirm(
    app: AppRowId,
    seen: &client::Installation,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Installation> {
    let facts = (
        installations::account_id.eq(Some(seen.account.id)),
        installations::account_login.eq(Some(seen.account.login.as_str())),
        installations::suspended_at.eq(seen.suspended_at),
        installations::deleted_at.eq(None::<DateTime<Utc>>),
        installations::permissions.eq(Some(Json(seen.permissions.clone()))),
        installations::confirmed_at.eq(Some(now)),
        installations::updated_at.eq(now),
    );
    let identity = (
        installations::github_app_id.eq(app),
        installations::github_id.eq(seen.id),
        installations::created_at.eq(now),
    );
    diesel::insert_into(installations::table)
        .values((identity, facts.clone()))
        .on_conflict((installations::github_app_id, installations::github_id))
        .do_update()
        .set(facts)
        .returning(Installation::as_returning())
        .get_result(conn)
        .await
}

/// Until then no job of this installation is claimed, in any process. Never shortens a pause.
pub async fn pause(
    id: InstallationRowId,
    until: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let shorter = installations::paused_until
        .is_null()
        .or(installations::paused_until.lt(until));
    diesel::update(installations::table.find(id).filter(shorter))
        .set(installations::paused_until.eq(until))
        .execute(conn)
        .await?;
    Ok(())
}

/// GitHub answered under it, so it is neither suspended nor gone.
pub async fn mark_working(
    id: InstallationRowId,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let thought_lost = installations::suspended_at
        .is_not_null()
        .or(installations::deleted_at.is_not_null());
    diesel::update(installations::table.find(id).filter(thought_lost))
        .set((
            installations::suspended_at.eq(None::<DateTime<Utc>>),
            installations::deleted_at.eq(None::<DateTime<Utc>>),
            installations::updated_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// GitHub answered that it is suspended; when that began, if it is not known, is now.
pub async fn mark_suspended(
    id: InstallationRowId,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    diesel::update(
        installations::table
            .find(id)
            .filter(installations::suspended_at.is_null()),
    )
    .set((
        installations::suspended_at.eq(now),
        installations::updated_at.eq(now),
    ))
    .execute(conn)
    .await?;
    Ok(())
}

/// GitHub answered that there is no such installation any more.
pub async fn mark_deleted(
    id: InstallationRowId,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    diesel::update(
        installations::table
            .find(id)
            .filter(installations::deleted_at.is_null()),
    )
    .set((
        installations::deleted_at.eq(now),
        installations::updated_at.eq(now),
    ))
    .execute(conn)
    .await?;
    Ok(())
}
