//! A database that is there, and of no use.

use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

use crate::scene::{PATIENCE, Scene};
use crate::step::Outcome;

/// Longer than the nine seconds within which a delivery must be answered.
const FROZEN: Duration = Duration::from_secs(12);
const LOCKED: Duration = Duration::from_secs(7);

pub async fn frozen(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for _ in 0..times {
        scene.postgres.freeze().await?;
        let slowest = watch_livez(scene, FROZEN).await;
        scene.postgres.thaw().await?;
        outcome.recovered(scene.recover().await);
        let slowest = slowest?;
        outcome.demand(slowest < Duration::from_secs(1), || {
            format!("/livez took {slowest:?} while PostgreSQL was frozen")
        });
        outcome.note(format!("/livez within {slowest:?}"));
    }
    Ok(outcome)
}

/// The slowest answer within that time.
async fn watch_livez(scene: &Scene, time: Duration) -> anyhow::Result<Duration> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let (begun, mut slowest) = (Instant::now(), Duration::ZERO);
    while begun.elapsed() < time {
        for slot in scene.slots() {
            let asked = Instant::now();
            let url = format!("http://{}/livez", slot.address());
            client
                .get(url)
                .timeout(Duration::from_secs(5))
                .send()
                .await?
                .error_for_status()?;
            slowest = slowest.max(asked.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(slowest)
}

pub async fn exhausted(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for _ in 0..times {
        let (client, connection) =
            tokio_postgres::connect(scene.postgres.url.as_str(), NoTls).await?;
        let driver = tokio::spawn(connection);
        let lock = "BEGIN; LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE";
        client.batch_execute(lock).await?;
        tokio::time::sleep(LOCKED).await;
        client.batch_execute("COMMIT").await?;
        driver.abort();
        outcome.recovered(scene.recover().await);
    }
    Ok(outcome)
}

pub async fn wiped(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for _ in 0..times {
        scene.load.set(0);
        scene.sender.idle().await;
        scene.converge(PATIENCE).await?;
        scene
            .store
            .execute("BEGIN; DELETE FROM contents; DELETE FROM blobs; COMMIT")
            .await?;
        let begun = Instant::now();
        ask_for_syncs(scene).await?;
        let healed = scene.converge(PATIENCE).await;
        outcome.recovered(healed.map(|_| begun.elapsed()));
        scene.load.set(super::CALM_RATE);
    }
    outcome.note("an operator asks for a sync of each binding");
    Ok(outcome)
}

async fn ask_for_syncs(scene: &Scene) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let base = format!(
        "http://{}/orgs/{}",
        scene.receivers[0].address(),
        crate::setup::ORGANIZATION
    );
    for bound in scene.hub.truth.bindings() {
        let url = format!("{base}/bindings/{}/sync", bound.name);
        let asked = client.post(url).bearer_auth(crate::hub::ADMIN_TOKEN);
        asked.send().await?.error_for_status()?;
    }
    Ok(())
}
