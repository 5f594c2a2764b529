//! Waiting for the service's legs, by its rows.

use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;

use crate::context::Context;
use crate::ids::JobId;
use crate::inbox::{self, Delivery, DeliveryFilter, DeliveryState};
use crate::queue::{self, Job, JobFilter, JobState};
use crate::simulator::Guid;

/// Between two looks: an upper bound of how much later than it happened something is seen.
const LOOK: Duration = Duration::from_millis(1);
/// For what takes milliseconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// For the first sync, which downloads all files.
pub(super) const FIRST_PATIENCE: Duration = Duration::from_secs(300);

/// Waits until a delivery has been processed.
pub(super) async fn processed(context: &Context, guid: &Guid) -> anyhow::Result<Delivery> {
    let filter = DeliveryFilter {
        guid: Some(guid.to_string()),
        ..DeliveryFilter::default()
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = inbox::list(&filter, 1, &mut *context.db.read().await?).await?;
        let delivery = found.into_iter().next();
        let delivery = delivery.context("an acknowledged delivery is not in the ledger")?;
        if delivery.state != DeliveryState::Received {
            return Ok(delivery);
        }
        if Instant::now() > deadline {
            bail!("delivery {guid} was not processed within {PATIENCE:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until nothing more will come of a job.
pub(super) async fn finished(
    context: &Context,
    id: JobId,
    patience: Duration,
) -> anyhow::Result<Job> {
    let deadline = Instant::now() + patience;
    loop {
        let job = queue::find(id, &mut *context.db.read().await?).await?;
        let job = job.with_context(|| format!("job {id} is gone"))?;
        if job.finalized_at.is_some() {
            return Ok(job);
        }
        if Instant::now() > deadline {
            bail!(
                "job {id} did not end within {patience:?}: {}",
                standing(&job)
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The jobs so far of a binding, the newest first.
pub(super) async fn jobs_of(context: &Context, binding: i64) -> anyhow::Result<Vec<Job>> {
    let filter = JobFilter {
        kind: Some(crate::sync::KIND.to_owned()),
        target: Some(binding),
        ..JobFilter::default()
    };
    Ok(queue::list(&filter, i64::MAX, &mut *context.db.read().await?).await?)
}

/// Why a job did not do what it was for; `None` when it did.
pub(super) fn failure(job: &Job) -> Option<String> {
    (job.state != JobState::Completed).then(|| standing(job))
}

fn standing(job: &Job) -> String {
    let last = job.errors.0.last();
    let error = last.map_or("no error so far", |attempt| attempt.error.as_str());
    format!("{}, {error}", job.state.as_str())
}
