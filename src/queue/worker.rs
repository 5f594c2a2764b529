//! Claims jobs and runs them, several at a time, until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::AsyncConnection;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::backoff::Backoff;
use super::claim::{self, Claim, Limits};
use super::job::JobState;
use super::kind::{Finish, JobKind, Outcome, Registry};
use super::rescue;
use super::settle::{self, Delays, Settled};
use crate::clock::Clock;
use crate::db::{Channel, Db, DbError};

#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// Jobs at a time in this process.
    pub concurrency: usize,
    /// Jobs at a time of one installation, in all processes.
    pub per_installation: usize,
    /// After this long without a sign of life a job is taken from its worker.
    pub lease: Duration,
    /// How often to look although nothing woke us: the net under the wake-ups.
    pub poll: Duration,
    pub backoff: Backoff,
    /// How long a stopping worker waits for its jobs before it gives them back.
    pub grace: Duration,
}

/// A claim that the database could not settle is tried this often before the lease decides.
const SETTLE_TRIES: u32 = 5;

#[derive(Clone)]
pub struct Worker {
    db: Db,
    clock: Clock,
    registry: Registry,
    settings: Arc<WorkerSettings>,
    limits: Arc<Limits>,
    /// Who we are in `jobs.worker`.
    name: Arc<str>,
}

impl Worker {
    pub fn new(
        db: Db,
        clock: Clock,
        registry: Registry,
        settings: WorkerSettings,
        name: &str,
    ) -> Self {
        let limits = Limits {
            kinds: registry.names(),
            per_installation: i64::try_from(settings.per_installation).unwrap_or(i64::MAX),
            lease: settings.lease,
        };
        Self {
            db,
            clock,
            registry,
            settings: Arc::new(settings),
            limits: Arc::new(limits),
            name: name.into(),
        }
    }

    /// Works until `stop`; then finishes what runs, or gives it back after the grace.
    pub async fn run(&self, stop: CancellationToken) {
        let give_back = CancellationToken::new();
        let mut running = JoinSet::new();
        let mut rescued_at = tokio::time::Instant::now();
        while !stop.is_cancelled() {
            self.fill(&mut running, &stop, &give_back).await;
            if rescued_at.elapsed() >= self.settings.lease / 4 {
                rescued_at = tokio::time::Instant::now();
                self.rescue_or_warn().await;
            }
            let pause = self.until_next_due().await.min(self.settings.lease / 4);
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.db.wakes().wait(Channel::Jobs) => {}
                Some(_) = running.join_next() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        let all = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(self.settings.grace, all)
            .await
            .is_err()
        {
            give_back.cancel();
            while running.join_next().await.is_some() {}
        }
    }

    /// Runs everything that is due now, and what that makes due; how many attempts it took.
    pub async fn drain(&self) -> anyhow::Result<usize> {
        let mut attempts = 0;
        self.rescue().await?;
        while let Some(claim) = self.claim().await? {
            self.work(claim, CancellationToken::new()).await;
            attempts += 1;
        }
        Ok(attempts)
    }

    async fn fill(
        &self,
        running: &mut JoinSet<()>,
        stop: &CancellationToken,
        give_back: &CancellationToken,
    ) {
        while running.len() < self.settings.concurrency && !stop.is_cancelled() {
            match self.claim().await {
                Ok(Some(claim)) => {
                    let (worker, give_back) = (self.clone(), give_back.clone());
                    running.spawn(async move { worker.work(claim, give_back).await });
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "no job could be claimed");
                    return;
                }
            }
        }
    }

    async fn claim(&self) -> Result<Option<Claim>, DbError> {
        let (limits, name, now) = (&*self.limits, &*self.name, self.clock.now());
        let mut conn = self.db.write().await?;
        Ok(conn
            .transaction(async |conn| claim::claim(limits, name, now, conn).await)
            .await?)
    }

    /// Zero when a job came due since; the poll when what is due cannot run yet, or nothing waits.
    async fn until_next_due(&self) -> Duration {
        let next_due = async {
            let mut conn = self.db.read().await?;
            Ok::<_, DbError>(claim::next_due_at(&self.limits.kinds, &mut conn).await?)
        };
        let Ok(Some(at)) = next_due.await else {
            return self.settings.poll;
        };
        (at - self.clock.now())
            .to_std()
            .map_or(self.settings.poll, |wait| wait.min(self.settings.poll))
    }

    async fn rescue(&self) -> Result<usize, DbError> {
        let (registry, backoff, now) = (&self.registry, self.settings.backoff, self.clock.now());
        let mut conn = self.db.write().await?;
        Ok(conn
            .transaction(async |conn| rescue::rescue(registry, backoff, now, conn).await)
            .await?)
    }

    async fn rescue_or_warn(&self) {
        if let Err(error) = self.rescue().await {
            tracing::warn!(%error, "could not look for jobs whose worker is gone");
        }
    }

    /// One attempt, from claim to settlement.
    async fn work(&self, claim: Claim, give_back: CancellationToken) {
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
            ended = &mut run => Some(ended.unwrap_or_else(|error| Err(panic_text(error)))),
            () = self.lose_lease(claim) => None,
            () = give_back.cancelled() => {
                self.release(claim).await;
                None
            }
        };
        let Some(ended) = ended else {
            run.abort();
            return;
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
        let (finish, mut failure) = match ended {
            Ok(finish) => (Some(finish), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        let mut finish = finish;
        for attempt in 1..=SETTLE_TRIES {
            let settled = match (finish.take(), &failure) {
                (Some(finish), _) => self.settle_finish(claim, kind, finish).await,
                (None, Some(failure)) => self.settle_failure(claim, kind, failure).await,
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
                    failure
                        .get_or_insert_with(|| format!("the result could not be written: {error}"));
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
            Outcome::Deferred { .. } => self.backoff(claim.job.deferrals + 1),
            _ => self.backoff(claim.job.attempt),
        }
    }

    fn backoff(&self, failures: i32) -> Delays {
        let (failures, jitter) = (u32::try_from(failures).unwrap_or(0), rand::random());
        let backoff = self.settings.backoff;
        Delays {
            delay: backoff.delay(failures, jitter),
            floor: backoff.floor(failures, jitter),
        }
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

/// What a panic said; a job's own texts hold no secrets.
fn panic_text(error: tokio::task::JoinError) -> anyhow::Error {
    match error.try_into_panic() {
        Ok(payload) => {
            let text = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no text".to_owned());
            anyhow::anyhow!("the job panicked: {text}")
        }
        Err(_) => anyhow::anyhow!("the job was aborted"),
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("name", &self.name)
            .field("kinds", &self.registry)
            .finish_non_exhaustive()
    }
}
