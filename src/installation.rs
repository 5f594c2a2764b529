//! Installations: one App on one account, as far as we know it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::{github_apps, installation_grants, installations};
use crate::db::{Conn, Dialect, Json};
use crate::github::client;
use crate::github::ids::{InstallationId, OwnerId};
use crate::github::needed;
use crate::ids::{AppRowId, InstallationRowId, OrganizationId};

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
    /// `all` or `selected`: which of the account's repositories it covers.
    pub repository_selection: Option<String>,
    pub paused_until: Option<DateTime<Utc>>,
    /// Since when it covers fewer repositories, while nobody has seen yet which.
    pub narrowed_at: Option<DateTime<Utc>>,
    /// When what GitHub said last about it was read.
    pub confirmed_at: Option<DateTime<Utc>>,
}

/// As in `repository_selection`.
const ALL: &str = "all";

impl Installation {
    /// Whether its repositories can be read, as far as we know.
    pub fn works(&self) -> bool {
        self.suspended_at.is_none()
            && self.deleted_at.is_none()
            && self.missing_permission().is_none()
    }

    /// What its owner did not grant, or took back.
    pub fn missing_permission(&self) -> Option<&'static str> {
        let granted = self.permissions.as_ref()?;
        needed::PERMISSIONS
            .into_iter()
            .find(|needed| !granted.0.contains_key(*needed))
    }
}

pub async fn find(id: InstallationRowId, conn: &mut Conn) -> QueryResult<Option<Installation>> {
    installations::table
        .find(id)
        .select(Installation::as_select())
        .first(conn)
        .await
        .optional()
}

pub async fn find_by_github_id(
    app: AppRowId,
    id: InstallationId,
    conn: &mut Conn,
) -> QueryResult<Option<Installation>> {
    installations::table
        .filter(
            installations::github_app_id
                .eq(app)
                .and(installations::github_id.eq(id)),
        )
        .select(Installation::as_select())
        .first(conn)
        .await
        .optional()
}

/// Those of the App that we know among these.
pub async fn find_all(
    app: AppRowId,
    ids: &[InstallationId],
    conn: &mut Conn,
) -> QueryResult<Vec<Installation>> {
    installations::table
        .filter(
            installations::github_app_id
                .eq(app)
                .and(installations::github_id.eq_any(ids.to_vec())),
        )
        .order(installations::id)
        .select(Installation::as_select())
        .load(conn)
        .await
}

/// Those of these rows that are there.
pub async fn of_rows(ids: &[InstallationRowId], conn: &mut Conn) -> QueryResult<Vec<Installation>> {
    installations::table
        .filter(installations::id.eq_any(ids.to_vec()))
        .order(installations::id)
        .select(Installation::as_select())
        .load(conn)
        .await
}

/// All that are known, each with its GitHub; of one organisation, those that it has a grant for.
pub async fn list(
    organization: Option<OrganizationId>,
    after: Option<InstallationRowId>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<(Installation, String)>> {
    let mut query = installations::table
        .inner_join(github_apps::table)
        .order(installations::id)
        .select((Installation::as_select(), github_apps::host))
        .into_boxed()
        .limit(limit);
    if let Some(organization) = organization {
        let granted = installation_grants::table
            .filter(installation_grants::organization_id.eq(organization))
            .filter(installation_grants::github_host.eq(github_apps::host))
            .filter(installation_grants::installation_id.eq(installations::github_id));
        query = query.filter(diesel::dsl::exists(granted));
    }
    if let Some(after) = after {
        query = query.filter(installations::id.gt(after));
    }
    query.load(conn).await
}

/// The App's installations on one account: one, or several after reinstalls.
pub async fn of_account(
    app: AppRowId,
    account: OwnerId,
    conn: &mut Conn,
) -> QueryResult<Vec<Installation>> {
    installations::table
        .filter(installations::github_app_id.eq(app))
        .filter(installations::account_id.eq(account))
        .filter(installations::deleted_at.is_null())
        .order(installations::id)
        .select(Installation::as_select())
        .load(conn)
        .await
}

/// Those of the App that are not known to be gone.
pub async fn of_app(app: AppRowId, conn: &mut Conn) -> QueryResult<Vec<Installation>> {
    installations::table
        .filter(installations::github_app_id.eq(app))
        .filter(installations::deleted_at.is_null())
        .order(installations::id)
        .select(Installation::as_select())
        .load(conn)
        .await
}

/// The row of an installation that an event named. Nothing is believed of it before GitHub was asked.
pub async fn ensure(
    app: AppRowId,
    id: InstallationId,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Installation> {
    let row = (
        installations::github_app_id.eq(app),
        installations::github_id.eq(id),
        installations::created_at.eq(now),
        installations::updated_at.eq(now),
    );
    diesel::insert_into(installations::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    find_by_github_id(app, id, conn)
        .await?
        .ok_or(diesel::result::Error::NotFound)
}

/// Writes what GitHub says now; it beats whatever was known, but not what was read later.
pub async fn confirm(
    app: AppRowId,
    seen: &client::Installation,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Installation> {
    let row = ensure(app, seen.id, read_at, conn).await?;
    let covered_all = row.repository_selection.as_deref() == Some(ALL);
    if covered_all && seen.repository_selection != ALL {
        mark_narrowed(row.id, read_at, conn).await?;
    }
    diesel::update(
        installations::table
            .find(row.id)
            .filter(not_read_after(read_at)),
    )
    .set((
        installations::account_id.eq(Some(seen.account.id)),
        installations::account_login.eq(Some(seen.account.login.as_str())),
        installations::suspended_at.eq(seen.suspended_at),
        installations::deleted_at.eq(None::<DateTime<Utc>>),
        installations::permissions.eq(Some(Json(seen.permissions.clone()))),
        installations::repository_selection.eq(Some(seen.repository_selection.as_str())),
        installations::confirmed_at.eq(Some(read_at)),
        installations::updated_at.eq(read_at),
    ))
    .execute(conn)
    .await?;
    find(row.id, conn)
        .await?
        .ok_or(diesel::result::Error::NotFound)
}

/// Remembers that it covers fewer repositories than before, whatever keeps us from looking which.
pub async fn mark_narrowed(
    id: InstallationRowId,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    diesel::update(installations::table.find(id))
        .filter(installations::narrowed_at.is_null())
        .filter(not_read_after(read_at))
        .set(installations::narrowed_at.eq(read_at))
        .execute(conn)
        .await?;
    Ok(())
}

/// Everything that it covers was listed after `begun_at`, and what it does not was asked for.
pub async fn settle_narrowing(
    id: InstallationRowId,
    begun_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    diesel::update(installations::table.find(id))
        .filter(installations::narrowed_at.le(begun_at))
        .set(installations::narrowed_at.eq(None::<DateTime<Utc>>))
        .execute(conn)
        .await?;
    Ok(())
}

/// What GitHub said at some instant never overwrites what it said later.
#[diesel::dsl::auto_type(no_type_alias)]
fn not_read_after(read_at: DateTime<Utc>) -> _ {
    installations::confirmed_at
        .is_null()
        .or(installations::confirmed_at.le(read_at))
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

/// GitHub answered under it, so it is neither suspended nor gone. Whether that is news.
pub async fn mark_working(
    id: InstallationRowId,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<bool> {
    let thought_lost = installations::suspended_at
        .is_not_null()
        .or(installations::deleted_at.is_not_null());
    let changed = diesel::update(installations::table.find(id))
        .filter(thought_lost)
        .filter(not_read_after(read_at))
        .set((
            installations::suspended_at.eq(None::<DateTime<Utc>>),
            installations::deleted_at.eq(None::<DateTime<Utc>>),
            installations::confirmed_at.eq(read_at),
            installations::updated_at.eq(read_at),
        ))
        .execute(conn)
        .await?;
    Ok(changed > 0)
}

/// GitHub answered that it is suspended; when that began, if it is not known, is now.
pub async fn mark_suspended(
    id: InstallationRowId,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    diesel::update(installations::table.find(id))
        .filter(installations::suspended_at.is_null())
        .filter(not_read_after(read_at))
        .set((
            installations::suspended_at.eq(read_at),
            installations::confirmed_at.eq(read_at),
            installations::updated_at.eq(read_at),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// GitHub answered that there is no such installation any more.
pub async fn mark_deleted(
    id: InstallationRowId,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    diesel::update(installations::table.find(id))
        .filter(installations::deleted_at.is_null())
        .filter(not_read_after(read_at))
        .set((
            installations::deleted_at.eq(read_at),
            installations::confirmed_at.eq(read_at),
            installations::updated_at.eq(read_at),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
