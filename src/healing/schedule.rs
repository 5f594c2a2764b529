//! The timers' rows: when each kind of healing is due for each target, and how it went the last time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::timers;
use crate::db::{Conn, Dialect, Json, text_enum};

text_enum! {
    /// What is done without being told. As in `jobs.kind`.
    pub enum Healing {
        /// GitHub's list of deliveries against the ledger; the target is the App's row.
        DeliverySweep = "delivery_sweep",
        /// What the bound refs hold; the target is the installation's row.
        HeadPoll = "head_poll",
        /// What the installations are and cover; the target is the App's row.
        InstallationPoll = "installation_poll",
    }
}

/// One kind of healing of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timed {
    pub healing: Healing,
    pub target: i64,
}

/// How it stands with that.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = timers, check_for_backend(Dialect))]
pub struct TimerState {
    pub name: Healing,
    pub target: i64,
    pub due_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    /// When the last one ended, well or not.
    pub finished_at: Option<DateTime<Utc>>,
    /// What the last one that went well found and healed.
    pub result: Option<Json<serde_json::Value>>,
    /// Why the last one did not do all of its work.
    pub error: Option<String>,
}

/// Moves on when it is due next, if it is due: of several replicas, one is told `true`. `anyway`: due or not.
pub(super) async fn take(
    timed: Timed,
    every: Duration,
    anyway: bool,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<bool> {
    let first = (
        timers::name.eq(timed.healing),
        timers::target.eq(timed.target),
        timers::due_at.eq(now),
    );
    diesel::insert_into(timers::table)
        .values(first)
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    // Further ahead than it is ever put: the interval was longer then, or a clock was wrong.
    let due = timers::due_at.le(now).or(timers::due_at.gt(now + every));
    let timer = timers::table.find((timed.healing, timed.target));
    let moved = timers::due_at.eq(now + every);
    let rows = if anyway {
        diesel::update(timer).set(moved).execute(conn).await?
    } else {
        let timer = timer.filter(due);
        diesel::update(timer).set(moved).execute(conn).await?
    };
    Ok(rows == 1)
}

pub(super) async fn mark_started(
    timed: Timed,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    diesel::update(timers::table.find((timed.healing, timed.target)))
        .set(timers::started_at.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}

/// `result` is `None` when nothing was found out: then the one before stays.
pub(super) async fn mark_finished(
    timed: Timed,
    result: Option<&serde_json::Value>,
    error: Option<&str>,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let timer = timers::table.find((timed.healing, timed.target));
    let succeeded = error.is_none().then_some(timers::succeeded_at.eq(now));
    let ended = (
        timers::finished_at.eq(now),
        timers::error.eq(error),
        succeeded,
    );
    match result {
        Some(result) => {
            let ended = (ended, timers::result.eq(Json(result.clone())));
            diesel::update(timer).set(ended).execute(conn).await?
        }
        None => diesel::update(timer).set(ended).execute(conn).await?,
    };
    Ok(())
}

/// When it last went well for the one of `targets` where that is longest ago: within, `None` where it
/// never has; without, when it has not been asked for yet.
pub(super) async fn oldest_success(
    healing: Healing,
    targets: &[i64],
    conn: &mut Conn,
) -> QueryResult<Option<Option<DateTime<Utc>>>> {
    timers::table
        .filter(timers::name.eq(healing))
        .filter(timers::target.eq_any(targets.to_vec()))
        .order((timers::succeeded_at.is_not_null(), timers::succeeded_at))
        .select(timers::succeeded_at)
        .first(conn)
        .await
        .optional()
}

pub async fn find(timed: Timed, conn: &mut Conn) -> QueryResult<Option<TimerState>> {
    timers::table
        .find((timed.healing, timed.target))
        .select(TimerState::as_select())
        .first(conn)
        .await
        .optional()
}

/// All of them by name and target, those after `after` when it is given.
pub async fn list(
    after: Option<Timed>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<TimerState>> {
    let mut query = timers::table
        .order((timers::name, timers::target))
        .select(TimerState::as_select())
        .into_boxed()
        .limit(limit);
    if let Some(after) = after {
        let later_target = timers::name
            .eq(after.healing)
            .and(timers::target.gt(after.target));
        query = query.filter(timers::name.gt(after.healing).or(later_target));
    }
    query.load(conn).await
}
