//! Deliveries are no tenant's: one may concern many, and names repositories that others bind. So they
//! are for tokens of all organisations alone.

use std::collections::BTreeMap;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::Caller;
use super::page::{self, Page};
use super::problem::{ApiError, Kind};
use crate::audit;
use crate::github::ids::{InstallationId, RepositoryId};
use crate::ids::{DeliveryId, JobId};
use crate::inbox::{
    self, Decision, Delivery, DeliveryFilter, DeliveryState, Replay, SignedBy, Verdict,
};
use crate::token::Role;

/// One POST of GitHub's.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryBody {
    self_url: String,
    id: i64,
    guid: String,
    /// Null: the App is not configured any more.
    github_host: Option<String>,
    github_app_id: Option<i64>,
    #[schema(example = "push")]
    event: String,
    action: Option<String>,
    state: DeliveryState,
    /// Why it is ignored, rejected or failed.
    reason: Option<String>,
    detail: Option<String>,
    attempts: i32,
    /// Of the payload, in bytes.
    body_size: i64,
    github_repo_id: Option<i64>,
    github_installation_id: Option<i64>,
    github_ref: Option<String>,
    head_sha: Option<String>,
    received_at: DateTime<Utc>,
    processed_at: Option<DateTime<Utc>>,
}

/// The same, with why it did or did not concern each binding that was considered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryDetailBody {
    #[serde(flatten)]
    delivery: DeliveryBody,
    headers: BTreeMap<String, String>,
    /// Null: fetched from GitHub's list of deliveries, because it had not arrived.
    signed_by: Option<SignedBy>,
    /// When it is processed, while it waits.
    scheduled_at: DateTime<Utc>,
    decisions: Vec<DecisionBody>,
}

#[derive(Debug, Serialize, ToSchema)]
struct DecisionBody {
    binding_id: i64,
    verdict: Verdict,
    reason: String,
    queue_job_id: Option<i64>,
    queue_job_url: Option<String>,
}

impl DeliveryBody {
    fn new(delivery: &Delivery, api: &Api) -> Self {
        let app = api.context.apps.of_row(delivery.github_app_id);
        Self {
            self_url: url(delivery.id, api),
            id: delivery.id.get(),
            guid: delivery.guid.clone(),
            github_host: app.map(|app| app.host.clone()),
            github_app_id: app.map(|app| app.app_id.get()),
            event: delivery.event.clone(),
            action: delivery.action.clone(),
            state: delivery.state,
            reason: delivery.reason.clone(),
            detail: delivery.detail.clone(),
            attempts: delivery.attempts,
            body_size: delivery.body_size,
            github_repo_id: delivery.repository_github_id.map(RepositoryId::get),
            github_installation_id: delivery.installation_github_id.map(InstallationId::get),
            github_ref: delivery.git_ref.clone(),
            head_sha: delivery.head_sha.clone(),
            received_at: delivery.received_at,
            processed_at: delivery.processed_at,
        }
    }
}

impl DecisionBody {
    fn new(decision: Decision, api: &Api) -> Self {
        Self {
            binding_id: decision.binding_id.get(),
            verdict: decision.verdict,
            reason: decision.reason,
            queue_job_id: decision.job_id.map(JobId::get),
            queue_job_url: decision.job_id.map(|id| api.url(&format!("/jobs/{id}"))),
        }
    }
}

fn url(id: DeliveryId, api: &Api) -> String {
    api.url(&format!("/deliveries/{id}"))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeliveryListQuery {
    state: Option<DeliveryState>,
    #[param(example = "push")]
    event: Option<String>,
    guid: Option<String>,
    /// GitHub's numeric id of a repository.
    repository: Option<i64>,
    /// The commit that a push brought.
    sha: Option<String>,
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub(super) limit: Option<u32>,
    /// From the `Link` of the page before.
    pub(super) cursor: Option<String>,
}

impl DeliveryListQuery {
    pub(super) fn filter(self, page: &Page) -> Result<DeliveryFilter, ApiError> {
        for (name, text) in [
            ("event", &self.event),
            ("guid", &self.guid),
            ("sha", &self.sha),
        ] {
            text.as_deref()
                .map_or(Ok(()), |text| page::check_plain(name, text))?;
        }
        let repository = |id| {
            RepositoryId::new(id)
                .ok_or_else(|| ApiError::invalid_query("repository: an id is an integer from 1"))
        };
        Ok(DeliveryFilter {
            state: self.state,
            event: self.event,
            guid: self.guid,
            repository: self.repository.map(repository).transpose()?,
            head_sha: self.sha,
            before: page.after_id()?.map(DeliveryId::new),
        })
    }
}

/// Lists deliveries, the newest first
///
/// For tokens of all organisations.
#[utoipa::path(
    get, path = "/deliveries", tag = "deliveries", operation_id = "list_deliveries",
    params(DeliveryListQuery),
    responses((status = 200, description = "A page of them", body = Vec<DeliveryBody>)),
)]
pub(super) async fn list(
    api: web::Data<Api>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    caller.needs_global(Role::Viewer)?;
    let query: DeliveryListQuery = page::query(&request)?;
    let page = Page::new("deliveries", query.limit, query.cursor.as_deref())?;
    let filter = query.filter(&page)?;
    let mut rows = inbox::list(&filter, page.rows(), &mut *api.read().await?).await?;
    let next = page.cut(&mut rows, |delivery| delivery.id.to_string());
    let body: Vec<_> = rows
        .iter()
        .map(|row| DeliveryBody::new(row, &api))
        .collect();
    Ok(page.answer(&api, &request, &body, next.as_deref()))
}

/// Shows a delivery, and why it did or did not concern each binding
#[utoipa::path(
    get, path = "/deliveries/{id}", tag = "deliveries", operation_id = "get_delivery",
    params(("id" = i64, Path)),
    responses((status = 200, description = "It", body = DeliveryDetailBody)),
)]
pub(super) async fn get(
    api: web::Data<Api>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = visible(&caller, &id, Role::Viewer)?;
    let mut conn = api.read().await?;
    let delivery = inbox::find(id, &mut conn).await?.ok_or_else(no_such)?;
    let decisions = inbox::decisions_of(id, &mut conn).await?;
    Ok(HttpResponse::Ok().json(DeliveryDetailBody {
        delivery: DeliveryBody::new(&delivery, &api),
        headers: delivery.headers.0,
        signed_by: delivery.signed_by,
        scheduled_at: delivery.scheduled_at,
        decisions: decisions
            .into_iter()
            .map(|decision| DecisionBody::new(decision, &api))
            .collect(),
    }))
}

/// A delivery that is processed again.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReplayBody {
    delivery_id: i64,
    guid: String,
    delivery_url: String,
}

/// Has a delivery processed again
///
/// One that waits already is left as it is. Needs the role operator, for all organisations.
#[utoipa::path(
    post, path = "/deliveries/{id}/replay", tag = "deliveries", operation_id = "replay_delivery",
    params(("id" = i64, Path)),
    responses(
        (status = 202, description = "It will be", body = ReplayBody),
        (status = 409, description = "Its body is no longer kept, or was never usable"),
    ),
)]
pub(super) async fn replay(
    api: web::Data<Api>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = visible(&caller, &id, Role::Operator)?;
    let mut conn = api.write().await?;
    let delivery = conn
        .transaction(async |conn| {
            let delivery = inbox::find(id, conn).await?.ok_or_else(no_such)?;
            match inbox::replay(id, api.now(), conn).await? {
                Replay::Asked => {
                    let event = caller.did(202).with_detail(delivery.guid.clone());
                    audit::record(&event, api.now(), conn).await?;
                    Ok(delivery)
                }
                Replay::WaitsAlready => Ok(delivery),
                Replay::NoBody => Err(ApiError::new(
                    Kind::NotReplayable,
                    "the body of the delivery is no longer kept, or was no JSON object; sync the binding instead",
                )),
            }
        })
        .await?;
    tracing::info!(delivery.guid = %delivery.guid, token = caller.label(), "a delivery is replayed");
    let body = ReplayBody {
        delivery_id: id.get(),
        delivery_url: url(id, &api),
        guid: delivery.guid,
    };
    Ok(HttpResponse::Accepted()
        .insert_header((header::LOCATION, body.delivery_url.as_str()))
        .json(&body))
}

/// To the token of one organisation there are no deliveries.
pub(super) fn visible(caller: &Caller, id: &str, needs: Role) -> Result<DeliveryId, ApiError> {
    if !caller.sees(None) {
        return Err(caller.beyond(no_such()));
    }
    caller.needs(needs)?;
    id.parse().map(DeliveryId::new).map_err(|_| no_such())
}

pub(super) fn no_such() -> ApiError {
    ApiError::no_such("delivery")
}
