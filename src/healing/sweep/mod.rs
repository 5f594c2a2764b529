//! The job kind `delivery_sweep`: what GitHub lists as delivered, less what the ledger has.
//!
//! GitHub's own word on which deliveries succeeded is not looked at: a redirect counts as success
//! there, and what nobody answered counts as nothing.

mod concern;
mod fetch;
mod listing;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use serde_json::json;

use super::Healing;
use super::round::{self, Report};
use crate::apps::App;
use crate::context::Context;
use crate::db::Conn;
use crate::github_app;
use crate::ids::AppRowId;
use crate::queue::{Finish, Job, JobKind, Settled};
use crate::refresh::{self, Trouble};
use fetch::Fetched;
use listing::Listed;

/// How far back GitHub lists: an Enterprise Server lists more, and what is older than this is found by
/// the polls.
const LOOK_BACK: TimeDelta = TimeDelta::hours(72);

/// What was delivered so shortly before the last sweep is listed again. A delivery is listed when it has
/// ended or failed, under the time at which it was sent, and under load GitHub holds some back for
/// minutes. What is listed twice costs no more than its line.
const OVERLAP: TimeDelta = TimeDelta::minutes(15);

/// The job kind `delivery_sweep`; the target is the App's row.
#[derive(Debug, Clone)]
pub struct DeliverySweep {
    context: Context,
}

#[async_trait]
impl JobKind for DeliverySweep {
    fn name(&self) -> &'static str {
        Healing::DeliverySweep.as_str()
    }

    async fn run(&self, job: &Job) -> anyhow::Result<Finish> {
        let Some(app) = self.context.apps.of_row(AppRowId::new(job.target)) else {
            return Ok(refresh::left_to_another(&self.context).into());
        };
        let sweep = Sweep {
            context: &self.context,
            app,
        };
        round::run(Healing::DeliverySweep, job, &self.context, sweep.run()).await
    }

    async fn discarded(
        &self,
        job: &Job,
        error: &str,
        _proof: &Settled,
        conn: &mut Conn,
    ) -> QueryResult<()> {
        round::given_up(Healing::DeliverySweep, job, error, &self.context, conn).await
    }
}

impl DeliverySweep {
    pub fn new(context: Context) -> Self {
        Self { context }
    }
}

/// One sweep of one App.
struct Sweep<'a> {
    context: &'a Context,
    app: &'a Arc<App>,
}

impl Sweep<'_> {
    async fn run(&self) -> Result<Report, Trouble> {
        let begun_at = self.context.clock.now();
        let since = self.since(begun_at).await?;
        let mut fetched = Fetched::default();
        let listed = self.list(since, &mut fetched).await?;
        if fetched.failed == 0 && listed.cut.is_none() {
            // By the earlier of both clocks, ours and GitHub's: neither may be ahead of what was listed.
            let until = listed.newest.map(|newest| newest.min(begun_at) - OVERLAP);
            self.move_on(until).await?;
        }
        let trouble = trouble(&listed, &fetched);
        Ok(Report {
            healed: fetched.recorded,
            found: json!({
                "since": since,
                "listed": listed.entries,
                "unreadable": listed.unreadable,
                "seen": listed.seen,
                "missing": listed.missing,
                "healed": fetched.recorded,
                "arrived_meanwhile": fetched.arrived,
                "not_kept": fetched.not_kept,
                "failed": fetched.failed,
            }),
            trouble,
        })
    }

    async fn since(&self, begun_at: DateTime<Utc>) -> Result<DateTime<Utc>, Trouble> {
        let mut conn = self.context.db.read().await?;
        let swept_until = github_app::swept_until(self.app.row, &mut conn).await?;
        let earliest = begun_at - LOOK_BACK;
        Ok(swept_until.map_or(earliest, |until| until.max(earliest)))
    }

    async fn move_on(&self, until: Option<DateTime<Utc>>) -> Result<(), Trouble> {
        let Some(until) = until else {
            return Ok(());
        };
        let mut conn = self.context.db.write().await?;
        Ok(github_app::record_sweep(self.app.row, until, &mut conn).await?)
    }
}

/// What keeps the cursor where it is, or before what could not be read.
fn trouble(listed: &Listed, fetched: &Fetched) -> Option<String> {
    let mut all = Vec::new();
    if let Some(error) = &listed.cut {
        let error = anyhow::Error::from(error.clone());
        all.push(format!("GitHub's list was cut short: {error:#}"));
    }
    if listed.unreadable > 0 {
        let count = listed.unreadable;
        all.push(format!("{count} listed deliveries could not be read"));
    }
    if let Some(error) = &fetched.first_error {
        let count = fetched.failed;
        all.push(format!(
            "{count} deliveries could not be fetched and are tried again; the first: {error}"
        ));
    }
    (!all.is_empty()).then(|| all.join("; "))
}
