//! The GitHub Apps that we are, one row each: (host, App id).

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::github_apps;
use crate::db::{Conn, Dialect};
use crate::github::ids::AppId;
use crate::ids::AppRowId;

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = github_apps, check_for_backend(Dialect))]
pub struct GitHubApp {
    pub id: AppRowId,
    pub host: String,
    pub app_id: AppId,
}

/// All that were ever configured.
pub async fn all(conn: &mut Conn) -> QueryResult<Vec<GitHubApp>> {
    github_apps::table
        .order(github_apps::id)
        .select(GitHubApp::as_select())
        .load(conn)
        .await
}

/// The row of a configured App, if a service has ever started with it.
pub async fn find(host: &str, app: AppId, conn: &mut Conn) -> QueryResult<Option<AppRowId>> {
    github_apps::table
        .filter(github_apps::host.eq(host).and(github_apps::app_id.eq(app)))
        .select(github_apps::id)
        .first(conn)
        .await
        .optional()
}

/// Changes no row, as one that does would: fails where nothing can be written.
pub async fn try_to_write(conn: &mut Conn) -> QueryResult<()> {
    let none = github_apps::table.filter(github_apps::id.lt(0));
    diesel::update(none)
        .set(github_apps::created_at.eq(github_apps::created_at))
        .execute(conn)
        .await?;
    Ok(())
}

/// The row of a configured App, made at its first start.
pub async fn ensure(
    host: &str,
    app: AppId,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<AppRowId> {
    let row = (
        github_apps::host.eq(host),
        github_apps::app_id.eq(app),
        github_apps::created_at.eq(now),
    );
    diesel::insert_into(github_apps::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    github_apps::table
        .filter(github_apps::host.eq(host).and(github_apps::app_id.eq(app)))
        .select(github_apps::id)
        .first(conn)
        .await
}

/// GitHub's ping arrived: the webhook's URL and secret are right.
pub async fn record_ping(app: AppRowId, now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<()> {
    diesel::update(github_apps::table.find(app))
        .set(github_apps::last_ping_at.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}

/// Up to when everything that GitHub has listed as delivered is in the ledger.
pub async fn swept_until(app: AppRowId, conn: &mut Conn) -> QueryResult<Option<DateTime<Utc>>> {
    let known: Option<Option<DateTime<Utc>>> = github_apps::table
        .find(app)
        .select(github_apps::swept_until)
        .first(conn)
        .await
        .optional()?;
    Ok(known.flatten())
}

/// Moves that on, never back.
pub async fn record_sweep(
    app: AppRowId,
    swept_until: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let earlier = github_apps::swept_until
        .is_null()
        .or(github_apps::swept_until.lt(swept_until));
    diesel::update(github_apps::table.find(app).filter(earlier))
        .set(github_apps::swept_until.eq(swept_until))
        .execute(conn)
        .await?;
    Ok(())
}
