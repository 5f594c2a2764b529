//! The job kind `head_poll`: what the bound refs of an installation hold, each asked once an interval.
//!
//! The requests are conditional, and cost nothing of the hourly budget while nothing changes. Nothing
//! that is read here is believed: where a head is not what the last sync found, the bindings that follow
//! it sync, and see for themselves.

mod look;
mod write;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use serde_json::json;

use super::Healing;
use super::failures::Failures;
use super::round::{self, Report};
use crate::context::Context;
use crate::db::{Conn, DbError};
use crate::github::GitHubError;
use crate::ids::{InstallationRowId, RepositoryRowId};
use crate::installation;
use crate::queue::{Finish, Job, JobKind, Outcome, Request, Settled};
use crate::refresh::{self, Through, Trouble};
use crate::repository_ref::{self, DueRef};

/// An interval is worked off in this many steps.
const STEPS: u32 = 20;

/// Refs that are asked for in any step, if there are as many: small installations need no spreading.
const AT_LEAST: i64 = 10;

/// Refs whose next poll is written down together.
const TOGETHER: usize = 25;

/// How long a step of an interval is.
pub(super) fn grain(every: Duration) -> Duration {
    (every / STEPS).max(Duration::from_secs(1))
}

/// What is due before the step after the next is asked for now: nothing waits longer than the interval.
fn horizon(every: Duration, now: DateTime<Utc>) -> DateTime<Utc> {
    now + grain(every) * 2
}

/// The installations that have refs due, once new refs and those that are too far ahead have their
/// places, those that nobody follows any more are let go, and those that cannot be read are put off.
pub(super) async fn installations_due(
    context: &Context,
    every: Duration,
    now: DateTime<Utc>,
) -> Result<Vec<InstallationRowId>, DbError> {
    let (before, apps) = (horizon(every, now), context.apps.rows());
    let mut conn = context.db.write().await?;
    // Each by itself: rows are locked in the order of their ids, as the polls of other processes do.
    conn.transaction(async |conn| repository_ref::place(before, every, conn).await)
        .await?;
    conn.transaction(async |conn| repository_ref::bring_back(before, every, now, conn).await)
        .await?;
    conn.transaction(async |conn| repository_ref::let_go(before, conn).await)
        .await?;
    conn.transaction(async |conn| repository_ref::put_off(before, every, conn).await)
        .await?;
    Ok(repository_ref::installations_due(&apps, before, &mut conn).await?)
}

/// The job kind `head_poll`; the target is the installation's row.
#[derive(Debug, Clone)]
pub struct HeadPoll {
    context: Context,
}

#[async_trait]
impl JobKind for HeadPoll {
    fn name(&self) -> &'static str {
        Healing::HeadPoll.as_str()
    }

    async fn run(&self, job: &Job) -> anyhow::Result<Finish> {
        let Some(every) = self.context.config.healing.poll_interval.get() else {
            // Since it was asked for, or by another process, which asks again.
            let reason = "the poll is switched off here".to_owned();
            return Ok(Outcome::Cancelled { reason }.into());
        };
        let row = InstallationRowId::new(job.target);
        let installation = {
            let mut conn = self.context.db.read().await?;
            installation::find(row, &mut conn).await?
        };
        let app = installation
            .as_ref()
            .and_then(|installation| self.context.apps.of_row(installation.github_app_id));
        let (Some(installation), Some(app)) = (installation, app.cloned()) else {
            return Ok(refresh::left_to_another(&self.context).into());
        };
        let poll = Poll {
            context: &self.context,
            request: refresh::follow_up(job, &self.context),
            through: Through { app, installation },
            every,
        };
        round::run(Healing::HeadPoll, job, &self.context, poll.run()).await
    }

    async fn discarded(
        &self,
        job: &Job,
        error: &str,
        _proof: &Settled,
        conn: &mut Conn,
    ) -> QueryResult<()> {
        round::given_up(Healing::HeadPoll, job, error, &self.context, conn).await
    }
}

impl HeadPoll {
    pub fn new(context: Context) -> Self {
        Self { context }
    }
}

/// One step of the poll of one installation.
struct Poll<'a> {
    context: &'a Context,
    request: Request,
    through: Through,
    every: Duration,
}

/// What a step has come to.
#[derive(Debug, Default)]
struct Polled {
    asked: u64,
    unchanged: u64,
    moved: u64,
    /// Bindings that sync because of it.
    enqueued: u64,
    /// The same, where no delivery has told of what they sync to.
    healed: u64,
    /// Repositories that GitHub does not show any more.
    out_of_reach: BTreeSet<RepositoryRowId>,
    failures: Failures,
}

impl Poll<'_> {
    async fn run(&self) -> Result<Report, Trouble> {
        let Through { app, installation } = &self.through;
        if let Some(until) = installation.paused_until {
            // Another process may have been told, or this one before a restart.
            app.github.pause(installation.github_id, until);
        }
        let mut polled = Polled::default();
        let due = self.due().await?;
        for some in due.chunks(TOGETHER) {
            if let Err(error) = self.poll(some, &mut polled).await? {
                self.end_early(&error).await?;
                return Err(error.into());
            }
        }
        Ok(polled.report(due.len()))
    }

    /// As many as a step may have, the longest due first. After a long stop that is twice as many as
    /// otherwise, so that all are asked within the interval, and not all at once.
    async fn due(&self) -> Result<Vec<DueRef>, Trouble> {
        let before = horizon(self.every, self.context.clock.now());
        let installation = self.through.installation.id;
        let mut conn = self.context.db.read().await?;
        let all = repository_ref::count(installation, &mut conn).await?;
        let limit = budget(all, self.most());
        Ok(repository_ref::due(installation, before, limit, &mut conn).await?)
    }

    /// Half of what the installation may be asked in the time of a step: the other half is for syncs.
    fn most(&self) -> i64 {
        let a_minute = u64::from(self.through.app.github.requests_per_minute());
        let most = a_minute * grain(self.every).as_secs() / 120;
        i64::try_from(most).unwrap_or(i64::MAX)
    }

    /// The inner error ends the poll; what was found before it is written.
    async fn poll(
        &self,
        due: &[DueRef],
        polled: &mut Polled,
    ) -> Result<Result<(), GitHubError>, Trouble> {
        let mut next = Vec::with_capacity(due.len());
        let mut ended = Ok(());
        for due in due {
            let asked_at = self.context.clock.now();
            let look = match self.look(due, polled).await {
                Ok(look) => look,
                Err(error) => {
                    ended = Err(error);
                    break;
                }
            };
            let at = self.write(due, look, asked_at, polled).await?;
            next.push((due.id, at));
        }
        next.sort_unstable();
        let mut conn = self.context.db.write().await?;
        conn.transaction(async |conn| {
            for (id, at) in next {
                repository_ref::poll_at(id, at, conn).await?;
            }
            QueryResult::Ok(())
        })
        .await?;
        Ok(ended)
    }
}

/// Refs that one step asks for.
fn budget(all: i64, most: i64) -> i64 {
    let share = all / i64::from(STEPS) + 1;
    (share * 2).max(AT_LEAST).min(most.max(1))
}

impl Polled {
    fn report(self, due: usize) -> Report {
        Report {
            healed: self.healed,
            found: json!({
                "due": due,
                "asked": self.asked,
                "unchanged": self.unchanged,
                "moved": self.moved,
                "enqueued": self.enqueued,
                "healed": self.healed,
                "out_of_reach": self.out_of_reach.len(),
                "failed": self.failures.count,
            }),
            trouble: self.failures.trouble("refs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_asks_for_twice_its_share_and_leaves_half_to_syncs() {
        let most = 112;
        assert_eq!(budget(0, most), 10);
        assert_eq!(budget(400, most), 42);
        assert_eq!(budget(100_000, most), most);
        assert_eq!(budget(400, 0), 1, "it always goes on");
    }

    #[test]
    fn a_step_is_a_twentieth_of_the_interval_and_no_shorter_than_a_second() {
        let steps = [(300, 15), (10, 1), (86_400, 4320)];
        for (every, step) in steps {
            assert_eq!(grain(Duration::from_secs(every)), Duration::from_secs(step));
        }
    }
}
