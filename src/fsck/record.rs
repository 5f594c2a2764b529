//! I1 and I2: what a sender sent, and was answered, against the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

use super::{Findings, Invariant, Options, Rule, surely_kept};
use crate::clock::Clock;
use crate::db::Conn;
use crate::db::schema::github_apps;
use crate::github::ids::AppId;
use crate::ids::AppRowId;
use crate::inbox;

const ACKNOWLEDGED_AND_LOST: Rule = Rule {
    invariant: Invariant::Durable,
    name: "acknowledged_and_lost",
    means: "The sender was told that a delivery is stored, and it is not in the ledger.",
    remedy: "Redeliver it from the App's settings at GitHub, sync what it concerned, and report it: this must never be.",
};

const NEVER_FETCHED: Rule = Rule {
    invariant: Invariant::Complete,
    name: "never_fetched",
    means: "A delivery was sent and not stored at first, and the sweep has not fetched it since.",
    remedy: "Look at GET /healing: it says when the sweep last went well, and what stands in its way.",
};

/// One line of a record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sent {
    /// GitHub's id of the App that it was sent for.
    pub app: AppId,
    /// `X-GitHub-Delivery`.
    pub guid: String,
    /// What was answered; none when nothing was, or nobody listened.
    #[serde(default)]
    pub status: Option<u16>,
    /// When it was sent; without it, it counts as long ago, and as still kept.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
    /// Whether GitHub lists it, so that it can be fetched: not what a stranger sent.
    #[serde(default = "yes")]
    pub listed: bool,
}

const fn yes() -> bool {
    true
}

impl Sent {
    fn is_acknowledged(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }
}

/// Lines that are looked up together.
const BATCH: usize = 500;

pub(super) async fn check_file(
    path: &Path,
    options: &Options,
    clock: &Clock,
    findings: &mut Findings,
    conn: &mut Conn,
) -> anyhow::Result<()> {
    let mut lines = BufReader::new(std::fs::File::open(path)?).lines();
    let mut number = 0;
    loop {
        let mut batch = Vec::new();
        for line in lines.by_ref().take(BATCH) {
            number += 1;
            let sent = serde_json::from_str::<Sent>(&line?);
            batch.push(sent.with_context(|| format!("line {number}"))?);
        }
        if batch.is_empty() {
            return Ok(());
        }
        check_record(&batch, options, clock.now(), findings, conn).await?;
    }
}

/// Looks the deliveries up in the ledger, all at once: hand in no more than some hundreds.
pub async fn check_record(
    sent: &[Sent],
    options: &Options,
    now: DateTime<Utc>,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    findings.looked_at("sent deliveries", sent.len());
    let forgotten = surely_kept(options.keep_deliveries, now);
    let mut of_app = BTreeMap::<AppId, Vec<&Sent>>::new();
    for one in sent
        .iter()
        .filter(|one| one.at.is_none_or(|at| at > forgotten))
    {
        of_app.entry(one.app).or_default().push(one);
    }
    for (app, sent) in of_app {
        let known = known(app, &sent, conn).await?;
        for one in sent.into_iter().filter(|one| !known.contains(&one.guid)) {
            let place = format!("App {app}, GUID {}", one.guid);
            let settled = one.at.is_none_or(|at| at + options.patience < now);
            match one.status {
                Some(status) if one.is_acknowledged() => {
                    findings.add(&ACKNOWLEDGED_AND_LOST, place, format!("answered {status}"));
                }
                status if one.listed && settled => {
                    let answer =
                        status.map_or("not at all".to_owned(), |status| status.to_string());
                    findings.add(&NEVER_FETCHED, place, format!("answered {answer}"));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// An App's id is unique on its host only: the record does not say which.
async fn known(app: AppId, sent: &[&Sent], conn: &mut Conn) -> QueryResult<BTreeSet<String>> {
    let rows: Vec<AppRowId> = github_apps::table
        .filter(github_apps::app_id.eq(app))
        .select(github_apps::id)
        .load(conn)
        .await?;
    let guids: Vec<&str> = sent.iter().map(|one| one.guid.as_str()).collect();
    let mut known = BTreeSet::new();
    for row in rows {
        known.extend(inbox::known_guids(row, &guids, conn).await?);
    }
    Ok(known)
}
