//! What happens on GitHub the whole time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::chance::Chance;
use crate::deliver::{Sender, Way};
use crate::hub::{BRANCHES, Hub};

/// Pushes at a steady rate until it is dropped.
pub struct Load {
    rate: Arc<AtomicU32>,
    pushes: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Load {
    pub fn start(hub: Arc<Hub>, sender: Sender, seed: u64) -> Self {
        let (rate, pushes) = (Arc::<AtomicU32>::default(), Arc::<AtomicU64>::default());
        let chance = Chance::of(seed, "load");
        let (of_task, counted) = (Arc::clone(&rate), Arc::clone(&pushes));
        let task = tokio::spawn(run(hub, sender, chance, of_task, counted));
        Self { rate, pushes, task }
    }

    /// Pushes a second; 0 is none.
    pub fn set(&self, rate: u32) {
        self.rate.store(rate, Ordering::SeqCst);
    }

    pub fn pushes(&self) -> u64 {
        self.pushes.load(Ordering::SeqCst)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    hub: Arc<Hub>,
    sender: Sender,
    mut chance: Chance,
    rate: Arc<AtomicU32>,
    pushes: Arc<AtomicU64>,
) {
    let mut next = tokio::time::Instant::now();
    loop {
        let Some(pause) = Duration::from_secs(1).checked_div(rate.load(Ordering::SeqCst)) else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            next = tokio::time::Instant::now();
            continue;
        };
        next += pause;
        tokio::time::sleep_until(next).await;
        push(&hub, &sender, &mut chance).await;
        pushes.fetch_add(1, Ordering::SeqCst);
    }
}

async fn push(hub: &Hub, sender: &Sender, chance: &mut Chance) {
    let account = chance.pick(&hub.accounts);
    // The first is the probes'.
    let repository = *chance.pick(&account.repositories[1..]);
    let branch = *chance.pick(&BRANCHES);
    match chance.below(100) {
        // More than three tags at once, more than 25 MB: GitHub tells of some things to nobody.
        0..5 => hub.push_untold(repository, branch).await,
        5 => {
            let guids = hub.push_back(repository, branch).await;
            sender.dispatch(guids, Way::draw(chance), chance);
        }
        _ => {
            let guids = hub.push(repository, branch).await;
            sender.dispatch(guids, Way::draw(chance), chance);
        }
    }
}
