//! Claims jobs and runs them, several at a time, until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::attempt::caught;
use super::backoff::Backoff;
use super::claim::{self, Claim, Limits};
use super::kind::Registry;
use super::rescue;
use crate::clock::Clock;
use crate::db::{Channel, Db, DbError};
use crate::ids::JobId;

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

#[derive(Clone)]
pub struct Worker {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) registry: Registry,
    pub(super) settings: Arc<WorkerSettings>,
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
        let mut next_rescue = tokio::time::Instant::now();
        while !stop.is_cancelled() {
            if next_rescue <= tokio::time::Instant::now() {
                next_rescue = tokio::time::Instant::now() + self.settings.lease / 4;
                self.rescue_or_warn().await;
            }
            let looked_at = self.clock.now();
            self.fill(&mut running, &stop, &give_back).await;
            let pause = self.until_next_due(looked_at).await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.db.wakes().wait(Channel::Jobs) => {}
                Some(_) = running.join_next() => {}
                () = tokio::time::sleep(pause) => {}
                () = tokio::time::sleep_until(next_rescue) => {}
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

    /// Zero when a job came due since it was looked; the poll when none will. What was due and is not
    /// taken waits for something else than time.
    async fn until_next_due(&self, looked_at: DateTime<Utc>) -> Duration {
        let next_due = async {
            let mut conn = self.db.read().await?;
            Ok::<_, DbError>(claim::next_due_after(looked_at, &self.limits.kinds, &mut conn).await?)
        };
        match next_due.await {
            Ok(Some(at)) => {
                let wait = (at - self.clock.now()).to_std().unwrap_or_default();
                wait.min(self.settings.poll)
            }
            _ => self.settings.poll,
        }
    }

    /// Each in a transaction of its own: one that cannot be rescued keeps no other from it.
    async fn rescue(&self) -> Result<(), DbError> {
        let (kinds, now) = (&self.limits.kinds, self.clock.now());
        let expired = rescue::expired(kinds, now, &mut *self.db.read().await?).await?;
        for job in expired {
            if let Err(error) = caught(self.rescue_one(job)).await {
                // It is tried again before long; what is no matter of the database is somebody's mistake.
                let error_text = format!("{error:#}");
                if error.is::<DbError>() {
                    tracing::warn!(job.id = %job, error = error_text, "could not rescue a job");
                } else {
                    tracing::error!(job.id = %job, error = error_text, "could not rescue a job");
                }
            }
        }
        Ok(())
    }

    async fn rescue_one(&self, job: JobId) -> Result<(), DbError> {
        let (registry, backoff, now) = (&self.registry, self.settings.backoff, self.clock.now());
        let mut conn = self.db.write().await?;
        Ok(conn
            .transaction(async |conn| rescue::rescue(job, registry, backoff, now, conn).await)
            .await?)
    }

    async fn rescue_or_warn(&self) {
        if let Err(error) = self.rescue().await {
            tracing::warn!(%error, "could not look for jobs whose worker is gone");
        }
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
