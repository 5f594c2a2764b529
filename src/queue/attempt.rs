//! One attempt at a job, from claim to settlement: it runs, its lease is kept up, its end is written.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use diesel_async::AsyncConnection;
use futures_util::FutureExt;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::backoff::Backoff;
use super::claim::Claim;
use super::job::JobState;
use super::kind::{Finish, JobKind, Outcome};
use super::settle::{self, Delays, Settled};
use super::worker::Worker;
use crate::db::DbError;

/// While GitHub is out of order, a job looks again at least this often: what waits goes on within a
/// minute of the outage's end.
const LONGEST_DEFERRAL: Duration = Duration::from_secs(45);

/// A claim that the database could not settle is tried this often before the lease decides.
const SETTLE_TRIES: u32 = 5;

impl Worker {
    pub(super) async fn work(&self, claim: Claim, give_back: CancellationToken) {
        let job = &claim.job;
        let span = tracing::info_span!("job", job.id = %job.id, job.kind = job.kind, job.target, job.attempt);
        self.attempt(&claim, give_back).instrument(span).await;
    }

    async fn attempt(&self, claim: &Claim, give_back: CancellationToken) {
        let Some(kind) = self.registry.get(&claim.job.kind) else {
            return; // Not claimed: the limits name the registry's kinds.
        };
        let started = tokio::time::Instant::now();
        let (run_kind, job) = (kind.clone(), claim.job.clone());
        let mut run = tokio::spawn(async move { run_kind.run(&job).await }.in_current_span());
        let ended = tokio::select! {
            ended = &mut run => ended.unwrap_or_else(|error| Err(aborted(error))),
            () = self.lose_lease(claim) => {
                run.abort();
                return;
            }
            () = give_back.cancelled() => {
                run.abort();
                self.release(claim).await;
                return;
            }
        };
        self.settle(claim, kind.as_ref(), ended).await;
        metrics::histogram!("bindery_job_seconds", "kind" => kind.name()).record(started.elapsed());
    }

    /// Keeps the lease up; returns when it is lost.
    async fn lose_lease(&self, claim: &Claim) {
        loop {
            tokio::time::sleep(self.settings.lease / 3).await;
            let extended = async {
                let mut conn = self.db.write().await?;
                Ok::<_, DbError>(
                    claim
                        .extend(self.settings.lease, self.clock.now(), &mut conn)
                        .await?,
                )
            };
            match extended.await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!("lost the lease; another worker has this job");
                    return;
                }
                Err(error) => tracing::warn!(%error, "could not extend the lease"),
            }
        }
    }

    async fn release(&self, claim: &Claim) {
        let now = self.clock.now();
        let released = async {
            let mut conn = self.db.write().await?;
            Ok::<_, DbError>(
                conn.transaction(async |conn| settle::release(claim, now, conn).await)
                    .await?,
            )
        };
        if let Err(error) = released.await {
            tracing::warn!(%error, "could not give the job back; its lease will run out");
        }
    }

    async fn settle(&self, claim: &Claim, kind: &dyn JobKind, ended: anyhow::Result<Finish>) {
        let (mut finish, mut failure) = match ended {
            Ok(finish) => (Some(finish), None),
            Err(error) => (None, Some(storable(&format!("{error:#}")))),
        };
        for attempt in 1..=SETTLE_TRIES {
            let settled = match (finish.take(), &failure) {
                (Some(finish), _) => caught(self.settle_finish(claim, kind, finish)).await,
                (None, Some(failure)) => caught(self.settle_failure(claim, kind, failure)).await,
                (None, None) => return,
            };
            match settled {
                Ok(Some(settled)) => return report(kind.name(), settled.state, failure.as_deref()),
                Ok(None) => {
                    return tracing::warn!("settled too late: the job is another worker's by now");
                }
                Err(error) => {
                    tracing::warn!(%error, attempt, "could not settle the job");
                    // What was to be published went down with its transaction; the target is tried again.
                    failure.get_or_insert_with(|| {
                        storable(&format!("the result could not be written: {error}"))
                    });
                    tokio::time::sleep(Duration::from_millis(50) * 2_u32.pow(attempt)).await;
                }
            }
        }
    }

    async fn settle_finish(
        &self,
        claim: &Claim,
        kind: &dyn JobKind,
        finish: Finish,
    ) -> Result<Option<Settled>, DbError> {
        let (now, delays) = (self.clock.now(), self.delays(claim, &finish.outcome));
        let Finish { outcome, effect } = finish;
        let outcome = &outcome;
        let mut conn = self.db.write().await?;
        let settled = conn
            .transaction(async move |conn| {
                let Some(settled) = settle::settle(claim, outcome, delays, now, conn).await? else {
                    return Ok(None);
                };
                if let Some(effect) = effect {
                    effect.apply(&settled, conn).await?;
                }
                if let Outcome::Discarded { error } = outcome {
                    kind.discarded(&claim.job, error, &settled, conn).await?;
                }
                diesel::QueryResult::Ok(Some(settled))
            })
            .await?;
        Ok(settled)
    }

    async fn settle_failure(
        &self,
        claim: &Claim,
        kind: &dyn JobKind,
        error: &str,
    ) -> Result<Option<Settled>, DbError> {
        let (now, delays) = (self.clock.now(), self.backoff(claim.job.attempt));
        let mut conn = self.db.write().await?;
        let settled = conn
            .transaction(async |conn| {
                let settled = settle::fail(claim, error, delays, now, conn).await?;
                if let Some(settled) = &settled
                    && settled.state == JobState::Discarded
                {
                    kind.discarded(&claim.job, error, settled, conn).await?;
                }
                diesel::QueryResult::Ok(settled)
            })
            .await?;
        Ok(settled)
    }

    fn delays(&self, claim: &Claim, outcome: &Outcome) -> Delays {
        match outcome {
            Outcome::Deferred { .. } => {
                let max = self.settings.backoff.max.min(LONGEST_DEFERRAL);
                let backoff = Backoff {
                    max,
                    ..self.settings.backoff
                };
                delays_of(backoff, claim.job.deferrals + 1)
            }
            _ => self.backoff(claim.job.attempt),
        }
    }

    fn backoff(&self, failures: i32) -> Delays {
        delays_of(self.settings.backoff, failures)
    }
}

fn delays_of(backoff: Backoff, failures: i32) -> Delays {
    let (failures, jitter) = (u32::try_from(failures).unwrap_or(0), rand::random());
    Delays {
        delay: backoff.delay(failures, jitter),
        floor: backoff.floor(failures, jitter),
    }
}

fn report(kind: &'static str, state: JobState, failure: Option<&str>) {
    metrics::counter!("bindery_jobs_total", "kind" => kind, "state" => state.as_str()).increment(1);
    match (state, failure) {
        (JobState::Discarded, Some(error)) => tracing::error!(error, "gave the job up"),
        (_, Some(error)) => tracing::warn!(error, %state, "the attempt failed"),
        (_, None) => tracing::info!(%state, "settled"),
    }
}

/// What is written with a settlement is a kind's own code, too: its panic must not take the worker along.
pub(super) async fn caught<T>(
    settling: impl Future<Output = Result<T, DbError>>,
) -> anyhow::Result<T> {
    match AssertUnwindSafe(settling).catch_unwind().await {
        Ok(settled) => Ok(settled?),
        Err(payload) => Err(panicked(payload.as_ref())),
    }
}

fn aborted(error: JoinError) -> anyhow::Error {
    match error.try_into_panic() {
        Ok(payload) => panicked(payload.as_ref()),
        Err(_) => anyhow::anyhow!("the job was aborted"),
    }
}

/// What a panic said; a job's own texts hold no secrets.
fn panicked(payload: &(dyn Any + Send)) -> anyhow::Error {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    anyhow::anyhow!("the job panicked: {text}")
}

/// PostgreSQL keeps no NUL, and an error that cannot be written would be no error at all.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
