//! What can be done here: the API's own functions do it, ask for the same roles and write the same down.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::meant::Meant;
use super::query;
use super::sign_in::to;
use super::visitor::link;
use crate::routes::bindings::{self, At};
use crate::routes::jobs::command;
use crate::routes::problem::ApiError;
use crate::routes::{Api, deliveries};

pub(super) async fn sync(
    meant: Meant,
    at: At,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let api = meant.api.clone();
    let done = bindings::request_sync(meant.api, meant.caller, at).await?;
    let path = request.path();
    let page = path.strip_suffix("/sync").unwrap_or(path);
    Ok(to(&with_job(page, &done, &api)))
}

pub(super) async fn replay(meant: Meant, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let page = link(&meant.api, &format!("/deliveries/{id}"));
    deliveries::replay(meant.api, meant.caller, id).await?;
    Ok(to(&page))
}

pub(super) async fn retry(meant: Meant, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let api = meant.api.clone();
    let page = link(&api, &format!("/jobs/{id}"));
    let done = command::retry(meant.api, meant.caller, id).await?;
    Ok(to(&job_of(&done, &api).unwrap_or(page)))
}

pub(super) async fn cancel(meant: Meant, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let page = link(&meant.api, &format!("/jobs/{id}"));
    command::cancel(meant.api, meant.caller, id).await?;
    Ok(to(&page))
}

/// The page, which is to say what becomes of the job that was asked for.
fn with_job(page: &str, done: &HttpResponse, api: &Api) -> String {
    let job = job_of(done, api).unwrap_or_default();
    match job.rsplit('/').next() {
        Some(id) if !id.is_empty() => query::with(page, &[("asked", id)]),
        _ => page.to_owned(),
    }
}

/// The console's page of the job that the API's answer leads to.
fn job_of(done: &HttpResponse, api: &Api) -> Option<String> {
    let location = done.headers().get(header::LOCATION)?.to_str().ok()?;
    let path = location.strip_prefix(&api.base_url)?;
    path.starts_with("/jobs/").then(|| link(api, path))
}
