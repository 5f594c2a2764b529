//! Which organisation may bind the repositories of which installation: said by a global admin.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::Caller;
use super::organizations::OrganizationPath;
use super::page;
use super::problem::{ApiError, Kind};
use crate::audit;
use crate::binding::{self, Binding};
use crate::db::Conn;
use crate::github::ids::InstallationId;
use crate::grant::{self, Grant, Granted};
use crate::ids::OrganizationId;
use crate::organization::Organization;
use crate::sync;
use crate::token::Role;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct GrantPath {
    /// The organisation's slug.
    org: String,
    /// GitHub's numeric id of the installation.
    #[param(value_type = i64)]
    installation_id: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct GrantQuery {
    /// The GitHub that the installation is of; absent: the first configured App's.
    #[param(example = "github.com")]
    host: Option<String>,
}

/// An installation whose repositories the organisation may bind.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GrantBody {
    self_url: String,
    organization: String,
    github_host: String,
    github_installation_id: i64,
    date_created: DateTime<Utc>,
}

impl GrantBody {
    fn new(grant: &Grant, organization: &str, api: &Api) -> Self {
        let mut self_url = api.url(&format!(
            "/orgs/{organization}/installations/{}",
            grant.installation_id
        ));
        if grant.github_host != api.github_host() {
            self_url.push_str(&format!("?host={}", grant.github_host));
        }
        Self {
            self_url,
            organization: organization.to_owned(),
            github_host: grant.github_host.clone(),
            github_installation_id: grant.installation_id.get(),
            date_created: grant.created_at,
        }
    }
}

/// Lists the installations whose repositories the organisation may bind
#[utoipa::path(
    get, path = "/orgs/{org}/installations", tag = "grants", operation_id = "list_grants",
    params(OrganizationPath),
    responses((status = 200, description = "All of them", body = Vec<GrantBody>)),
)]
pub(super) async fn list(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<OrganizationPath>,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.read().await?;
    let organization = tenant(&caller, &path.org, &mut conn).await?;
    let grants = grant::of_organization(organization.id, &mut conn).await?;
    let body: Vec<_> = grants
        .iter()
        .map(|grant| GrantBody::new(grant, &organization.slug, &api))
        .collect();
    Ok(HttpResponse::Ok().json(body))
}

/// Shows a grant
#[utoipa::path(
    get, path = "/orgs/{org}/installations/{installation_id}", tag = "grants", operation_id = "get_grant",
    params(GrantPath, GrantQuery),
    responses((status = 200, description = "It", body = GrantBody)),
)]
pub(super) async fn get(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<GrantPath>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.read().await?;
    let organization = tenant(&caller, &path.org, &mut conn).await?;
    let (host, installation) = named(&path, &request, &api)?;
    let installation = installation.ok_or_else(no_such)?;
    let grants = grant::of_organization(organization.id, &mut conn).await?;
    let grant = grants
        .iter()
        .find(|grant| grant.github_host == host && grant.installation_id == installation)
        .ok_or_else(no_such)?;
    Ok(HttpResponse::Ok().json(GrantBody::new(grant, &organization.slug, &api)))
}

/// Lets the organisation bind the repositories of an installation
///
/// What it could not sync for want of the grant is synced, and what it has is served again. Needs the role admin, for all organisations.
#[utoipa::path(
    put, path = "/orgs/{org}/installations/{installation_id}", tag = "grants", operation_id = "put_grant",
    params(GrantPath, GrantQuery),
    responses(
        (status = 200, description = "It may already", body = GrantBody),
        (status = 201, description = "It may now", body = GrantBody),
        (status = 409, description = "Another organisation has the installation"),
        (status = 422, description = "The installation's id is none"),
    ),
)]
pub(super) async fn put(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<GrantPath>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let organization = tenant(&caller, &path.org, &mut *api.read().await?).await?;
    let (host, installation) = named(&path, &request, &api)?;
    let installation = installation
        .ok_or_else(|| ApiError::invalid_path("installation_id", "an id is an integer from 1"))?;
    let mut conn = api.write().await?;
    let granted = conn
        .transaction(async |conn| {
            let (id, now) = (organization.id, api.now());
            let granted = grant::grant(&host, installation, id, now, conn).await?;
            if matches!(granted, Granted::Created(_)) {
                let waiting = binding::waiting_for_grant(id, &host, installation, conn).await?;
                sync_all(&waiting, &caller, &api, conn).await?;
                let event = caller.did(201).within(id).with_detail(host.clone());
                audit::record(&event, now, conn).await?;
            }
            Ok::<_, ApiError>(granted)
        })
        .await?;
    match granted {
        Granted::Created(grant) => {
            tracing::info!(
                organization = organization.slug,
                installation.id = %installation,
                token = caller.label(),
                "an installation was granted"
            );
            let body = GrantBody::new(&grant, &organization.slug, &api);
            let location = (header::LOCATION, body.self_url.as_str());
            Ok(HttpResponse::Created().insert_header(location).json(&body))
        }
        Granted::Already(grant) => {
            Ok(HttpResponse::Ok().json(GrantBody::new(&grant, &organization.slug, &api)))
        }
        Granted::ToAnother => Err(ApiError::new(
            Kind::GrantedToAnother,
            "another organisation has the installation; take it from that one first",
        )),
    }
}

/// Takes the grant from the organisation
///
/// Its bindings of the installation show `not_granted` from then on, and neither sync nor serve; what
/// they have is kept.
#[utoipa::path(
    delete, path = "/orgs/{org}/installations/{installation_id}", tag = "grants",
    operation_id = "delete_grant",
    params(GrantPath, GrantQuery),
    responses((status = 204, description = "It may not any more")),
)]
pub(super) async fn delete(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<GrantPath>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.write().await?;
    let organization = tenant(&caller, &path.org, &mut conn).await?;
    let (host, installation) = named(&path, &request, &api)?;
    let installation = installation.ok_or_else(no_such)?;
    conn.transaction(async |conn| {
        if !grant::revoke(&host, installation, organization.id, conn).await? {
            return Err(no_such());
        }
        let event = caller.did(204).within(organization.id);
        let event = event.with_detail(host.clone());
        Ok(audit::record(&event, api.now(), conn).await?)
    })
    .await?;
    drop(conn);
    let bound = Bound {
        organization: organization.id,
        host,
        installation,
    };
    show_loss(bound, caller.clone(), api.clone()).await;
    tracing::info!(
        organization = organization.slug,
        installation.id = %installation,
        token = caller.label(),
        "a grant was taken back"
    );
    Ok(HttpResponse::NoContent().finish())
}

/// Grants are for those who administer all organisations, not for those who gain by them.
async fn tenant(caller: &Caller, slug: &str, conn: &mut Conn) -> Result<Organization, ApiError> {
    caller.needs_global(Role::Admin)?;
    Ok(caller.tenant(slug, Role::Admin, conn).await?.organization)
}

/// The GitHub, and the installation if its id is one.
fn named(
    path: &GrantPath,
    request: &HttpRequest,
    api: &Api,
) -> Result<(String, Option<InstallationId>), ApiError> {
    let query: GrantQuery = page::query(request)?;
    let host = query.host.unwrap_or_else(|| api.github_host().to_owned());
    page::check_plain("host", &host)?;
    let id = path.installation_id.parse().ok();
    Ok((host.to_ascii_lowercase(), id.and_then(InstallationId::new)))
}

/// The bindings of an organisation that follow repositories of an installation.
struct Bound {
    organization: OrganizationId,
    host: String,
    installation: InstallationId,
}

/// Syncs asked for in one transaction.
const SLICE: usize = 100;

/// Has the bindings show that the grant is gone. It is gone already, whatever comes of this: thousands of
/// jobs in its transaction would exceed the request's time, and the grant would stay. Who gives the request
/// up does not end it.
async fn show_loss(bound: Bound, caller: Caller, api: web::Data<Api>) {
    let asking = actix_web::rt::spawn(async move {
        let of = &bound;
        let asked = async {
            let mut conn = api.read().await?;
            let found =
                binding::of_installation(of.organization, &of.host, of.installation, &mut conn);
            let bindings = found.await?;
            drop(conn);
            for slice in bindings.chunks(SLICE) {
                let mut conn = api.write().await?;
                conn.transaction(async |conn| sync_all(slice, &caller, &api, conn).await)
                    .await?;
            }
            Ok::<_, ApiError>(())
        };
        if let Err(error) = asked.await {
            tracing::warn!(
                %error,
                installation.id = %of.installation,
                "not all bindings show yet that their grant was taken back; none is read or synced without it"
            );
        }
    });
    // A panic is told by its hook.
    let _told = asking.await;
}

async fn sync_all(
    bindings: &[Binding],
    caller: &Caller,
    api: &Api,
    conn: &mut Conn,
) -> Result<(), ApiError> {
    for binding in bindings {
        let (cause, attempts) = (caller.cause(), api.max_attempts());
        sync::request(binding, cause, None, attempts, api.now(), conn).await?;
    }
    Ok(())
}

fn no_such() -> ApiError {
    ApiError::no_such("grant")
}
