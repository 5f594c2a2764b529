use std::collections::HashMap;

use serde::Serialize;

use super::Findings;
use crate::hub::Hub;
use crate::store::Store;

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
        if fate.received && signed == "-" {
            found.lost += 1;
            findings.wrong(format!(
                "I1: {guid} was answered as received, and then only the sweep had it"
            ));
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
