//! Tells when a healing is due, and asks for its job.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use tokio_util::sync::CancellationToken;

use super::head_poll;
use super::schedule::{self, Healing, Timed};
use crate::context::Context;
use crate::db::DbError;
use crate::ids::InstallationRowId;
use crate::queue::{self, Cause, Lane, NewJob};

/// Attempts at one run: soon it is due again anyway.
const ATTEMPTS: i32 = 3;

/// Between two looks at what is due, at most and at least.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// The clockwork of a process. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Timer {
    context: Context,
    /// It has ticked: what happened while nobody ran is on its way to be found.
    begun: Arc<AtomicBool>,
}

/// A run that could be due.
struct Run {
    timed: Timed,
    installation: Option<InstallationRowId>,
    every: Duration,
}

impl Timer {
    pub fn new(context: Context) -> Self {
        Self {
            context,
            begun: Arc::default(),
        }
    }

    /// Ticks until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let ticked = stop.run_until_cancelled(self.tick(self.context.clock.now()));
            if let Some(Err(error)) = ticked.await {
                tracing::warn!(%error, "could not see what is due");
            }
            stop.run_until_cancelled(tokio::time::sleep(self.pause()))
                .await;
        }
    }

    /// Asks for what is due; at the first tick of a process that is everything. How many runs were asked for.
    pub async fn tick(&self, now: DateTime<Utc>) -> Result<usize, DbError> {
        let anyway = !self.begun.load(Ordering::SeqCst);
        let mut asked = 0;
        for run in self.of_apps() {
            asked += usize::from(self.ask_if_due(&run, anyway, now).await?);
        }
        if let Some(every) = self.context.config.healing.poll_interval.get() {
            for installation in head_poll::installations_due(&self.context, every, now).await? {
                let run = Run {
                    timed: Timed {
                        healing: Healing::HeadPoll,
                        target: installation.get(),
                    },
                    installation: Some(installation),
                    every: head_poll::grain(every),
                };
                asked += usize::from(self.ask_if_due(&run, false, now).await?);
            }
        }
        self.begun.store(true, Ordering::SeqCst);
        Ok(asked)
    }

    fn of_apps(&self) -> Vec<Run> {
        let config = &self.context.config.healing;
        let kinds = [
            (Healing::DeliverySweep, config.sweep_interval),
            (Healing::InstallationPoll, config.poll_interval),
        ];
        let of_app = |row: i64| {
            kinds.into_iter().filter_map(move |(healing, interval)| {
                Some(Run {
                    timed: Timed {
                        healing,
                        target: row,
                    },
                    installation: None,
                    every: interval.get()?,
                })
            })
        };
        let apps = self.context.apps.iter();
        apps.flat_map(|app| of_app(app.row.get())).collect()
    }

    async fn ask_if_due(
        &self,
        run: &Run,
        anyway: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, DbError> {
        let name = run.timed.healing.as_str();
        let new = NewJob {
            kind: name.into(),
            target: run.timed.target,
            lane: Lane::Bulk,
            cause: Cause::Timer {
                name: name.to_owned(),
            },
            hint: None,
            organization_id: None,
            installation_id: run.installation,
            max_attempts: ATTEMPTS,
        };
        let mut conn = self.context.db.write().await?;
        Ok(conn
            .transaction(async |conn| {
                let due = schedule::take(run.timed, run.every, anyway, now, conn).await?;
                if due {
                    queue::enqueue(new, now, conn).await?;
                }
                diesel::QueryResult::Ok(due)
            })
            .await?)
    }

    fn pause(&self) -> Duration {
        let config = &self.context.config.healing;
        let shortest = config
            .sweep_interval
            .get()
            .into_iter()
            .chain(config.poll_interval.get())
            .min();
        let grain = shortest.map_or(LONGEST_PAUSE, head_poll::grain);
        grain.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }
}
