use actix_web::http::header;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde::Serialize;
use utoipa::ToSchema;

use super::at::{At, AtPath};
use crate::audit;
use crate::ids::TokenId;
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::per_minute::PerMinute;
use crate::routes::problem::{ApiError, Kind};
use crate::sync;
use crate::token::Role;

/// The job that will sync the binding.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SyncBody {
    binding_id: i64,
    queue_job_id: i64,
    queue_job_url: String,
    /// It was waiting already, and does this too.
    coalesced: bool,
}

/// Syncs that one token may ask for within a minute: far more than a deployment script asks for, and too few
/// to keep the writer of the database from others.
const A_MINUTE: u32 = 600;

/// How often each token asked for a sync, in this process.
#[derive(Debug, Clone, Default)]
pub(in crate::routes) struct Syncs(PerMinute<Option<TokenId>>);

impl Syncs {
    /// Counts one more, or refuses it.
    pub(in crate::routes) fn admit(
        &self,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Result<(), ApiError> {
        if self.0.count(caller.account(), now) <= A_MINUTE {
            return Ok(());
        }
        Err(ApiError::new(
            Kind::TooManySyncs,
            format!("a token may ask for {A_MINUTE} syncs a minute"),
        ))
    }
}

/// Has a binding synced now
///
/// Needs the role operator. A token may ask for 600 a minute.
#[utoipa::path(
    post, path = "/orgs/{org}/bindings/{name}/sync", tag = "bindings", operation_id = "sync_binding",
    params(AtPath),
    responses((status = 202, description = "The job that will do it", body = SyncBody)),
)]
pub(in crate::routes) async fn sync(
    api: web::Data<Api>,
    caller: Caller,
    at: At,
) -> Result<HttpResponse, ApiError> {
    api.syncs.admit(&caller, api.now())?;
    let mut conn = api.write().await?;
    let (binding, job) = conn
        .transaction(async |conn| {
            let binding = at.find(&caller, Role::Operator, conn).await?;
            let (now, attempts) = (api.now(), api.max_attempts());
            let job = sync::request(&binding, caller.cause(), None, attempts, now, conn).await?;
            let event = caller.did(202).within(binding.organization_id);
            audit::record(&event, now, conn).await?;
            Ok::<_, ApiError>((binding, job))
        })
        .await?;
    let body = SyncBody {
        binding_id: binding.id.get(),
        queue_job_id: job.id.get(),
        queue_job_url: api.url(&format!("/jobs/{}", job.id)),
        coalesced: job.coalesced,
    };
    Ok(HttpResponse::Accepted()
        .insert_header((header::LOCATION, body.queue_job_url.as_str()))
        .json(&body))
}
