use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::Caller;
use super::body::Body;
use super::organizations::{OrganizationPath, SlugListQuery, TitleRequest, parse_slug, put_answer};
use super::page::{self, Page};
use super::problem::{ApiError, Kind};
use crate::audit;
use crate::db::Conn;
use crate::ids::OrganizationId;
use crate::project::{self, Project};
use crate::slug::Slug;
use crate::token::Role;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ProjectPath {
    /// The organisation's slug.
    org: String,
    /// The project's slug.
    project: String,
}

/// A part of an organisation.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProjectBody {
    self_url: String,
    #[schema(example = "handbook")]
    slug: String,
    organization: String,
    title: Option<String>,
    date_created: DateTime<Utc>,
    date_updated: DateTime<Utc>,
}

impl ProjectBody {
    fn new(project: Project, organization: &str, api: &Api) -> Self {
        Self {
            self_url: api.url(&format!("/orgs/{organization}/projects/{}", project.slug)),
            slug: project.slug,
            organization: organization.to_owned(),
            title: project.title,
            date_created: project.created_at,
            date_updated: project.updated_at,
        }
    }
}

/// Lists the projects of an organisation, by slug
#[utoipa::path(
    get, path = "/orgs/{org}/projects", tag = "projects", operation_id = "list_projects",
    params(OrganizationPath, SlugListQuery),
    responses((status = 200, description = "A page of them", body = Vec<ProjectBody>)),
)]
pub(super) async fn list(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<OrganizationPath>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.read().await?;
    let organization = caller
        .tenant(&path.org, Role::Viewer, &mut conn)
        .await?
        .organization;
    let query: SlugListQuery = page::query(&request)?;
    let page = Page::new("projects", query.limit, query.cursor.as_deref())?;
    let mut rows = project::list(organization.id, page.after(), page.rows(), &mut conn).await?;
    let next = page.cut(&mut rows, |project| project.slug.clone());
    let body: Vec<_> = rows
        .into_iter()
        .map(|project| ProjectBody::new(project, &organization.slug, &api))
        .collect();
    Ok(page.answer(&api, &request, &body, next.as_deref()))
}

/// Shows a project
#[utoipa::path(
    get, path = "/orgs/{org}/projects/{project}", tag = "projects", operation_id = "get_project",
    params(ProjectPath),
    responses((status = 200, description = "It", body = ProjectBody)),
)]
pub(super) async fn get(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<ProjectPath>,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.read().await?;
    let organization = caller
        .tenant(&path.org, Role::Viewer, &mut conn)
        .await?
        .organization;
    let project = find(organization.id, &path.project, &mut conn).await?;
    Ok(HttpResponse::Ok().json(ProjectBody::new(project, &organization.slug, &api)))
}

/// Makes or changes a project
///
/// The body may be left out. Needs the role admin.
#[utoipa::path(
    put, path = "/orgs/{org}/projects/{project}", tag = "projects", operation_id = "put_project",
    params(ProjectPath),
    request_body = TitleRequest,
    responses(
        (status = 200, description = "Changed, or as it was", body = ProjectBody),
        (status = 201, description = "Made", body = ProjectBody),
    ),
)]
pub(super) async fn put(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<ProjectPath>,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    let organization = caller
        .tenant(&path.org, Role::Admin, &mut *api.read().await?)
        .await?
        .organization;
    let slug: Slug = parse_slug("project", &path.project)?;
    let title = body.json_or_default::<TitleRequest>().await?.checked()?;
    let (project, put) = api
        .write()
        .await?
        .transaction(async |conn| {
            let (id, now) = (organization.id, api.now());
            let (project, put) = project::put(id, &slug, title.as_deref(), now, conn).await?;
            if let Some(status) = put.changed() {
                audit::record(&caller.did(status).within(id), now, conn).await?;
            }
            Ok::<_, ApiError>((project, put))
        })
        .await?;
    let body = ProjectBody::new(project, &organization.slug, &api);
    Ok(put_answer(put, &body.self_url).json(&body))
}

/// Deletes a project that has no bindings
///
/// Needs the role admin.
#[utoipa::path(
    delete, path = "/orgs/{org}/projects/{project}", tag = "projects", operation_id = "delete_project",
    params(ProjectPath),
    responses(
        (status = 204, description = "Gone"),
        (status = 409, description = "It still has bindings"),
    ),
)]
pub(super) async fn delete(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<ProjectPath>,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.write().await?;
    conn.transaction(async |conn| {
        let tenant = caller.tenant(&path.org, Role::Admin, conn).await?;
        let organization = tenant.organization.id;
        let project = find(organization, &path.project, conn).await?;
        if project::delete(project.id, conn).await? {
            let event = caller.did(204).within(organization);
            return Ok(audit::record(&event, api.now(), conn).await?);
        }
        Err(ApiError::new(
            Kind::NotEmpty,
            "the project still has bindings; delete them first",
        ))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The project of this slug.
pub(super) async fn find(
    organization: OrganizationId,
    slug: &str,
    conn: &mut Conn,
) -> Result<Project, ApiError> {
    let no_such = || ApiError::no_such("project");
    let slug: Slug = slug.parse().map_err(|_| no_such())?;
    let project = project::find(organization, slug.as_str(), conn).await?;
    project.ok_or_else(no_such)
}
