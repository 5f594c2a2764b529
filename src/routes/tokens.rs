use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::Caller;
use super::body::Body;
use super::organizations::check_text;
use super::page::{self, Page};
use super::problem::{ApiError, Kind};
use crate::audit::{self, NewAuditEvent};
use crate::db::Conn;
use crate::ids::{OrganizationId, TokenId};
use crate::organization::{self, Organization};
use crate::slug::Slug;
use crate::token::{self, NewToken, Revoked, Role, Token};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenRequest {
    /// Whose it is or what for: shown in lists, and as the cause of jobs.
    #[schema(min_length = 1, max_length = 256, example = "terraform")]
    label: String,
    /// An organisation's slug; absent or null: all of them.
    #[serde(default)]
    organization: Option<String>,
    role: Role,
    /// Absent or null: never.
    #[serde(default)]
    expires_at: Option<DateTime<Utc>>,
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenBody {
    self_url: String,
    id: i64,
    label: String,
    /// An organisation's slug; null: all of them.
    organization: Option<String>,
    role: Role,
    date_created: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    /// To the minute.
    last_used_at: Option<DateTime<Utc>>,
}

/// A new token: the one time that its secret is shown.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewTokenBody {
    #[serde(flatten)]
    body: TokenBody,
    /// What to send as the bearer token. It is kept nowhere.
    token: String,
}

impl TokenBody {
    fn new(token: Token, organization: Option<String>, api: &Api) -> Self {
        Self {
            self_url: api.url(&place(&token)),
            id: token.id.get(),
            label: token.label,
            organization,
            role: token.role,
            date_created: token.created_at,
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// Makes a token
///
/// Needs the role admin; the token of one organisation makes tokens of that organisation.
#[utoipa::path(
    post, path = "/tokens", tag = "tokens", operation_id = "create_token",
    request_body = TokenRequest,
    responses((status = 201, description = "Made; the secret is shown this once", body = NewTokenBody)),
)]
pub(super) async fn create(
    api: web::Data<Api>,
    caller: Caller,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    caller.needs(Role::Admin)?;
    let request: TokenRequest = body.json().await?;
    request.check(api.now())?;
    let mut conn = api.write().await?;
    let (created, slug) = conn
        .transaction(async |conn| {
            let organization = request.organization(&caller, conn).await?;
            let new = NewToken {
                label: request.label.clone(),
                organization_id: organization.as_ref().map(|organization| organization.id),
                role: request.role,
                expires_at: request.expires_at,
            };
            let created = token::create(&new, api.now(), conn).await?;
            let event = NewAuditEvent {
                organization: new.organization_id,
                place: place(&created.token),
                detail: Some(what(&created.token)),
                ..caller.did(201)
            };
            audit::record(&event, api.now(), conn).await?;
            Ok::<_, ApiError>((created, organization.map(|organization| organization.slug)))
        })
        .await?;
    tracing::info!(token.id = %created.token.id, token = caller.label(), "a token was made");
    let body = NewTokenBody {
        token: created.secret.expose_secret().to_owned(),
        body: TokenBody::new(created.token, slug, &api),
    };
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, body.body.self_url.as_str()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(&body))
}

impl TokenRequest {
    fn check(&self, now: DateTime<Utc>) -> Result<(), ApiError> {
        check_text("label", &self.label)?;
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(ApiError::invalid_field(
                "expires_at",
                "this is not in the future",
            ));
        }
        Ok(())
    }

    /// The organisation that it is for, if the caller may make tokens for it.
    async fn organization(
        &self,
        caller: &Caller,
        conn: &mut Conn,
    ) -> Result<Option<Organization>, ApiError> {
        let Some(slug) = &self.organization else {
            caller.needs_global(Role::Admin)?;
            return Ok(None);
        };
        let found = match slug.parse::<Slug>() {
            Ok(slug) => organization::find(slug.as_str(), conn).await?,
            Err(_) => None,
        };
        found
            .filter(|organization| caller.sees(Some(organization.id)))
            .map(Some)
            .ok_or_else(|| {
                let refusal = "there is no such organisation";
                caller.beyond(ApiError::invalid_field("organization", refusal))
            })
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TokenListQuery {
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// From the `Link` of the page before.
    cursor: Option<String>,
}

/// Lists tokens, the oldest first, without their secrets
///
/// Needs the role admin; the token of one organisation sees that organisation's.
#[utoipa::path(
    get, path = "/tokens", tag = "tokens", operation_id = "list_tokens",
    params(TokenListQuery),
    responses((status = 200, description = "A page of them", body = Vec<TokenBody>)),
)]
pub(super) async fn list(
    api: web::Data<Api>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    caller.needs(Role::Admin)?;
    let query: TokenListQuery = page::query(&request)?;
    let page = Page::new("tokens", query.limit, query.cursor.as_deref())?;
    let after = page.after_id()?.map(TokenId::new);
    let mut conn = api.read().await?;
    let mut rows = token::list(caller.organization(), after, page.rows(), &mut conn).await?;
    let next = page.cut(&mut rows, |token| token.id.to_string());
    let body = bodies(rows, &api, &mut conn).await?;
    Ok(page.answer(&api, &request, &body, next.as_deref()))
}

/// Shows a token, without its secret
#[utoipa::path(
    get, path = "/tokens/{id}", tag = "tokens", operation_id = "get_token",
    params(("id" = i64, Path)),
    responses((status = 200, description = "It", body = TokenBody)),
)]
pub(super) async fn get(
    api: web::Data<Api>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.read().await?;
    let token = find(&caller, &id, &mut conn).await?;
    let body = bodies(vec![token], &api, &mut conn).await?.pop();
    Ok(HttpResponse::Ok().json(body.ok_or_else(no_such)?))
}

/// Revokes a token for ever
///
/// Not the last good one that administers all organisations, unless an admin is configured.
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "tokens", operation_id = "revoke_token",
    params(("id" = i64, Path)),
    responses(
        (status = 204, description = "It is not accepted any more"),
        (status = 409, description = "Nobody else could administer the service"),
    ),
)]
pub(super) async fn revoke(
    api: web::Data<Api>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let now = api.now();
    let is_configured = api.context.config.access.admin_token.is_some();
    let mut conn = api.write().await?;
    let token = conn
        .transaction(async |conn| {
            let token = find(&caller, &id, conn).await?;
            match token::revoke(&token, is_configured, now, conn).await? {
                Revoked::LastAdmin => return Err(last_admin()),
                Revoked::Before => {}
                Revoked::Now => {
                    let event = NewAuditEvent {
                        organization: token.organization_id,
                        detail: Some(what(&token)),
                        ..caller.did(204)
                    };
                    audit::record(&event, now, conn).await?;
                }
            }
            Ok(token)
        })
        .await?;
    tracing::info!(token.id = %token.id, token = caller.label(), "a token was revoked");
    Ok(HttpResponse::NoContent().finish())
}

fn last_admin() -> ApiError {
    ApiError::new(
        Kind::LastAdmin,
        "no other token that is still good administers all organisations: make one first \
         (`POST /tokens`, role admin, without an organisation), or set BINDERY_ADMIN_TOKEN",
    )
}

fn place(token: &Token) -> String {
    format!("/tokens/{}", token.id)
}

/// For the audit log: it outlives the token.
fn what(token: &Token) -> String {
    format!("{}, {}", token.label, token.role)
}

async fn find(caller: &Caller, id: &str, conn: &mut Conn) -> Result<Token, ApiError> {
    caller.needs(Role::Admin)?;
    let id = id.parse().map(TokenId::new).map_err(|_| no_such())?;
    token::find(id, conn)
        .await?
        .filter(|token| caller.sees(token.organization_id))
        .ok_or_else(|| caller.beyond(no_such()))
}

fn no_such() -> ApiError {
    ApiError::no_such("token")
}

async fn bodies(
    tokens: Vec<Token>,
    api: &Api,
    conn: &mut Conn,
) -> Result<Vec<TokenBody>, ApiError> {
    let ids = tokens.iter().filter_map(|token| token.organization_id);
    let slugs = organization::slugs(ids, conn).await?;
    let slug = |id: Option<OrganizationId>| id.and_then(|id| slugs.get(&id).cloned());
    Ok(tokens
        .into_iter()
        .map(|token| {
            let organization = slug(token.organization_id);
            TokenBody::new(token, organization, api)
        })
        .collect())
}
