//! Whether the ledger has what was acknowledged, and nothing else.

use std::collections::HashSet;

use crate::guid::Guid;
use crate::store::Store;
use crate::told::Told;

/// What is wrong with it.
pub async fn check(store: &Store, told: &Told) -> anyhow::Result<Vec<String>> {
    let rows = store
        .lines("SELECT guid AS line FROM deliveries")
        .await?
        .iter()
        .map(|guid| Guid::parse(guid))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let stored: HashSet<&Guid> = rows.iter().collect();
    let acknowledged: HashSet<&Guid> = told.acknowledged.iter().collect();
    let lost = acknowledged.difference(&stored).count();
    let mut wrong = Vec::new();
    if lost > 0 {
        let all = acknowledged.len();
        wrong.push(format!(
            "of {all} acknowledged deliveries {lost} are not in the ledger"
        ));
    }
    if rows.len() > stored.len() {
        let twice = rows.len() - stored.len();
        wrong.push(format!("{twice} deliveries are in the ledger again"));
    }
    let unproven = stored.difference(&acknowledged).count();
    // What was not answered, or answered that it was not stored, may be there all the same.
    if unproven > 0 && told.wrong == 0 && told.refused == 0 {
        wrong.push(format!(
            "{unproven} deliveries are in the ledger that were not acknowledged"
        ));
    }
    Ok(wrong)
}
