//! Jobs, as they stand.

pub(super) mod command;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::Caller;
use super::page::{self, Page};
use super::problem::ApiError;
use crate::db::Conn;
use crate::ids::JobId;
use crate::organization;
use crate::queue::{self, Attempt, Cause, Job, JobEvent, JobEventKind, JobFilter, JobState, Lane};
use crate::sync;

/// One unit of work on one target.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobBody {
    self_url: String,
    id: i64,
    #[schema(example = "content_sync")]
    kind: String,
    /// The id of what it is about; which thing that is, the kind says.
    target: i64,
    /// The target, of a kind that is about bindings.
    binding_id: Option<i64>,
    /// Slug of whose it is; null: nobody's alone.
    organization: Option<String>,
    lane: Lane,
    state: JobState,
    /// The attempt that is running or was the last; 0: none yet.
    attempt: i32,
    max_attempts: i32,
    /// Failures that were GitHub's, and are not counted as attempts.
    deferrals: i32,
    cause: Cause,
    /// When it is, or was, due.
    scheduled_at: DateTime<Utc>,
    /// No event pulls it forward beyond this.
    not_before: Option<DateTime<Utc>>,
    /// Of the newest request that it answers.
    requested_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    attempted_at: Option<DateTime<Utc>>,
    finalized_at: Option<DateTime<Utc>>,
    /// Who runs it, or ran it last.
    worker: Option<String>,
    lease_until: Option<DateTime<Utc>>,
    /// The attempts that did not succeed.
    errors: Vec<Attempt>,
    /// What came of it.
    #[schema(value_type = Option<Object>)]
    result: Option<serde_json::Value>,
}

/// The same, with what befell it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobDetailBody {
    #[serde(flatten)]
    job: JobBody,
    /// The oldest first.
    events: Vec<JobEventBody>,
}

#[derive(Debug, Serialize, ToSchema)]
struct JobEventBody {
    at: DateTime<Utc>,
    event: JobEventKind,
    #[schema(value_type = Object)]
    detail: serde_json::Value,
}

impl JobBody {
    fn new(job: Job, organization: Option<String>, api: &Api) -> Self {
        Self {
            self_url: api.url(&format!("/jobs/{}", job.id)),
            id: job.id.get(),
            binding_id: (job.kind == sync::KIND).then_some(job.target),
            kind: job.kind,
            target: job.target,
            organization,
            lane: job.lane,
            state: job.state,
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            deferrals: job.deferrals,
            cause: job.cause.0,
            scheduled_at: job.scheduled_at,
            not_before: job.not_before,
            requested_at: job.requested_at,
            created_at: job.created_at,
            attempted_at: job.attempted_at,
            finalized_at: job.finalized_at,
            worker: job.worker,
            lease_until: job.lease_until,
            errors: job.errors.0,
            result: job.result.map(|result| result.0),
        }
    }
}

impl From<JobEvent> for JobEventBody {
    fn from(event: JobEvent) -> Self {
        Self {
            at: event.at,
            event: event.event,
            detail: event.detail.0,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct JobListQuery {
    state: Option<JobState>,
    #[param(example = "content_sync")]
    kind: Option<String>,
    /// The id of a binding.
    binding: Option<i64>,
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub(super) limit: Option<u32>,
    /// From the `Link` of the page before.
    pub(super) cursor: Option<String>,
}

impl JobListQuery {
    pub(super) fn filter(&self, caller: &Caller, page: &Page) -> Result<JobFilter, ApiError> {
        let kind = match (self.binding, &self.kind) {
            (Some(_), Some(kind)) if kind != sync::KIND => {
                return Err(ApiError::invalid_query(
                    "binding: jobs of this kind are about none",
                ));
            }
            (Some(_), _) => Some(sync::KIND.to_owned()),
            (None, kind) => kind.clone(),
        };
        if let Some(kind) = &kind {
            page::check_plain("kind", kind)?;
        }
        Ok(JobFilter {
            state: self.state,
            kind,
            target: self.binding,
            before: page.after_id()?.map(JobId::new),
            organization: caller.organization(),
        })
    }
}

/// Lists jobs, the newest first
///
/// A token of one organisation sees that organisation's.
#[utoipa::path(
    get, path = "/jobs", tag = "jobs", operation_id = "list_jobs",
    params(JobListQuery),
    responses((status = 200, description = "A page of them", body = Vec<JobBody>)),
)]
pub(super) async fn list(
    api: web::Data<Api>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let query: JobListQuery = page::query(&request)?;
    let page = Page::new("jobs", query.limit, query.cursor.as_deref())?;
    let filter = query.filter(&caller, &page)?;
    let mut conn = api.read().await?;
    let mut rows = queue::list(&filter, page.rows(), &mut conn).await?;
    let next = page.cut(&mut rows, |job| job.id.to_string());
    let body = bodies(rows, &api, &mut conn).await?;
    Ok(page.answer(&api, &request, &body, next.as_deref()))
}

/// Shows a job and what befell it
#[utoipa::path(
    get, path = "/jobs/{id}", tag = "jobs", operation_id = "get_job",
    params(("id" = i64, Path)),
    responses((status = 200, description = "It", body = JobDetailBody)),
)]
pub(super) async fn get(
    api: web::Data<Api>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.read().await?;
    let job = visible(&caller, &id, &mut conn).await?;
    let events = queue::events_of(job.id, &mut conn).await?;
    Ok(HttpResponse::Ok().json(JobDetailBody {
        job: body(job, &api, &mut conn).await?,
        events: events.into_iter().map(JobEventBody::from).collect(),
    }))
}

async fn visible(caller: &Caller, id: &str, conn: &mut Conn) -> Result<Job, ApiError> {
    let no_such = || caller.no_such("job");
    let id = id.parse().map(JobId::new).map_err(|_| no_such())?;
    queue::find(id, conn)
        .await?
        .filter(|job| caller.sees(job.organization_id))
        .ok_or_else(no_such)
}

async fn body(job: Job, api: &Api, conn: &mut Conn) -> Result<JobBody, ApiError> {
    let slugs = organization::slugs(job.organization_id, conn).await?;
    let slug = job.organization_id.and_then(|id| slugs.get(&id).cloned());
    Ok(JobBody::new(job, slug, api))
}

async fn bodies(jobs: Vec<Job>, api: &Api, conn: &mut Conn) -> Result<Vec<JobBody>, ApiError> {
    let ids = jobs.iter().filter_map(|job| job.organization_id);
    let slugs = organization::slugs(ids, conn).await?;
    let body = |job: Job| {
        let slug = job.organization_id.and_then(|id| slugs.get(&id).cloned());
        JobBody::new(job, slug, api)
    };
    Ok(jobs.into_iter().map(body).collect())
}
