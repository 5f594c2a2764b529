//! Whether the process answers, and whether it can work. Neither needs a token, and neither tells
//! anything about a tenant.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use crate::db::DbError;
use crate::organization;

/// How long the database may take to answer one small query: probes wait a second or a few.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether requests should be sent here.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReadyBody {
    status: Readiness,
    /// Why it is not ready.
    reasons: Vec<&'static str>,
    /// What an operator should know; none of it keeps the service from being ready.
    notes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Readiness {
    Ready,
    NotReady,
}

/// Whether the process answers
#[utoipa::path(
    get, path = "/livez", tag = "health", operation_id = "livez", security(()),
    responses((status = 200, description = "It does", body = String, content_type = "text/plain")),
)]
pub(super) async fn livez() -> &'static str {
    "ok"
}

/// Whether the service can work
#[utoipa::path(
    get, path = "/readyz", tag = "health", operation_id = "readyz", security(()),
    responses(
        (status = 200, description = "It can", body = ReadyBody),
        (status = 503, description = "It cannot, with the reasons", body = ReadyBody),
    ),
)]
pub(super) async fn readyz(api: web::Data<Api>) -> HttpResponse {
    let asked = api.ready.get(&api.context.clock, ask_database(&api));
    let reasons: Vec<_> = match tokio::time::timeout(DATABASE_TIMEOUT, asked).await {
        Ok(Ok(())) => Vec::new(),
        Ok(Err(DbError::Connection(_))) => vec!["the database gives no connection"],
        Ok(Err(DbError::Query(_))) => vec!["the database does not answer a query: is it migrated?"],
        Err(_) => vec!["the database does not answer in time"],
    };
    let (mut answer, status) = match reasons.is_empty() {
        true => (HttpResponse::Ok(), Readiness::Ready),
        false => (HttpResponse::ServiceUnavailable(), Readiness::NotReady),
    };
    answer.json(ReadyBody {
        status,
        reasons,
        notes: notes(&api),
    })
}

async fn ask_database(api: &Api) -> Result<(), DbError> {
    organization::list(None, 1, &mut *api.read().await?).await?;
    Ok(())
}

fn notes(api: &Api) -> Vec<String> {
    let missing = &api.context.config.missing;
    if missing.is_empty() {
        return Vec::new();
    }
    let taken = match api.context.apps.is_empty() {
        true => "no delivery of GitHub's is taken until these are set",
        false => "an App is left out until these are set",
    };
    vec![format!("{taken}: {}", missing.join(", "))]
}
