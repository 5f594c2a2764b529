//! One run of a healing: written down when it starts and when it ends, with what it found and healed.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use serde_json::Value;

use super::schedule::{self, Healing, Timed};
use crate::context::Context;
use crate::db::{Conn, DbError};
use crate::queue::{Effect, Finish, Job, Outcome, Settled};
use crate::refresh::{Trouble, outcome_of};

/// What a run has come to.
#[derive(Debug, Clone)]
pub(super) struct Report {
    /// What no event had told of, and is put right now.
    pub(super) healed: u64,
    /// The same and the rest, for people.
    pub(super) found: Value,
    /// What could not be done, although the run went on.
    pub(super) trouble: Option<String>,
}

/// Runs one, and says how it ended.
pub(super) async fn run(
    healing: Healing,
    job: &Job,
    context: &Context,
    work: impl Future<Output = Result<Report, Trouble>>,
) -> anyhow::Result<Finish> {
    let timed = Timed {
        healing,
        target: job.target,
    };
    started(timed, context).await?;
    let ended = work.await;
    let at = context.clock.now();
    match ended {
        Ok(report) => {
            tell(healing, &report);
            let outcome = Outcome::Completed(report.found.clone());
            Ok(Finish::with(outcome, Ended::well(timed, report, at)))
        }
        Err(Trouble::GitHub(error)) => {
            let ended = Ended::badly(timed, error.to_string(), at);
            Ok(Finish::with(outcome_of(error, healing.as_str())?, ended))
        }
        Err(Trouble::Own(error)) => Err(error),
    }
}

/// Given up: the timer tries again when it is due.
pub(super) async fn given_up(
    healing: Healing,
    job: &Job,
    error: &str,
    context: &Context,
    conn: &mut Conn,
) -> QueryResult<()> {
    let timed = Timed {
        healing,
        target: job.target,
    };
    schedule::mark_finished(timed, None, Some(error), context.clock.now(), conn).await
}

async fn started(timed: Timed, context: &Context) -> Result<(), DbError> {
    let mut conn = context.db.write().await?;
    Ok(schedule::mark_started(timed, context.clock.now(), &mut conn).await?)
}

fn tell(healing: Healing, report: &Report) {
    if let Some(trouble) = &report.trouble {
        tracing::warn!(%healing, trouble, "could not look at everything");
    }
    if report.healed > 0 {
        tracing::info!(%healing, healed = report.healed, found = %report.found, "healed");
    }
}

struct Ended {
    timed: Timed,
    report: Option<Report>,
    error: Option<String>,
    at: DateTime<Utc>,
}

impl Ended {
    fn well(timed: Timed, report: Report, at: DateTime<Utc>) -> Self {
        Self {
            timed,
            error: report.trouble.clone(),
            report: Some(report),
            at,
        }
    }

    fn badly(timed: Timed, error: String, at: DateTime<Utc>) -> Self {
        Self {
            timed,
            report: None,
            error: Some(error),
            at,
        }
    }
}

#[async_trait]
impl Effect for Ended {
    async fn apply(self: Box<Self>, _proof: &Settled, conn: &mut Conn) -> QueryResult<()> {
        let name = self.timed.healing.as_str();
        if let Some(report) = &self.report {
            metrics::counter!("bindery_healed_total", "by" => name).increment(report.healed);
        }
        let found = self.report.as_ref().map(|report| &report.found);
        let error = self.error.as_deref();
        schedule::mark_finished(self.timed, found, error, self.at, conn).await
    }
}
