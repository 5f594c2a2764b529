//! The invariants, from what GitHub and the senders know and what the database holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::hub::Hub;
use crate::process::Slot;
use crate::scene::Scene;
use crate::store::Store;
use crate::truth::Progress;
use crate::watch::Logs;

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

/// I3: waits until every binding holds what its branch holds, and nothing waits.
pub async fn converge(hub: &Hub, store: &Store, patience: Duration) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    loop {
        let left = tokio::time::timeout(Duration::from_secs(5), behind(hub, store)).await;
        let left = match left {
            Ok(Ok(left)) if left.is_empty() => return Ok(begun.elapsed()),
            Ok(Ok(left)) => left,
            Ok(Err(error)) => vec![format!("{error:#}")],
            Err(_) => vec!["the database does not answer".to_owned()],
        };
        anyhow::ensure!(
            begun.elapsed() < patience,
            "I3: {patience:?} were not enough: {}",
            left.join("; ")
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

const HELD: &str = "SELECT b.name || ' ' || COALESCE(b.commit_sha, '') || ' ' || COALESCE(c.tree_sha, '') \
    || ' ' || b.status AS line FROM bindings b LEFT JOIN contents c ON c.id = b.content_id";
const WAITING: &str = "SELECT CAST(COUNT(*) AS text) || ' deliveries' AS line FROM deliveries \
    WHERE state = 'received' HAVING COUNT(*) > 0";

/// What is not yet as it is on GitHub.
async fn behind(hub: &Hub, store: &Store) -> anyhow::Result<Vec<String>> {
    let mut left = store.lines(WAITING).await?;
    let held = store.lines(HELD).await?;
    let held: HashMap<&str, &str> = held
        .iter()
        .filter_map(|line| line.split_once(' '))
        .collect();
    for bound in hub.truth.bindings() {
        let full = bound.full_ref();
        let head = hub.github.ref_at(bound.repository, &full);
        let tree = hub.github.tree_of_ref(bound.repository, &full, bound.root);
        let (Some(head), Some(tree)) = (head, tree) else {
            anyhow::bail!("{} is of nothing", bound.name);
        };
        let should = format!("{head} {tree} succeeded");
        let is = held.get(bound.name.as_str()).copied().unwrap_or("nothing");
        if is != should {
            left.push(format!("{} holds {is} instead of {should}", bound.name));
        }
    }
    Ok(left)
}

const LEDGER: &str = "SELECT d.guid || ' ' || d.state || ' ' || COALESCE(d.signed_by, '-') || ' ' \
    || COALESCE(d.reason, '-') || ' ' || CASE WHEN EXISTS (SELECT 1 FROM delivery_decisions x \
    WHERE x.delivery_id = d.id) THEN 'decided' ELSE '-' END AS line FROM deliveries d";

/// What came of the deliveries to which nobody answered.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Deliveries {
    pub made: u64,
    pub acknowledged: u64,
    /// Acknowledged, and not in the ledger.
    pub lost: u64,
    /// In the ledger by the sweep alone.
    pub swept: u64,
    /// F02: recorded, and the answer never came.
    pub recorded_unanswered: u64,
    /// F01: not recorded when the answer did not come; recovered later.
    pub unrecorded_unanswered: u64,
}

impl Deliveries {
    pub fn add(&mut self, other: Self) {
        self.made += other.made;
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.swept += other.swept;
        self.recorded_unanswered += other.recorded_unanswered;
        self.unrecorded_unanswered += other.unrecorded_unanswered;
    }
}

/// I1 and I2: the ledger against what was answered and listed.
pub async fn ledger(
    hub: &Hub,
    store: &Store,
    findings: &mut Findings,
) -> anyhow::Result<Deliveries> {
    let lines = store.lines(LEDGER).await?;
    let rows: HashMap<&str, &str> = lines
        .iter()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let fates = hub.record.all();
    let mut found = Deliveries::default();
    for (guid, fate) in &fates {
        found.made += 1;
        found.acknowledged += u64::from(fate.acknowledged);
        let Some(row) = rows.get(guid.as_str()) else {
            found.lost += u64::from(fate.acknowledged);
            let which = if fate.acknowledged {
                "I1: acknowledged"
            } else {
                "I2: listed"
            };
            findings.wrong(format!("{which}, and not in the ledger: {guid} {fate:?}"));
            continue;
        };
        let parts: Vec<&str> = row.split(' ').collect();
        let [state, signed, reason, decided] = parts[..] else {
            anyhow::bail!("a ledger that cannot be read: {row}");
        };
        let explained = match state {
            "processed" => decided == "decided" || reason != "-",
            "ignored" => reason != "-",
            _ => false,
        };
        if !explained {
            findings.wrong(format!("I1: {guid} is {row}, and nothing says why"));
        }
        let unanswered = fate.unanswered > 0 && !fate.acknowledged;
        found.swept += u64::from(signed == "-");
        found.recorded_unanswered += u64::from(unanswered && signed != "-");
        found.unrecorded_unanswered += u64::from(unanswered && signed == "-");
    }
    let acknowledged = fates.values().filter(|fate| fate.acknowledged).count();
    findings.count("I1", acknowledged);
    findings.count("I2", fates.len());
    Ok(found)
}

const PUBLISHES: &str = "SELECT binding || ' ' || COALESCE(commit_sha, '-') || ' ' || \
    COALESCE(job_id, 0) || ' ' || COALESCE(fence, 0) || ' ' || COALESCE(worker, '-') || ' ' || who \
    || ' ' || CASE WHEN moved THEN 'moved' ELSE '-' END AS line FROM campaign_publishes ORDER BY id";

/// I4 and I6: every publish there ever was, by who held the job, once a claim, and never back.
pub async fn publishes(
    hub: &Hub,
    store: &Store,
    slots: &[Arc<Slot>],
    findings: &mut Findings,
) -> anyhow::Result<u64> {
    let bindings: HashMap<&str, _> = hub
        .truth
        .bindings()
        .map(|bound| (bound.name.as_str(), bound))
        .collect();
    let mut claims = HashMap::<(&str, &str, &str), u64>::new();
    let mut progress = Progress::default();
    let lines = store.lines(PUBLISHES).await?;
    let mut moved = 0;
    for line in &lines {
        let parts: Vec<&str> = line.split(' ').collect();
        let [binding, commit, job, fence, worker, who, what] = parts[..] else {
            anyhow::bail!("a publish that cannot be read: {line}");
        };
        let pid = worker.split('-').next().and_then(|pid| pid.parse().ok());
        let holder = slots
            .iter()
            .find(|slot| pid.is_some_and(|pid| slot.ever_ran(pid)));
        if !slots.is_empty() && holder.is_none_or(|holder| holder.name != who) {
            findings.wrong(format!("I6: {who} published what was not its job: {line}"));
        }
        moved += u64::from(what == "moved");
        *claims.entry((binding, job, fence)).or_default() += 1;
        if let (Some(bound), Ok(commit)) = (bindings.get(binding), commit.parse())
            && let Err(wrong) = hub.truth.follow(bound, commit, &mut progress)
        {
            findings.wrong(wrong);
        }
    }
    for ((binding, job, fence), times) in &claims {
        if *times > 1 {
            findings.wrong(format!(
                "I6: job {job} published {binding} {times} times under fence {fence}"
            ));
        }
    }
    findings.count("I4", lines.len());
    findings.count("I6", lines.len());
    Ok(moved)
}

const FOREIGN: &str = "SELECT b.name AS line FROM bindings b JOIN contents c ON c.binding_id = b.id \
    WHERE c.repository_id <> b.repository_id";
const STUCK: &str = "SELECT 'job ' || id || ' ' || kind || ' ' || state || ' of ' || target AS line \
    FROM jobs WHERE state IN ('discarded', 'running') AND kind <> 'kind_of_tomorrow'";

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

/// I7: no canary in any text of the database, nor in the metrics.
pub async fn canaries(scene: &Scene, findings: &mut Findings) -> anyhow::Result<()> {
    let leaks = in_the_database(&scene.store, &scene.logs).await?;
    for leak in &leaks {
        findings.wrong(format!("I7: {leak}"));
    }
    findings.count("I7", 1);
    for slot in scene.slots() {
        let url = format!("http://{}/metrics", slot.address());
        let client = reqwest::Client::builder().no_proxy().build()?;
        let page = client.get(url).send().await?.text().await?;
        for what in scene.logs.leaks(&page) {
            findings.wrong(format!("I7: {what} in the metrics of {}", slot.name));
        }
        findings.count("I7", 1);
    }
    Ok(())
}

const TEXTS: &str = "SELECT table_name || ' ' || column_name || ' ' || data_type AS line \
    FROM information_schema.columns WHERE table_schema = 'public' \
    AND table_name NOT LIKE 'campaign%' AND data_type IN ('text', 'jsonb', 'bytea')";

async fn in_the_database(store: &Store, logs: &Logs) -> anyhow::Result<Vec<String>> {
    let mut leaks = Vec::new();
    for line in store.lines(TEXTS).await? {
        let parts: Vec<&str> = line.split(' ').collect();
        let [table, column, kind] = parts[..] else {
            continue;
        };
        // Short ones come by chance, in what is random or encoded.
        for (what, canary) in logs
            .canaries()
            .iter()
            .filter(|(_, canary)| canary.len() > 4)
        {
            let held = match kind {
                "bytea" => format!("position(convert_to('{canary}', 'UTF8') IN {column})"),
                _ => format!("position('{canary}' IN {column}::text)"),
            };
            let sql = format!("SELECT COUNT(*)::text AS line FROM {table} WHERE {held} > 0");
            if store.number(&sql).await? > 0 {
                leaks.push(format!("{what} in {table}.{column}"));
            }
        }
    }
    Ok(leaks)
}

/// I8 and I11, of the processes.
pub fn processes(scene: &Scene, findings: &mut Findings) {
    let peak = scene.sizes.peak();
    if peak.resident_kib > 512 * 1024 || peak.files > 1024 {
        findings.wrong(format!("I8: a process held {peak:?}"));
    }
    findings.count("I8", 1);
    logs(&scene.logs, findings);
}

/// I7 and I11, of the logs.
pub fn logs(logs: &Logs, findings: &mut Findings) {
    let seen = logs.seen();
    findings.count("I7", usize::try_from(seen.lines).unwrap_or(usize::MAX));
    findings.count("I11", 1);
    for leak in seen.leaks {
        findings.wrong(format!("I7: {leak}"));
    }
    for panic in seen.panics {
        findings.wrong(format!("I11: {panic}"));
    }
    for complaint in seen.complaints {
        findings.wrong(format!("I11: {complaint}"));
    }
    for ended in seen.ended.iter().filter(|ended| !ended.at_start) {
        findings.wrong(format!(
            "I11: {} ended by itself: {}",
            ended.slot, ended.status
        ));
    }
}
