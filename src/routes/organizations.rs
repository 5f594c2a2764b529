//! Organisations: who they are, and what they have in common with projects at this edge.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::Caller;
use super::body::Body;
use super::page::{self, Page};
use super::problem::{ApiError, Kind};
use crate::audit;
use crate::organization::{self, Organization, Put};
use crate::slug::Slug;
use crate::token::Role;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct OrganizationPath {
    /// The organisation's slug.
    pub(super) org: String,
}

/// What an organisation or a project is called.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TitleRequest {
    /// Absent or null: it has none.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 256)]
    title: Option<String>,
}

impl TitleRequest {
    /// The title, when it is one.
    pub(super) fn checked(self) -> Result<Option<String>, ApiError> {
        if let Some(title) = &self.title {
            check_text("title", title)?;
        }
        Ok(self.title)
    }
}

/// One line for people: 1 to 256 characters, none of them a control character.
pub(super) fn check_text(field: &str, text: &str) -> Result<(), ApiError> {
    if (1..=256).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(ApiError::invalid_field(
        field,
        "1 to 256 characters are expected, and no control characters",
    ))
}

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrganizationBody {
    self_url: String,
    #[schema(example = "octo")]
    slug: String,
    title: Option<String>,
    date_created: DateTime<Utc>,
    date_updated: DateTime<Utc>,
}

impl OrganizationBody {
    fn new(organization: Organization, api: &Api) -> Self {
        Self {
            self_url: api.url(&format!("/orgs/{}", organization.slug)),
            slug: organization.slug,
            title: organization.title,
            date_created: organization.created_at,
            date_updated: organization.updated_at,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SlugListQuery {
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub(super) limit: Option<u32>,
    /// From the `Link` of the page before.
    pub(super) cursor: Option<String>,
}

/// Lists the organisations that the token sees, by slug
#[utoipa::path(
    get, path = "/orgs", tag = "organisations", operation_id = "list_organizations",
    params(SlugListQuery),
    responses((status = 200, description = "A page of them", body = Vec<OrganizationBody>)),
)]
pub(super) async fn list(
    api: web::Data<Api>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query: SlugListQuery = page::query(&request)?;
    let page = Page::new("organizations", query.limit, query.cursor.as_deref())?;
    let mut conn = api.read().await?;
    let mut rows = match caller.organization() {
        None => organization::list(page.after(), page.rows(), &mut conn).await?,
        Some(own) => Vec::from_iter(organization::find_by_id(own, &mut conn).await?),
    };
    let next = page.cut(&mut rows, |organization| organization.slug.clone());
    let body: Vec<_> = rows
        .into_iter()
        .map(|organization| OrganizationBody::new(organization, &api))
        .collect();
    Ok(page.answer(&api, &request, &body, next.as_deref()))
}

/// Shows an organisation
#[utoipa::path(
    get, path = "/orgs/{org}", tag = "organisations", operation_id = "get_organization",
    params(OrganizationPath),
    responses((status = 200, description = "It", body = OrganizationBody)),
)]
pub(super) async fn get(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<OrganizationPath>,
) -> Result<HttpResponse, ApiError> {
    let tenant = caller
        .tenant(&path.org, Role::Viewer, &mut *api.read().await?)
        .await?;
    Ok(HttpResponse::Ok().json(OrganizationBody::new(tenant.organization, &api)))
}

/// Makes or changes an organisation
///
/// The body may be left out. Needs the role admin, for all organisations.
#[utoipa::path(
    put, path = "/orgs/{org}", tag = "organisations", operation_id = "put_organization",
    params(OrganizationPath),
    request_body = TitleRequest,
    responses(
        (status = 200, description = "Changed, or as it was", body = OrganizationBody),
        (status = 201, description = "Made", body = OrganizationBody),
    ),
)]
pub(super) async fn put(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<OrganizationPath>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    caller.needs_global(Role::Admin)?;
    let slug: Slug = parse_slug("org", &path.org)?;
    let title = body.json_or_default::<TitleRequest>().await?.checked()?;
    let (organization, put) = api
        .write()
        .await?
        .transaction(async |conn| {
            let (organization, put) =
                organization::put(&slug, title.as_deref(), api.now(), conn).await?;
            if let Some(status) = put.changed() {
                let event = caller.did(status).within(organization.id);
                audit::record(&event, api.now(), conn).await?;
            }
            Ok::<_, ApiError>((organization, put))
        })
        .await?;
    let body = OrganizationBody::new(organization, &api);
    Ok(put_answer(put, &body.self_url).json(&body))
}

/// Deletes an organisation that has neither projects nor bindings
///
/// Its tokens and grants go with it. Needs the role admin, for all organisations.
#[utoipa::path(
    delete, path = "/orgs/{org}", tag = "organisations", operation_id = "delete_organization",
    params(OrganizationPath),
    responses(
        (status = 204, description = "Gone"),
        (status = 409, description = "It still has projects or bindings"),
    ),
)]
pub(super) async fn delete(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<OrganizationPath>,
) -> Result<HttpResponse, ApiError> {
    caller.needs_global(Role::Admin)?;
    let mut conn = api.write().await?;
    conn.transaction(async |conn| {
        let tenant = caller.tenant(&path.org, Role::Admin, conn).await?;
        let id = tenant.organization.id;
        if organization::delete(id, conn).await? {
            let event = caller.did(204).within(id);
            return Ok(audit::record(&event, api.now(), conn).await?);
        }
        Err(ApiError::new(
            Kind::NotEmpty,
            "the organisation still has projects or bindings; delete them first",
        ))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A part of the path that is to become a name.
pub(super) fn parse_slug(part: &str, text: &str) -> Result<Slug, ApiError> {
    text.parse()
        .map_err(|error| ApiError::invalid_path(part, error))
}

/// 201 with the place of what was made, else 200.
pub(super) fn put_answer(put: Put, url: &str) -> actix_web::HttpResponseBuilder {
    match put {
        Put::Created => {
            let mut answer = HttpResponse::Created();
            answer.insert_header((header::LOCATION, url));
            answer
        }
        Put::Changed | Put::Identical => HttpResponse::Ok(),
    }
}
