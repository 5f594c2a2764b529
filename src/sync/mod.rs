//! The third leg: make a binding hold what its ref holds.
//!
//! [`ContentSync`] tells the story: locate the repository, resolve the ref, compare, list, download, publish.
//! Everything up to the publish happens with no transaction open.

mod download;
#[doc(hidden)]
pub mod fuzz;
mod hint;
mod listing;
mod locate;
mod publish;
mod required;
mod resolve;
mod run;
mod stop;

use chrono::{DateTime, Utc};
use diesel::QueryResult;

pub use hint::{LAG, PushHint, unsettled};
pub use run::ContentSync;

use crate::binding::{self, Binding};
use crate::db::Conn;
use crate::queue::{self, Cause, Enqueued, Lane, NewJob, Request};
use crate::repository;

/// As in `jobs.kind`; the target is the binding's id.
pub const KIND: &str = "content_sync";

/// Asks for a sync of a binding, in the transaction that decided so.
pub async fn request(
    binding: &Binding,
    cause: Cause,
    hint: Option<&PushHint>,
    max_attempts: i32,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Enqueued> {
    let lane = match cause {
        Cause::Delivery { .. } | Cause::Operator { .. } => Lane::Prompt,
        Cause::Timer { .. } | Cause::Other(_) => Lane::Bulk,
    };
    let request = Request {
        cause,
        lane,
        max_attempts,
        at: now,
    };
    enqueue(binding, &request, hint, conn).await
}

/// Asks for a sync of a binding that can be read again, or that something passed by: behind what
/// somebody waits for.
pub async fn catch_up(
    binding: &Binding,
    request: &Request,
    conn: &mut Conn,
) -> QueryResult<Enqueued> {
    enqueue(binding, &request.in_bulk(), None, conn).await
}

async fn enqueue(
    binding: &Binding,
    request: &Request,
    hint: Option<&PushHint>,
    conn: &mut Conn,
) -> QueryResult<Enqueued> {
    let repository = match binding.repository_id {
        Some(id) => repository::find(id, conn).await?,
        None => None,
    };
    let new = NewJob {
        kind: KIND.into(),
        target: binding.id.get(),
        lane: request.lane,
        cause: request.cause.clone(),
        hint: hint.map(PushHint::to_json),
        organization_id: Some(binding.organization_id),
        // In doubt, the pause of the one on record holds nothing up.
        installation_id: repository
            .filter(|repository| repository.installation_doubted_at.is_none())
            .and_then(|repository| repository.installation_id),
        max_attempts: request.max_attempts,
    };
    let enqueued = queue::enqueue(new, request.at, conn).await?;
    binding::record_job(binding.id, enqueued.id, conn).await?;
    Ok(enqueued)
}
