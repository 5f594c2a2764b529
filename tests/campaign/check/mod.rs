//! The invariants, from what GitHub and the senders know and what the database holds.

mod converge;
mod fsck;
mod ledger;
mod process;
mod publish;
mod secret;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::store::Store;

pub use converge::{converge, drained};
pub use fsck::fsck;
pub use ledger::{Deliveries, ledger};
pub use process::processes;
pub use publish::publishes;
pub use secret::canaries;

/// What was checked, how often, and what was wrong.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Findings {
    /// By invariant.
    pub checked: BTreeMap<&'static str, u64>,
    pub wrong: Vec<String>,
}

impl Findings {
    pub fn count(&mut self, invariant: &'static str, times: usize) {
        *self.checked.entry(invariant).or_default() += times as u64;
    }

    pub fn wrong(&mut self, what: String) {
        if self.wrong.len() < 50 {
            self.wrong.push(what);
        }
    }

    pub fn add(&mut self, other: Self) {
        for (invariant, times) in other.checked {
            *self.checked.entry(invariant).or_default() += times;
        }
        self.wrong.extend(other.wrong);
    }
}

const FOREIGN: &str = "SELECT b.name AS line FROM bindings b JOIN contents c ON c.binding_id = b.id \
    WHERE c.repository_id <> b.repository_id";
/// A healing that is killed three times is given up: soon it is due again anyway. A sync is, whose worker was
/// killed a dozen times; then another one has come after it.
const STUCK: &str = "SELECT 'job ' || id || ' ' || kind || ' ' || state || ' of ' || target AS line \
    FROM jobs WHERE state = 'running' OR (state = 'discarded' AND kind = 'content_sync' AND NOT EXISTS \
    (SELECT 1 FROM jobs AS later WHERE later.kind = jobs.kind AND later.target = jobs.target \
    AND later.id > jobs.id AND later.state = 'completed'))";

/// I5 and I9, of what is there when everything has come to rest.
pub async fn rest(store: &Store, findings: &mut Findings) -> anyhow::Result<()> {
    for binding in store.lines(FOREIGN).await? {
        findings.wrong(format!("I5: {binding} has content of another repository"));
    }
    findings.count("I5", 1);
    let begun = Instant::now();
    let stuck = loop {
        // Healing runs all the time; none of it runs for long.
        let stuck = store.lines(STUCK).await?;
        if stuck.is_empty() || begun.elapsed() > Duration::from_secs(15) {
            break stuck;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    for job in stuck {
        findings.wrong(format!("I9: {job} when everything was at rest"));
    }
    findings.count("I9", 1);
    Ok(())
}
