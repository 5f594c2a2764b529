//! I1: every delivery of the ledger has its bytes, and an outcome, or will have one soon.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable};
use diesel_async::RunQueryDsl;

use super::{Findings, Invariant, Options, Rule, surely_kept};
use crate::clock::Clock;
use crate::db::schema::{deliveries, delivery_bodies, delivery_decisions, job_events, jobs};
use crate::db::{Conn, Dialect, Json};
use crate::healing;
use crate::ids::{DeliveryId, JobId};
use crate::inbox::{self, DeliveryState, Encoding, Verdict};

const WAITS: Rule = Rule {
    invariant: Invariant::Durable,
    name: "delivery_waits",
    means: "A delivery was acknowledged and should have been processed by now: no worker runs, it does not know the delivery's App, or it fails time and again.",
    remedy: "Look for a running `bindery serve` with that App's settings, and in its log for the delivery's GUID.",
};

const BODY_CUT: Rule = Rule {
    invariant: Invariant::Durable,
    name: "body_not_whole",
    means: "The stored body is not as long as the one that was signed, and it was not pruned yet: it cannot be replayed.",
    remedy: "Redeliver it from the App's settings at GitHub under another GUID, or sync what it concerned.",
};

const JOB_LOST: Rule = Rule {
    invariant: Invariant::Durable,
    name: "job_of_a_decision_lost",
    means: "A delivery caused a job, and no such job is there although none of that age is pruned.",
    remedy: "Replay the delivery (POST /deliveries/{id}/replay), or sync the binding.",
};

const NO_OUTCOME: Rule = Rule {
    invariant: Invariant::Durable,
    name: "processed_without_outcome",
    means: "A delivery counts as processed, and there is neither a job that it caused nor a reason why it needed none.",
    remedy: "Replay the delivery (POST /deliveries/{id}/replay).",
};

/// Rows of one page, and of one snapshot.
const PAGE: i64 = 1000;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = deliveries, check_for_backend(Dialect))]
struct Row {
    id: DeliveryId,
    guid: String,
    event: String,
    state: DeliveryState,
    reason: Option<String>,
    body_size: i64,
    scheduled_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    processed_at: Option<DateTime<Utc>>,
}

impl Row {
    fn place(&self) -> String {
        format!("delivery {} ({}, GUID {})", self.id, self.event, self.guid)
    }
}

/// What hangs on a page of deliveries.
struct Page {
    rows: Vec<Row>,
    decisions: BTreeMap<DeliveryId, Vec<(Verdict, Option<JobId>)>>,
    bytes: BTreeMap<DeliveryId, i64>,
}

pub(super) async fn check(
    options: &Options,
    clock: &Clock,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    let mut last = DeliveryId::new(0);
    let mut unexplained = Unexplained::new();
    let mut failed = 0;
    loop {
        let now = clock.now();
        let page = conn.snapshot(async |conn| read(last, conn).await).await?;
        let Some(end) = page.rows.last() else {
            break;
        };
        last = end.id;
        findings.looked_at("deliveries", page.rows.len());
        for row in &page.rows {
            look_at(row, &page, options, now, findings);
            failed += i32::from(row.state == DeliveryState::Failed);
            if is_unexplained(row, &page, options, now) {
                unexplained.insert(row.id, (row.processed_at, row.place()));
            }
        }
    }
    if failed > 0 {
        findings.note(format!(
            "{failed} deliveries could not be processed and wait to be replayed (GET /deliveries?state=failed)"
        ));
    }
    find_causes(&mut unexplained, findings, conn).await?;
    // The job that explains one may have been pruned since its page was read.
    let kept = jobs_kept_since(options, clock.now());
    for (processed_at, place) in unexplained.into_values() {
        if processed_at > Some(kept) {
            findings.add(&NO_OUTCOME, place, "no decision, no job, no reason");
        }
    }
    Ok(())
}

async fn read(after: DeliveryId, conn: &mut Conn) -> QueryResult<Page> {
    let rows: Vec<Row> = deliveries::table
        .filter(deliveries::id.gt(after))
        .order(deliveries::id)
        .limit(PAGE)
        .select(Row::as_select())
        .load(conn)
        .await?;
    let ids: Vec<DeliveryId> = rows.iter().map(|row| row.id).collect();
    let decided: Vec<(DeliveryId, Verdict, Option<JobId>)> = delivery_decisions::table
        .filter(delivery_decisions::delivery_id.eq_any(ids.clone()))
        .select((
            delivery_decisions::delivery_id,
            delivery_decisions::verdict,
            delivery_decisions::job_id,
        ))
        .load(conn)
        .await?;
    // Not the bytes themselves: all of them together are what the disk has.
    let parts: Vec<(DeliveryId, Encoding, Option<Vec<u8>>, i64)> = delivery_bodies::table
        .filter(delivery_bodies::delivery_id.eq_any(ids))
        .select((
            delivery_bodies::delivery_id,
            delivery_bodies::encoding,
            // SQLite has none of no bytes.
            sql::<Nullable<Binary>>("substr(bytes, 1, 4)"),
            sql::<BigInt>("CAST(length(bytes) AS BIGINT)"),
        ))
        .load(conn)
        .await?;
    let mut decisions = BTreeMap::<_, Vec<_>>::new();
    for (delivery, verdict, job) in decided {
        decisions.entry(delivery).or_default().push((verdict, job));
    }
    let mut bytes = BTreeMap::new();
    for (delivery, encoding, first, stored) in parts {
        *bytes.entry(delivery).or_default() +=
            inbox::raw_size(encoding, &first.unwrap_or_default(), stored);
    }
    Ok(Page {
        rows,
        decisions,
        bytes,
    })
}

fn look_at(row: &Row, page: &Page, options: &Options, now: DateTime<Utc>, findings: &mut Findings) {
    if row.state == DeliveryState::Received && row.scheduled_at + options.patience < now {
        let what = format!("due since {}", row.scheduled_at);
        findings.add(&WAITS, row.place(), what);
    }
    let stored = page.bytes.get(&row.id).copied().unwrap_or(0);
    if stored != row.body_size && keeps_body(row, options, now) {
        let what = format!("{stored} bytes of {}", row.body_size);
        findings.add(&BODY_CUT, row.place(), what);
    }
    let kept = row.processed_at > Some(surely_kept(options.keep_finished, now));
    for (verdict, job) in page.decisions.get(&row.id).into_iter().flatten() {
        if kept && *verdict != Verdict::Skipped && job.is_none() {
            findings.add(&JOB_LOST, row.place(), format!("{verdict}, and no job"));
        }
    }
}

/// What waits keeps its body, however old it is.
fn keeps_body(row: &Row, options: &Options, now: DateTime<Utc>) -> bool {
    row.state == DeliveryState::Received || row.received_at > surely_kept(options.keep_bodies, now)
}

/// A ping asks for nothing.
fn is_unexplained(row: &Row, page: &Page, options: &Options, now: DateTime<Utc>) -> bool {
    row.state == DeliveryState::Processed
        && row.reason.is_none()
        && row.event != "ping"
        && row.processed_at > Some(jobs_kept_since(options, now))
        && !page.decisions.contains_key(&row.id)
}

/// A job that the healing made, and that a delivery joined, goes early.
fn jobs_kept_since(options: &Options, now: DateTime<Utc>) -> DateTime<Utc> {
    let healed = healing::KEPT.to_std().unwrap_or_default();
    surely_kept(options.keep_finished.min(healed), now)
}

/// What was processed, when, and where it is.
type Unexplained = BTreeMap<DeliveryId, (Option<DateTime<Utc>>, String)>;

/// Takes out those that a job, or a request that joined one, names as its cause. Jobs are found by their
/// cause in no index, so all of them are passed through, once.
async fn find_causes(
    unexplained: &mut Unexplained,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    let mut last = 0;
    while !unexplained.is_empty() {
        let page: Vec<(i64, Json<serde_json::Value>)> = jobs::table
            .filter(jobs::id.gt(last))
            .order(jobs::id)
            .limit(PAGE)
            .select((jobs::id, jobs::cause))
            .load(conn)
            .await?;
        let Some((end, _)) = page.last() else {
            break;
        };
        last = *end;
        findings.looked_at("causes of jobs", page.len());
        for (_, cause) in &page {
            explain(&cause.0, unexplained);
        }
    }
    let mut last = 0;
    while !unexplained.is_empty() {
        let page: Vec<(i64, Json<serde_json::Value>)> = job_events::table
            .filter(job_events::id.gt(last))
            .filter(job_events::event.eq("joined"))
            .order(job_events::id)
            .limit(PAGE)
            .select((job_events::id, job_events::detail))
            .load(conn)
            .await?;
        let Some((end, _)) = page.last() else {
            break;
        };
        last = *end;
        for (_, detail) in &page {
            explain(&detail.0["cause"], unexplained);
        }
    }
    Ok(())
}

fn explain(cause: &serde_json::Value, unexplained: &mut Unexplained) {
    if let (Some("delivery"), Some(id)) = (cause["type"].as_str(), cause["id"].as_i64()) {
        unexplained.remove(&DeliveryId::new(id));
    }
}
