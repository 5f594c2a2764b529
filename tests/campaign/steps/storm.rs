//! What is broken at random instants, all at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::process::Slot;
use crate::scene::{PATIENCE, Scene};
use crate::step::Outcome;

/// Deliveries on their way when a receiver is killed.
const BURST: usize = 4;

pub async fn receivers(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let (mut chance, mut outcome) = (scene.chance("receivers"), Outcome::default());
    for _ in 0..times {
        tokio::time::sleep(chance.millis(100, 900)).await;
        let slot = chance.pick(&scene.receivers);
        let mut guids = Vec::new();
        for _ in 0..BURST {
            let account = chance.pick(&scene.hub.accounts);
            let repository = *chance.pick(&account.repositories[1..]);
            guids.extend(scene.hub.push(repository, "main").await);
        }
        let sender = scene.sender.clone();
        tokio::spawn(async move { sender.send_all(&guids).await });
        tokio::time::sleep(chance.millis(0, 8)).await;
        outcome.recovered(kill(slot).await);
    }
    Ok(outcome)
}

/// Until it answers again.
async fn kill(slot: &Slot) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    slot.kill().await?;
    slot.until_ready(PATIENCE).await?;
    Ok(begun.elapsed())
}

pub async fn workers(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let each = scene.workers.iter().enumerate().map(|(number, slot)| {
        let share = times / 2 + u32::from(number == 0) * (times % 2);
        kill_again_and_again(scene, Arc::clone(slot), share)
    });
    let mut outcome = Outcome::default();
    for one in futures_util::future::try_join_all(each).await? {
        outcome.times += one.times;
        outcome.recoveries.extend(one.recoveries);
        outcome.failures.extend(one.failures);
    }
    Ok(outcome)
}

async fn kill_again_and_again(
    scene: &Scene,
    slot: Arc<Slot>,
    times: u32,
) -> anyhow::Result<Outcome> {
    let (mut chance, mut outcome) = (scene.chance(&slot.name), Outcome::default());
    for _ in 0..times {
        // Some die as soon as they have begun, some in the middle of much.
        tokio::time::sleep(chance.millis(20, 1800)).await;
        outcome.recovered(kill(&slot).await);
    }
    Ok(outcome)
}

pub async fn postgres(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let (mut chance, mut outcome) = (scene.chance("postgres"), Outcome::default());
    let mut how_often = [0; 3];
    for _ in 0..times {
        tokio::time::sleep(chance.millis(1000, 4000)).await;
        let begun = Instant::now();
        let way = chance.below(3);
        how_often[way] += 1;
        match way {
            0 => scene.postgres.restart("fast").await?,
            1 => scene.postgres.restart("immediate").await?,
            _ => scene.postgres.kill().await?,
        }
        let answers = scene.postgres.until_it_answers(PATIENCE).await;
        outcome.recovered(answers.map(|()| begun.elapsed()));
    }
    let [fast, immediate, killed] = how_often;
    outcome.note(format!(
        "{fast} fast, {immediate} immediate, {killed} times killed"
    ));
    Ok(outcome)
}

/// The load makes them; this waits until there are enough.
pub async fn deliveries(scene: &Scene, times: u32) -> anyhow::Result<Outcome> {
    let wanted = usize::try_from(times)?;
    while scene.hub.record.len() < wanted {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(Outcome {
        times: u64::from(times),
        ..Outcome::default()
    })
}
