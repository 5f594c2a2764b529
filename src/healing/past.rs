//! What is kept of past runs: when each kind last went well, and for a while its jobs.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;

use super::schedule::{self, Healing};
use crate::context::Context;
use crate::db::Conn;
use crate::ids::InstallationRowId;
use crate::queue::{self, Cause};
use crate::{refresh, repository_ref};

/// How long the jobs of runs that went well are kept, and of the refreshes that they asked for. There are
/// some for each installation in every interval: kept as long as others, they would be most of the table.
pub const KEPT: TimeDelta = TimeDelta::hours(1);

/// Deletes some that were completed before `before`; fewer than `limit` means: all of them.
pub async fn prune(before: DateTime<Utc>, limit: i64, conn: &mut Conn) -> QueryResult<usize> {
    let mut gone = 0;
    for healing in Healing::ALL {
        let name = healing.as_str();
        let kinds = [name, refresh::REPOSITORY, refresh::INSTALLATION];
        let cause = Cause::Timer {
            name: name.to_owned(),
        };
        gone += queue::prune_completed(&kinds, cause, before, limit, conn).await?;
    }
    Ok(gone)
}

/// When each kind that is switched on last went well, of all that it is done for where that is longest
/// ago. `None`: somewhere it never has.
pub async fn last_successes(
    context: &Context,
    conn: &mut Conn,
) -> QueryResult<Vec<(Healing, Option<DateTime<Utc>>)>> {
    let (config, apps) = (&context.config.healing, context.apps.rows());
    let mut found = Vec::new();
    for &healing in Healing::ALL {
        let of_apps = || apps.iter().map(|row| row.get()).collect();
        let (interval, targets): (_, Vec<i64>) = match healing {
            Healing::DeliverySweep => (config.sweep_interval, of_apps()),
            Healing::InstallationPoll => (config.poll_interval, of_apps()),
            Healing::HeadPoll => {
                let polled = repository_ref::installations_polled(&apps, conn).await?;
                let targets = polled.into_iter().map(InstallationRowId::get);
                (config.poll_interval, targets.collect())
            }
        };
        if interval.get().is_some()
            && let Some(at) = schedule::oldest_success(healing, &targets, conn).await?
        {
            found.push((healing, at));
        }
    }
    Ok(found)
}
