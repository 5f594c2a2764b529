//! I9: every job that should run does, one at a time for each target.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::{count_star, exists, max, not, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::RunQueryDsl;

use super::{Findings, Invariant, Options, Rule};
use crate::db::schema::{installations, jobs};
use crate::db::{Conn, Dialect};
use crate::ids::JobId;
use crate::queue::{JobState, Lane};

const LEASE_LOST: Rule = Rule {
    invariant: Invariant::Live,
    name: "job_without_worker",
    means: "A job counts as running, and its worker has given no sign of life for two leases: nobody has taken it back.",
    remedy: "Look for a running worker that knows this kind of job; each looks for such jobs every quarter of a lease.",
};

const NOBODY_WORKS: Rule = Rule {
    invariant: Invariant::Live,
    name: "nobody_works",
    means: "A job is long due, and no worker has taken any job since.",
    remedy: "Start a `bindery serve` with workers, or look in its log why it can claim nothing.",
};

const PASSED_BY: Rule = Rule {
    invariant: Invariant::Live,
    name: "job_passed_by",
    means: "Somebody waits for a job that has been due for very long, while workers take others.",
    remedy: "See whether any worker knows its kind (a newer version does), and whether its installation keeps all its share busy.",
};

const TWICE: Rule = Rule {
    invariant: Invariant::Live,
    name: "two_jobs_of_one_target",
    means: "Two jobs of one target wait, or run, at the same time, which a unique index forbids: the index is damaged or gone.",
    remedy: "Stop the workers; cancel the older of the two by hand; rebuild the index.",
};

/// Times the patience that a job may be passed by.
const PASSED_BY_AFTER: u32 = 6;

/// Overdue jobs of a lane that are named: with the first, the others are found.
const NAMED: i64 = 20;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = jobs, check_for_backend(Dialect))]
struct Row {
    id: JobId,
    kind: String,
    target: i64,
    lane: Lane,
    scheduled_at: DateTime<Utc>,
    worker: Option<String>,
    lease_until: Option<DateTime<Utc>>,
}

impl Row {
    fn place(&self) -> String {
        format!("job {} ({} of {})", self.id, self.kind, self.target)
    }
}

pub(super) async fn check(
    options: &Options,
    now: DateTime<Utc>,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    conn.snapshot(async |conn| {
        find_without_worker(options, now, findings, conn).await?;
        find_overdue(options, now, findings, conn).await?;
        find_twice(findings, conn).await?;
        note_discarded(findings, conn).await
    })
    .await
}

/// As the partial indexes have it, in literals; see `queue::job`.
fn is_waiting() -> diesel::expression::SqlLiteral<Bool> {
    sql("jobs.state IN ('available', 'retryable')")
}

fn is_running() -> diesel::expression::SqlLiteral<Bool> {
    sql("jobs.state = 'running'")
}

async fn find_without_worker(
    options: &Options,
    now: DateTime<Utc>,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    let running: Vec<Row> = jobs::table
        .filter(is_running())
        .order(jobs::id)
        .select(Row::as_select())
        .load(conn)
        .await?;
    findings.looked_at("running jobs", running.len());
    // The lease was kept up one lease before its end.
    let lost = |row: &&Row| {
        row.lease_until
            .is_none_or(|until| until + options.lease < now)
    };
    for row in running.iter().filter(lost) {
        let worker = row.worker.as_deref().unwrap_or("unknown");
        let until = row
            .lease_until
            .map_or_else(String::new, |until| format!(", until {until}"));
        findings.add(&LEASE_LOST, row.place(), format!("worker {worker}{until}"));
    }
    Ok(())
}

/// A backlog that is worked off is none of these, however long it is.
async fn find_overdue(
    options: &Options,
    now: DateTime<Utc>,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    let waiting: i64 = jobs::table
        .filter(is_waiting())
        .select(count_star())
        .first(conn)
        .await?;
    findings.looked_at(
        "waiting jobs",
        usize::try_from(waiting).unwrap_or(usize::MAX),
    );
    let patient = now - options.patience;
    let mut late = Vec::new();
    for lane in Lane::ALL {
        late.extend(overdue(lane, patient, now, conn).await?);
    }
    if late.is_empty() {
        return Ok(());
    }
    let works = last_claim(conn).await?.is_some_and(|at| at > patient);
    let rule = if works { &PASSED_BY } else { &NOBODY_WORKS };
    let long_ago = now - options.patience * PASSED_BY_AFTER;
    let passed_by = |row: &Row| row.lane == Lane::Prompt && row.scheduled_at < long_ago;
    for row in late.iter().filter(|row| !works || passed_by(row)) {
        findings.add(rule, row.place(), format!("due since {}", row.scheduled_at));
    }
    Ok(())
}

/// Of those that nothing but a worker is missing for, the ones that have been due for longest.
async fn overdue(
    lane: Lane,
    due_before: DateTime<Utc>,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Vec<Row>> {
    let running = diesel::alias!(jobs as running);
    let same_target_runs = running
        .filter(sql::<Bool>("running.state = 'running'"))
        .filter(running.field(jobs::kind).eq(jobs::kind))
        .filter(running.field(jobs::target).eq(jobs::target));
    let paused = installations::table
        .filter(installations::id.nullable().eq(jobs::installation_id))
        .filter(installations::paused_until.gt(now));
    jobs::table
        .filter(is_waiting())
        .filter(jobs::lane.eq(lane))
        .filter(jobs::scheduled_at.lt(due_before))
        .filter(not(exists(same_target_runs)))
        .filter(not(exists(paused)))
        .order((jobs::scheduled_at, jobs::id))
        .limit(NAMED)
        .select(Row::as_select())
        .load(conn)
        .await
}

/// When a worker last took a job, or finished one.
async fn last_claim(conn: &mut Conn) -> QueryResult<Option<DateTime<Utc>>> {
    let running: Option<DateTime<Utc>> = jobs::table
        .filter(is_running())
        .select(max(jobs::attempted_at))
        .first(conn)
        .await?;
    let waiting: Option<DateTime<Utc>> = jobs::table
        .filter(is_waiting())
        .select(max(jobs::attempted_at))
        .first(conn)
        .await?;
    let finished: Option<Option<DateTime<Utc>>> = jobs::table
        .filter(jobs::finalized_at.is_not_null())
        .order(jobs::finalized_at.desc())
        .select(jobs::finalized_at)
        .first(conn)
        .await
        .optional()?;
    Ok(running.max(waiting).max(finished.flatten()))
}

async fn find_twice(findings: &mut Findings, conn: &mut Conn) -> QueryResult<()> {
    for (state, condition) in [("wait", is_waiting()), ("run", is_running())] {
        let twice: Vec<(String, i64, i64)> = jobs::table
            .filter(condition)
            .group_by((jobs::kind, jobs::target))
            .having(count_star().gt(1))
            .select((jobs::kind, jobs::target, count_star()))
            .load(conn)
            .await?;
        for (kind, target, count) in twice {
            findings.add(
                &TWICE,
                format!("{kind} of {target}"),
                format!("{count} jobs {state}"),
            );
        }
    }
    Ok(())
}

async fn note_discarded(findings: &mut Findings, conn: &mut Conn) -> QueryResult<()> {
    let discarded: i64 = jobs::table
        .filter(jobs::finalized_at.is_not_null())
        .filter(jobs::state.eq(JobState::Discarded))
        .select(sql::<BigInt>("count(*)"))
        .first(conn)
        .await?;
    if discarded > 0 {
        findings.note(format!(
            "{discarded} jobs were given up, and can be looked at (GET /jobs?state=discarded)"
        ));
    }
    Ok(())
}
