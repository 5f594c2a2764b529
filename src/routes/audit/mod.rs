//! The audit log as it is read; what is written down of whom; how refusals get there.

mod action;
mod refusals;

pub(super) use action::action;
pub(super) use refusals::{Refusals, write_down};

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::Caller;
use super::organizations::OrganizationPath;
use super::page::{self, Page};
use super::problem::ApiError;
use crate::audit::{self, Action, ActorFilter, ActorKind, AuditEvent, AuditFilter};
use crate::db::Conn;
use crate::ids::{AuditEventId, OrganizationId, TokenId};
use crate::organization;
use crate::token::Role;

/// What somebody did, or was refused.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditEventBody {
    id: i64,
    at: DateTime<Utc>,
    actor: ActorKind,
    /// Of a token of the database.
    token_id: Option<i64>,
    /// What that token was called then.
    token_label: Option<String>,
    /// The address that the request came from: a proxy's, behind one. Null: the process acted unasked.
    source: Option<String>,
    #[schema(example = "binding.put")]
    action: String,
    /// The slug of the organisation whose log it is in; null: in that of all alone, or it was deleted.
    organization: Option<String>,
    /// The path of what it was done to.
    #[schema(example = "/orgs/octo/bindings/handbook")]
    place: String,
    /// What was asked for, where the path does not say.
    detail: Option<String>,
    /// The status of the answer: below 400 it was done, else refused.
    #[schema(example = 201)]
    status: i16,
    /// The `X-Request-Id` of the answer, under which the log tells more.
    request_id: Option<String>,
}

impl AuditEventBody {
    fn new(event: AuditEvent, organization: Option<String>) -> Self {
        Self {
            id: event.id.get(),
            at: event.at,
            actor: event.actor,
            token_id: event.token_id.map(TokenId::get),
            token_label: event.token_label,
            source: event.source,
            action: event.action,
            organization,
            place: event.place,
            detail: event.detail,
            status: event.status,
            request_id: event.request_id,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditListQuery {
    action: Option<Action>,
    /// A token's id, `configured_admin` or `process`.
    #[param(example = "configured_admin")]
    actor: Option<String>,
    /// Not what is older.
    since: Option<DateTime<Utc>>,
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub(super) limit: Option<u32>,
    /// From the `Link` of the page before.
    pub(super) cursor: Option<String>,
}

impl AuditListQuery {
    pub(super) fn filter(
        &self,
        organization: Option<OrganizationId>,
        page: &Page,
    ) -> Result<AuditFilter, ApiError> {
        Ok(AuditFilter {
            organization,
            action: self.action,
            actor: self.actor.as_deref().map(actor).transpose()?,
            since: self.since,
            before: page.after_id()?.map(AuditEventId::new),
        })
    }
}

fn actor(text: &str) -> Result<ActorFilter, ApiError> {
    if let Ok(id) = text.parse() {
        return Ok(ActorFilter::Token(TokenId::new(id)));
    }
    text.parse().map(ActorFilter::Kind).map_err(|_| {
        ApiError::invalid_query(
            "actor: a token's id, token, configured_admin or process is expected",
        )
    })
}

/// Lists what was done and what was refused, in all organisations, the newest first
///
/// Needs the role admin, for all organisations.
#[utoipa::path(
    get, path = "/audit", tag = "audit", operation_id = "list_audit",
    params(AuditListQuery),
    responses((status = 200, description = "A page of it", body = Vec<AuditEventBody>)),
)]
pub(super) async fn list(
    api: web::Data<Api>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    caller.needs_global(Role::Admin)?;
    answer(None, &api, &request, &mut *api.read().await?).await
}

/// Lists what was done and what was refused in an organisation, the newest first
///
/// Needs the role admin.
#[utoipa::path(
    get, path = "/orgs/{org}/audit", tag = "audit", operation_id = "list_organization_audit",
    params(OrganizationPath, AuditListQuery),
    responses((status = 200, description = "A page of it", body = Vec<AuditEventBody>)),
)]
pub(super) async fn list_of_organization(
    api: web::Data<Api>,
    caller: Caller,
    path: web::Path<OrganizationPath>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.read().await?;
    let tenant = caller.tenant(&path.org, Role::Admin, &mut conn).await?;
    answer(Some(tenant.organization.id), &api, &request, &mut conn).await
}

async fn answer(
    organization: Option<OrganizationId>,
    api: &Api,
    request: &HttpRequest,
    conn: &mut Conn,
) -> Result<HttpResponse, ApiError> {
    let query: AuditListQuery = page::query(request)?;
    let page = Page::new("audit", query.limit, query.cursor.as_deref())?;
    let filter = query.filter(organization, &page)?;
    let mut rows = audit::list(&filter, page.rows(), conn).await?;
    let next = page.cut(&mut rows, |event| event.id.to_string());
    let ids = rows.iter().filter_map(|event| event.organization_id);
    let slugs = organization::slugs(ids, conn).await?;
    let slug = |event: &AuditEvent| slugs.get(&event.organization_id?).cloned();
    let body: Vec<_> = rows
        .into_iter()
        .map(|event| {
            let slug = slug(&event);
            AuditEventBody::new(event, slug)
        })
        .collect();
    Ok(page.answer(api, request, &body, next.as_deref()))
}
