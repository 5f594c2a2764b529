use std::collections::HashMap;
use std::sync::Arc;

use super::Findings;
use crate::hub::Hub;
use crate::process::Slot;
use crate::store::Store;
use crate::truth::Progress;

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
        // A process id may come again, in another slot.
        let held = slots
            .iter()
            .any(|slot| slot.name == who && pid.is_some_and(|pid| slot.ever_ran(pid)));
        if !slots.is_empty() && !held {
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
