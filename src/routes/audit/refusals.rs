//! Writes down what was refused to somebody with a good token, for want of a role or a scope.

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};
use diesel_async::AsyncConnection;

use crate::audit::{self, NewAuditEvent};
use crate::db::DbError;
use crate::ids::TokenId;
use crate::organization;
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::per_minute::PerMinute;
use crate::routes::problem::ApiError;
use crate::slug::Slug;

/// Events of one actor within a minute. To be refused costs its sender nothing, and a row each time would
/// fill the log and the disk: what is beyond is counted (`bindery_audit_refusals_left_out_total`).
const A_MINUTE: u32 = 100;

/// How long the refused one waits until it is written down: the refusal is answered in any case.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often each actor was refused, in this process.
#[derive(Debug, Clone, Default)]
pub(in crate::routes) struct Refusals(PerMinute<Option<TokenId>>);

impl Refusals {
    /// Whether one more is written down.
    fn admits(&self, caller: &Caller, api: &Api) -> bool {
        let count = self.0.count(caller.account(), api.now());
        if count <= A_MINUTE {
            return true;
        }
        metrics::counter!("bindery_audit_refusals_left_out_total").increment(1);
        if count == A_MINUTE + 1 {
            tracing::warn!(
                token = caller.label(),
                "refused so often within a minute that the audit log leaves the rest out"
            );
        }
        false
    }
}

pub(in crate::routes) async fn write_down<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let answer = next.call(request).await?;
    let error = answer.response().error();
    let refusal = error.and_then(|error| error.as_error::<ApiError>());
    if refusal.is_some_and(ApiError::is_for_want_of_rights) {
        let caller = answer.request().extensions().get::<Caller>().cloned();
        if let Some(caller) = caller {
            let status = answer.status().as_u16();
            write(&caller, status, answer.request()).await;
        }
    }
    Ok(answer)
}

async fn write(caller: &Caller, status: u16, request: &HttpRequest) {
    let api = Api::of(request);
    if !api.refusals.admits(caller, &api) {
        return;
    }
    // What is no slug, a NUL above all, is no organisation's: the database is not asked for it.
    let slug = request.match_info().get("org");
    let slug = slug.and_then(|slug| slug.parse::<Slug>().ok());
    let event = caller.did(status);
    let stored = tokio::time::timeout(PATIENCE, store(caller, event, slug, &api)).await;
    if !matches!(stored, Ok(Ok(()))) {
        tracing::warn!(
            token = caller.label(),
            http.status = status,
            "what was refused is not in the audit log"
        );
    }
}

/// In the log of the organisation that the token is for, or of the one that a token for all acted on: of
/// what the former tries elsewhere, the others learn nothing, nor it whether they are there.
async fn store(
    caller: &Caller,
    mut event: NewAuditEvent,
    slug: Option<Slug>,
    api: &Api,
) -> Result<(), DbError> {
    let mut conn = api.write().await?;
    conn.transaction(async |conn| {
        event.organization = match (caller.organization(), slug) {
            (Some(own), _) => Some(own),
            (None, Some(slug)) => organization::find(slug.as_str(), conn)
                .await?
                .map(|found| found.id),
            (None, None) => None,
        };
        audit::record(&event, api.now(), conn).await
    })
    .await?;
    Ok(())
}
