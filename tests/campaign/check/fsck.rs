use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;

use super::Findings;
use crate::hub::{APP_ID, Hub};

#[derive(Debug, Deserialize)]
struct Verdict {
    findings: Vec<serde_json::Value>,
    invariants: Vec<serde_json::Value>,
}

/// What `bindery fsck` of the same binary says, given what the senders know.
pub async fn fsck(
    binary: &Path,
    settings: &[(String, String)],
    hub: &Hub,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let mut record = tempfile::NamedTempFile::new()?;
    for (guid, fate) in hub.record.all() {
        let status = fate.acknowledged.then_some(202);
        writeln!(
            record,
            "{}",
            json!({"app": APP_ID, "guid": guid, "status": status})
        )?;
    }
    record.flush()?;
    let looked = Command::new(binary)
        .args(["fsck", "--output", "json", "--record"])
        .arg(record.path())
        .env_clear()
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .output()
        .await
        .context("cannot run bindery fsck")?;
    let said = || String::from_utf8_lossy(&looked.stderr).into_owned();
    let verdict: Verdict = serde_json::from_slice(&looked.stdout).with_context(said)?;
    for found in &verdict.findings {
        findings.wrong(format!("bindery fsck: {found}"));
    }
    findings.count("bindery fsck: invariants", verdict.invariants.len());
    Ok(())
}
