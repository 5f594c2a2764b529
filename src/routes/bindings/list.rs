use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::representation::BindingBody;
use crate::binding::{self, BindingFilter, RepositoryFilter, Status};
use crate::github::RepositoryName;
use crate::github::ids::RepositoryId;
use crate::ids::BindingId;
use crate::project;
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::organizations::OrganizationPath;
use crate::routes::page::{self, Page};
use crate::routes::problem::ApiError;
use crate::slug::Slug;
use crate::token::Role;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct BindingListQuery {
    status: Option<Status>,
    /// A project's slug.
    project: Option<String>,
    /// GitHub's numeric id, or `owner/name` as requested or as called now.
    #[param(example = "octo/templates")]
    repository: Option<String>,
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// From the `Link` of the page before.
    cursor: Option<String>,
}

/// Lists the bindings of an organisation and its projects, the oldest first
#[utoipa::path(
    get, path = "/orgs/{org}/bindings", tag = "bindings", operation_id = "list_bindings",
    params(OrganizationPath, BindingListQuery),
    responses((status = 200, description = "A page of them", body = Vec<BindingBody>)),
)]
pub(super) async fn list(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<OrganizationPath>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.read().await?;
    let tenant = caller.tenant(&path.org, Role::Viewer, &mut conn).await?;
    let query: BindingListQuery = page::query(&request)?;
    let page = Page::new("bindings", query.limit, query.cursor.as_deref())?;
    let mut filter = BindingFilter {
        organization: Some(tenant.organization.id),
        status: query.status,
        repository: query
            .repository
            .as_deref()
            .map(|text| repository(text, &api))
            .transpose()?,
        after: page.after_id()?.map(BindingId::new),
        ..BindingFilter::default()
    };
    if let Some(slug) = &query.project {
        let found = match slug.parse::<Slug>() {
            Ok(slug) => project::find(tenant.organization.id, slug.as_str(), &mut conn).await?,
            Err(_) => None,
        };
        let Some(project) = found else {
            return Ok(page.answer(&api, &request, &Vec::<BindingBody>::new(), None));
        };
        filter.project = Some(project.id);
    }
    let mut rows = binding::list(&filter, page.rows(), &mut conn).await?;
    let next = page.cut(&mut rows, |view| view.binding.id.to_string());
    let body: Vec<_> = rows
        .iter()
        .map(|view| BindingBody::new(view, &api))
        .collect();
    Ok(page.answer(&api, &request, &body, next.as_deref()))
}

pub(in crate::routes) fn repository(text: &str, api: &Api) -> Result<RepositoryFilter, ApiError> {
    let by_id = text.parse().ok().and_then(RepositoryId::new);
    let by_name = text
        .split_once('/')
        .filter(|(owner, name)| !owner.is_empty() && !name.is_empty() && !name.contains('/'));
    match (by_id, by_name) {
        (Some(id), _) => Ok(RepositoryFilter::Id(id)),
        (None, Some((owner, name))) if !text.chars().any(char::is_control) => {
            let grants = api.context.config.access.grants;
            let name = RepositoryName::new(owner, name);
            Ok(RepositoryFilter::Name(name, grants))
        }
        _ => Err(ApiError::invalid_query(
            "repository: GitHub's numeric id or `owner/name` is expected",
        )),
    }
}
