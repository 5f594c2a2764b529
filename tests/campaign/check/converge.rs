use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::hub::Hub;
use crate::store::Store;

/// I3: waits until every binding holds what its branch holds.
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
/// What is not yet as it is on GitHub.
async fn behind(hub: &Hub, store: &Store) -> anyhow::Result<Vec<String>> {
    let mut left = Vec::new();
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

/// I2 is given so long.
const DRAINED_WITHIN: Duration = Duration::from_secs(300);
const WAITING: &str = "SELECT CAST(COUNT(*) AS text) || ' deliveries' AS line FROM deliveries \
    WHERE state = 'received' HAVING COUNT(*) > 0";

/// Waits until no delivery waits to be processed.
pub async fn drained(store: &Store) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    loop {
        let waiting = store.lines(WAITING).await?;
        if waiting.is_empty() {
            return Ok(begun.elapsed());
        }
        anyhow::ensure!(
            begun.elapsed() < DRAINED_WITHIN,
            "I2: {} wait after {DRAINED_WITHIN:?}",
            waiting.concat()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
