//! What an operator does to one job.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use diesel_async::AsyncConnection;

use super::{body, visible};
use crate::audit::{self, NewAuditEvent};
use crate::binding;
use crate::db::Conn;
use crate::ids::BindingId;
use crate::queue::{self, Enqueued, Job, JobState};
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::problem::{ApiError, Kind};
use crate::sync;
use crate::token::Role;

/// Has the work of a job done again, as soon as a worker is free
///
/// A job that waits for the same target does it, pulled forward; without one there is a new one. Needs the
/// role operator.
#[utoipa::path(
    post, path = "/jobs/{id}/retry", tag = "jobs", operation_id = "retry_job",
    params(("id" = i64, Path)),
    responses(
        (status = 202, description = "The job that will do it", body = super::JobBody),
        (status = 409, description = "It runs already"),
    ),
)]
pub(in crate::routes) async fn retry(
    api: web::Data<Api>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    api.syncs.admit(&caller, api.now())?;
    let mut conn = api.write().await?;
    let again = conn
        .transaction(async |conn| {
            let job = commanded(&caller, &id, conn).await?;
            if job.state == JobState::Running {
                let detail = "wait for its end, or cancel it";
                return Err(ApiError::new(Kind::JobRunning, detail));
            }
            let again = again(&job, &caller, &api, conn).await?;
            let event = did(&caller, 202, &job).with_detail(format!("job {}", again.id));
            audit::record(&event, api.now(), conn).await?;
            queue::find(again.id, conn)
                .await?
                .ok_or_else(|| caller.no_such("job"))
        })
        .await?;
    let body = body(again, &api, &mut conn).await?;
    Ok(HttpResponse::Accepted()
        .insert_header((header::LOCATION, body.self_url.as_str()))
        .json(&body))
}

async fn again(
    job: &Job,
    caller: &Caller,
    api: &Api,
    conn: &mut Conn,
) -> Result<Enqueued, ApiError> {
    let (cause, attempts, now) = (caller.cause(), api.max_attempts(), api.now());
    if job.kind != sync::KIND {
        return Ok(queue::retry(job, cause, attempts, now, conn).await?);
    }
    let binding = binding::find(BindingId::new(job.target), conn).await?;
    let binding = binding.ok_or_else(|| caller.no_such("binding"))?;
    Ok(sync::request(&binding, cause, None, attempts, now, conn).await?)
}

/// Calls a job off
///
/// Whether it waits or runs: a worker that has it publishes nothing of it. What it was for is done by the next
/// push, sync or poll of its target. Needs the role operator.
#[utoipa::path(
    post, path = "/jobs/{id}/cancel", tag = "jobs", operation_id = "cancel_job",
    params(("id" = i64, Path)),
    responses(
        (status = 200, description = "It, cancelled", body = super::JobBody),
        (status = 409, description = "It has ended already"),
    ),
)]
pub(in crate::routes) async fn cancel(
    api: web::Data<Api>,
    caller: Caller,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.write().await?;
    let cancelled = conn
        .transaction(async |conn| {
            let job = commanded(&caller, &id, conn).await?;
            let cause = caller.cause();
            if !queue::cancel(job.id, &cause, api.now(), conn).await? {
                let detail = "there is nothing to cancel any more";
                return Err(ApiError::new(Kind::JobFinished, detail));
            }
            audit::record(&did(&caller, 200, &job), api.now(), conn).await?;
            queue::find(job.id, conn)
                .await?
                .ok_or_else(|| caller.no_such("job"))
        })
        .await?;
    Ok(HttpResponse::Ok().json(body(cancelled, &api, &mut conn).await?))
}

/// A job that somebody would do something to. To the token of one organisation there are its own alone.
async fn commanded(caller: &Caller, id: &str, conn: &mut Conn) -> Result<Job, ApiError> {
    let job = visible(caller, id, conn).await?;
    caller.needs(Role::Operator)?;
    Ok(job)
}

fn did(caller: &Caller, status: u16, job: &Job) -> NewAuditEvent {
    let event = caller.did(status);
    match job.organization_id {
        Some(id) => event.within(id),
        None => event,
    }
}
