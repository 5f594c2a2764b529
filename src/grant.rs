//! Which organisation may bind the repositories of which installation.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::{
    contents, installation_grants, installations, organizations, repositories,
};
use crate::db::{Conn, Dialect};
use crate::github::ids::InstallationId;
use crate::ids::{ContentId, OrganizationId};

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = installation_grants, check_for_backend(Dialect))]
pub struct Grant {
    pub github_host: String,
    pub installation_id: InstallationId,
    pub organization_id: OrganizationId,
    pub created_at: DateTime<Utc>,
}

/// What came of asking for a grant: an installation belongs to one organisation at a time.
#[derive(Debug, Clone)]
pub enum Granted {
    Created(Grant),
    Already(Grant),
    ToAnother,
}

/// The unique index decides a race.
pub async fn grant(
    host: &str,
    installation: InstallationId,
    organization: OrganizationId,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Granted> {
    let row = (
        installation_grants::github_host.eq(host),
        installation_grants::installation_id.eq(installation),
        installation_grants::organization_id.eq(organization),
        installation_grants::created_at.eq(now),
    );
    let created = diesel::insert_into(installation_grants::table)
        .values(row)
        .on_conflict_do_nothing()
        .returning(Grant::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    if let Some(grant) = created {
        return Ok(Granted::Created(grant));
    }
    let held = of_organization(organization, conn).await?;
    let same = |grant: &Grant| grant.github_host == host && grant.installation_id == installation;
    Ok(held
        .into_iter()
        .find(same)
        .map_or(Granted::ToAnother, Granted::Already))
}

pub async fn of_organization(
    organization: OrganizationId,
    conn: &mut Conn,
) -> QueryResult<Vec<Grant>> {
    installation_grants::table
        .inner_join(organizations::table)
        .filter(installation_grants::organization_id.eq(organization))
        .order((
            installation_grants::github_host,
            installation_grants::installation_id,
        ))
        .select(Grant::as_select())
        .load(conn)
        .await
}

/// Whether the organisation may bind the repositories of the installation.
pub async fn covers(
    organization: OrganizationId,
    host: &str,
    installation: InstallationId,
    conn: &mut Conn,
) -> QueryResult<bool> {
    let held: i64 = installation_grants::table
        .filter(installation_grants::organization_id.eq(organization))
        .filter(installation_grants::github_host.eq(host))
        .filter(installation_grants::installation_id.eq(installation))
        .count()
        .get_result(conn)
        .await?;
    Ok(held > 0)
}

/// Whether the organisation may read a content: by the installation that its repository is of now,
/// suspended, uninstalled or not.
pub async fn covers_content(
    organization: OrganizationId,
    content: ContentId,
    conn: &mut Conn,
) -> QueryResult<bool> {
    let of_installation = installation_grants::github_host
        .eq(repositories::github_host)
        .and(installation_grants::installation_id.eq(installations::github_id));
    let held: i64 = contents::table
        .inner_join(repositories::table.on(contents::repository_id.eq(repositories::id)))
        .inner_join(
            installations::table.on(repositories::installation_id.eq(installations::id.nullable())),
        )
        .inner_join(installation_grants::table.on(of_installation))
        .filter(contents::id.eq(content))
        .filter(installation_grants::organization_id.eq(organization))
        .count()
        .get_result(conn)
        .await?;
    Ok(held > 0)
}

/// Those of these installations that are granted to an organisation.
pub async fn granted_among(
    host: &str,
    among: &[InstallationId],
    conn: &mut Conn,
) -> QueryResult<Vec<InstallationId>> {
    installation_grants::table
        .filter(installation_grants::github_host.eq(host))
        .filter(installation_grants::installation_id.eq_any(among.to_vec()))
        .select(installation_grants::installation_id)
        .load(conn)
        .await
}

/// The organisation that has the installation; `None` while nobody has.
pub async fn holder(
    host: &str,
    installation: InstallationId,
    conn: &mut Conn,
) -> QueryResult<Option<OrganizationId>> {
    installation_grants::table
        .filter(installation_grants::github_host.eq(host))
        .filter(installation_grants::installation_id.eq(installation))
        .select(installation_grants::organization_id)
        .first(conn)
        .await
        .optional()
}

/// `false` when there was none.
pub async fn revoke(
    host: &str,
    installation: InstallationId,
    organization: OrganizationId,
    conn: &mut Conn,
) -> QueryResult<bool> {
    let held = installation_grants::table
        .filter(installation_grants::github_host.eq(host))
        .filter(installation_grants::installation_id.eq(installation))
        .filter(installation_grants::organization_id.eq(organization));
    Ok(diesel::delete(held).execute(conn).await? > 0)
}
