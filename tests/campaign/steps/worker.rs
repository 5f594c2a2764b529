//! Workers that are neither dead nor well: what they hold goes to others, and what they say too late is
//! not believed.

use std::time::{Duration, Instant};

use bindery::simulator::{Fault, Route};

use crate::front::Wire;
use crate::scene::{LEASE, PATIENCE, Scene};
use crate::step::Outcome;

/// A blob takes so long: others are in the middle of a job when the one who had it comes back.
const SLOW: Duration = Duration::from_millis(2500);
/// After the first takeover: by then the others are in new hands too, and still run.
const MEANWHILE: Duration = Duration::from_millis(600);

pub async fn frozen(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for turn in 0..times as usize {
        let slot = &scene.workers[turn % 2];
        give_work(scene, &slot.name).await?;
        slot.signal("STOP").await?;
        let taken = until_taken_over(scene, &slot.name).await;
        tokio::time::sleep(MEANWHILE).await;
        slot.signal("CONT").await?;
        scene.hub.github.clear_faults();
        outcome.recovered(taken);
        scene.recover().await?;
    }
    note_takeovers(scene, &mut outcome);
    Ok(outcome)
}

pub async fn cut_off(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let (mut chance, mut outcome) = (scene.chance("cut off"), Outcome::default());
    for turn in 0..times as usize {
        let slot = &scene.workers[turn % 2];
        let Some(wire) = &slot.wire else {
            anyhow::bail!("a worker without a wire");
        };
        give_work(scene, &slot.name).await?;
        wire.set(Wire::Silent);
        let taken = until_taken_over(scene, &slot.name).await;
        tokio::time::sleep(MEANWHILE).await;
        // What was on its way arrives after all, or is gone with its connection.
        if chance.percent(50) {
            wire.set(Wire::Closed);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        wire.set(Wire::Open);
        scene.hub.github.clear_faults();
        outcome.recovered(taken);
        scene.recover().await?;
    }
    note_takeovers(scene, &mut outcome);
    Ok(outcome)
}

fn note_takeovers(scene: &Scene, outcome: &mut Outcome) {
    let longest = outcome.recoveries.iter().max().copied().unwrap_or_default();
    // No job is stuck for more than two; and what a busy machine needs to look.
    let limit = LEASE * 2 + Duration::from_secs(2);
    outcome.demand(longest <= limit, || {
        format!("a takeover took {longest:?}, with a lease of {LEASE:?}")
    });
    let fenced = scene.logs.seen().fenced;
    outcome.note(format!(
        "recovery is the takeover; {fenced} late settlements or leases refused so far"
    ));
}

fn held_by(slot: &str) -> String {
    // Who claimed is known by the connection's user, kept by the watch on claims.
    format!(
        "SELECT COUNT(*)::text AS line FROM jobs j JOIN campaign_claims c \
         ON c.job_id = j.id AND c.fence = j.fence \
         WHERE j.state = 'running' AND j.kind = 'content_sync' AND c.who = '{slot}'"
    )
}

/// Pushes until a worker has syncs in its hands that wait for GitHub.
async fn give_work(scene: &Scene, slot: &str) -> anyhow::Result<()> {
    scene.hub.github.fail(Fault::on(Route::Blob).delay(SLOW));
    let begun = Instant::now();
    loop {
        for account in &scene.hub.accounts {
            for repository in &account.repositories[1..4] {
                let guids = scene.hub.push(*repository, "main").await;
                scene.sender.send_all(&guids).await;
            }
        }
        // Let them come to where they wait.
        tokio::time::sleep(Duration::from_millis(300)).await;
        if scene.store.number(&held_by(slot)).await? >= 2 {
            return Ok(());
        }
        anyhow::ensure!(begun.elapsed() < PATIENCE, "{slot} takes no jobs");
    }
}

/// How long until another worker runs the first of what it held.
async fn until_taken_over(scene: &Scene, slot: &str) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let held = scene.store.number(&held_by(slot)).await?;
    let taken = format!(
        "SELECT COUNT(*)::text AS line FROM jobs j \
         JOIN campaign_claims mine ON mine.job_id = j.id AND mine.who = '{slot}' \
         JOIN campaign_claims theirs ON theirs.job_id = j.id AND theirs.fence = j.fence \
         WHERE j.state = 'running' AND theirs.who <> '{slot}' AND mine.fence < j.fence"
    );
    loop {
        if scene.store.number(&taken).await? > 0 {
            return Ok(begun.elapsed());
        }
        anyhow::ensure!(
            begun.elapsed() < LEASE * 5,
            "nobody took over what {slot} held ({held} jobs)"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn long_sync(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for _ in 0..times {
        scene.load.set(0);
        scene.sender.idle().await;
        scene.converge(PATIENCE).await?;
        let before = scene.store.number(RESCUES).await?;
        scene
            .hub
            .github
            .fail(Fault::on(Route::Blob).delay(LEASE * 3));
        outcome.recovered(scene.probe(0, PATIENCE).await);
        scene.hub.github.clear_faults();
        let rescued = scene.store.number(RESCUES).await? - before;
        outcome.demand(rescued == 0, || {
            format!("{rescued} living workers lost their jobs")
        });
        scene.load.set(super::CALM_RATE);
    }
    Ok(outcome)
}

const RESCUES: &str = "SELECT COUNT(*)::text AS line FROM job_events WHERE event = 'rescued'";

pub async fn clock_wrong(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let slot = &scene.workers[1];
    for _ in 0..times {
        for skew in ["1000", "-1000"] {
            slot.set("BINDERY_FAULT_CLOCK_SKEW_MS", skew);
            slot.kill().await?;
            slot.until_ready(PATIENCE).await?;
            tokio::time::sleep(LEASE).await;
            outcome.recovered(scene.probe(1, PATIENCE).await);
        }
    }
    slot.set("BINDERY_FAULT_CLOCK_SKEW_MS", "0");
    slot.kill().await?;
    slot.until_ready(PATIENCE).await?;
    Ok(outcome)
}
