//! Sends deliveries as GitHub does: most once, some again and again, late or out of order, some never.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bindery::simulator::Guid;
use tokio::sync::Semaphore;

use crate::chance::Chance;
use crate::hub::Hub;

/// POSTs at once, as from a GitHub that has other customers too.
const AT_ONCE: usize = 128;

#[derive(Clone)]
pub struct Sender {
    hub: Arc<Hub>,
    lanes: Arc<Semaphore>,
}

/// How one delivery goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Sent so many times, each after a wait.
    Sent { times: u32, spread: Duration },
    /// GitHub lists it, and it never arrives.
    Lost,
}

impl Way {
    /// F24, F25 and F26: 1–5 times, reordered within two seconds, a fifth lost.
    pub fn draw(chance: &mut Chance) -> Self {
        if chance.percent(20) {
            return Self::Lost;
        }
        let times = if chance.percent(15) {
            2 + chance.below(4)
        } else {
            1
        };
        let spread = if chance.percent(40) { 2000 } else { 0 };
        Self::Sent {
            times: u32::try_from(times).unwrap_or(1),
            spread: Duration::from_millis(spread),
        }
    }
}

impl Sender {
    pub fn new(hub: Arc<Hub>) -> Self {
        Self {
            hub,
            lanes: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// One POST, and what was answered.
    pub async fn send(&self, guid: &Guid) -> Option<u16> {
        let _lane = self.lanes.acquire().await.ok()?;
        let begun = Instant::now();
        let sent = self.hub.github.deliver(guid).await;
        self.hub
            .record
            .answered(guid.as_str(), sent.status, &sent.body, begun.elapsed());
        sent.status
    }

    /// All of them at once; returns when the last one is answered or given up.
    pub async fn send_all(&self, guids: &[Guid]) {
        futures_util::future::join_all(guids.iter().map(|guid| self.send(guid))).await;
    }

    /// In the background.
    pub fn dispatch(&self, guids: Vec<Guid>, way: Way, chance: &mut Chance) {
        for guid in guids {
            match way {
                Way::Lost => self.hub.github.drop_delivery(&guid),
                Way::Sent { times, spread } => {
                    for _ in 0..times {
                        let most = u64::try_from(spread.as_millis()).unwrap_or(0);
                        let wait = chance.millis(0, most);
                        let (sender, guid) = (self.clone(), guid.clone());
                        tokio::spawn(async move {
                            tokio::time::sleep(wait).await;
                            sender.send(&guid).await;
                        });
                    }
                }
            }
        }
    }

    /// Returns when nothing is on its way any more.
    pub async fn idle(&self) {
        let all = u32::try_from(AT_ONCE).unwrap_or(u32::MAX);
        drop(self.lanes.acquire_many(all).await);
    }
}
