//! The bindings that the granting of an installation, or its end, concerns.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Binding, Finding};
use crate::db::Conn;
use crate::db::schema::{bindings, github_apps, installations, repositories};
use crate::github::ids::InstallationId;
use crate::ids::OrganizationId;

/// Those that a grant for the installation may bring back: of it, or without one as far as is known.
pub async fn waiting_for_grant(
    organization: OrganizationId,
    host: &str,
    installation: InstallationId,
    conn: &mut Conn,
) -> QueryResult<Vec<Binding>> {
    let mut waiting = of_installation(organization, host, installation, conn).await?;
    waiting.extend(without_grant(organization, host, conn).await?);
    waiting.sort_by_key(|binding| binding.id);
    waiting.dedup_by_key(|binding| binding.id);
    Ok(waiting)
}

/// Those whose last sync found that the organisation may not bind what they name, and those whose first
/// sync may be finding it right now. Which installation that is of is not told to the tenant, and so not
/// written down.
async fn without_grant(
    organization: OrganizationId,
    host: &str,
    conn: &mut Conn,
) -> QueryResult<Vec<Binding>> {
    bindings::table
        .filter(bindings::organization_id.eq(organization))
        .filter(bindings::github_host.eq(host))
        .filter(
            bindings::repository_id
                .is_null()
                .or(bindings::finding.eq(Finding::NotGranted).assume_not_null()),
        )
        .order(bindings::id)
        .select(Binding::as_select())
        .load(conn)
        .await
}

/// Those whose repository was last seen with this installation.
pub async fn of_installation(
    organization: OrganizationId,
    host: &str,
    installation: InstallationId,
    conn: &mut Conn,
) -> QueryResult<Vec<Binding>> {
    let seen_with = installations::table
        .inner_join(github_apps::table)
        .filter(github_apps::host.eq(host))
        .filter(installations::github_id.eq(installation))
        .select(installations::id.nullable());
    bindings::table
        .inner_join(repositories::table)
        .filter(bindings::organization_id.eq(organization))
        .filter(repositories::installation_id.eq_any(seen_with))
        .order(bindings::id)
        .select(Binding::as_select())
        .load(conn)
        .await
}
