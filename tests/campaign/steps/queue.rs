//! A queue that has too much, too long, or what it does not know.

use std::time::{Duration, Instant};

use bindery::simulator::Fault;

use crate::scene::{PATIENCE, Scene};
use crate::signal;
use crate::step::Outcome;

/// Due since long ago, and so at the head of the queue for whoever would take it.
const UNKNOWN: &str = "INSERT INTO jobs (kind, target, lane, state, attempt, max_attempts, deferrals, \
    scheduled_at, requested_at, fence, cause, hints, errors, created_at) \
    VALUES ('kind_of_tomorrow', 1, 0, 'available', 0, 12, 0, now() - interval '1 hour', now(), 0, \
    '{\"type\": \"timer\", \"name\": \"campaign\"}', '[]', '[]', now())";

/// How it stands is looked at when everything is over.
pub async fn unknown_job(scene: &Scene) -> anyhow::Result<Outcome> {
    scene.store.execute(UNKNOWN).await?;
    Ok(Outcome {
        times: 1,
        ..Outcome::default()
    })
}

/// Nobody touched it.
pub async fn is_left_alone(scene: &Scene) -> anyhow::Result<bool> {
    let sql = "SELECT state || ' ' || attempt || ' ' || fence AS line FROM jobs \
        WHERE kind = 'kind_of_tomorrow'";
    Ok(scene.store.lines(sql).await? == ["available 0 0"])
}

pub async fn forget_unknown(scene: &Scene) -> anyhow::Result<()> {
    let sql = "DELETE FROM jobs WHERE kind = 'kind_of_tomorrow'";
    scene.store.execute(sql).await
}

/// Syncs of bindings that are no more: what a worker does with them is little, but it has to take each.
pub async fn backlog(scene: &Scene, jobs: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    scene.load.set(0);
    scene.sender.idle().await;
    scene.converge(PATIENCE).await?;
    let fill = format!(
        "INSERT INTO jobs (kind, target, lane, state, attempt, max_attempts, deferrals, scheduled_at, \
         requested_at, fence, cause, hints, errors, created_at) \
         SELECT 'content_sync', 1000000 + n, 1, 'available', 0, 12, 0, now(), now(), 0, \
         '{{\"type\": \"timer\", \"name\": \"campaign\"}}', '[]', '[]', now() \
         FROM generate_series(1, {jobs}) n"
    );
    scene.store.execute(&fill).await?;
    for _ in 0..20 {
        outcome.recovered(scene.probe(0, PATIENCE).await);
    }
    let left =
        "SELECT COUNT(*)::text AS line FROM jobs WHERE target > 1000000 AND state = 'available'";
    let left = scene.store.number(left).await?;
    scene
        .store
        .execute("DELETE FROM jobs WHERE target > 1000000 AND state <> 'running'")
        .await?;
    outcome.recoveries.sort();
    let worst = outcome.recoveries.last().copied().unwrap_or_default();
    outcome.demand(worst <= Duration::from_secs(2), || {
        format!("a push waited {worst:?} behind a backlog")
    });
    outcome.demand(left > 0, || {
        "the backlog was gone before the pushes came".to_owned()
    });
    outcome.note(format!(
        "{jobs} bulk jobs, {left} of them left after 20 pushes"
    ));
    scene.load.set(super::CALM_RATE);
    Ok(outcome)
}

pub async fn soak(scene: &Scene, seconds: u32) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let begun = Instant::now();
    let time = Duration::from_secs(u64::from(seconds));
    let mut early = Vec::new();
    let mut late = Vec::new();
    let mut turn = 0_u32;
    while begun.elapsed() < time {
        turn += 1;
        // One answer of a hundred, about.
        scene
            .hub
            .github
            .fail(Fault::anywhere().after(99).times(1).status(502));
        let held = scene.slots().filter_map(|slot| signal::held(slot.pid()?));
        let resident: u64 = held.map(|held| held.resident_kib).sum();
        if begun.elapsed() < time / 3 {
            &mut early
        } else {
            &mut late
        }
        .push(resident);
        tokio::time::sleep(Duration::from_millis(500)).await;
        if turn.is_multiple_of(20) {
            scene.hub.github.take_requests();
        }
    }
    scene.hub.github.clear_faults();
    let (early, late) = (early.iter().max(), late.iter().max());
    let (early, late) = (early.copied().unwrap_or(0), late.copied().unwrap_or(0));
    outcome.demand(late <= early + early / 3 + 64 * 1024, || {
        format!("all processes together grew from {early} to {late} KiB")
    });
    outcome.note(format!(
        "all processes together: {early} KiB in the first third, {late} KiB after"
    ));
    outcome.recovered(scene.recover().await);
    outcome.times = u64::from(seconds);
    Ok(outcome)
}
