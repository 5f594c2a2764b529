//! When each delivery is due: GitHub does not wait for the last one to be answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// Deliveries at a fixed rate, each taken by whichever connection is free; how long one took is counted
/// from when it was due, so that what waits for a slow server is not left out.
pub struct Offer {
    begin: Instant,
    /// Deliveries a second.
    rate: u32,
    all: u64,
    connections: usize,
    /// A permit for each delivery that is due.
    due: Semaphore,
    taken: AtomicU64,
}

impl Offer {
    pub fn new(rate: u32, connections: usize, begin: Instant, lasts: Duration) -> Self {
        Self {
            begin,
            rate,
            all: (lasts.as_secs_f64() * f64::from(rate)) as u64,
            connections,
            due: Semaphore::new(0),
            taken: AtomicU64::new(0),
        }
    }

    fn due(&self, number: u64) -> Instant {
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.rate);
        self.begin + Duration::from_nanos(nanos.try_into().unwrap_or(u64::MAX))
    }

    /// Waits for the next one and says when it was due; `None` when all have been taken.
    pub async fn next(&self) -> Option<Instant> {
        self.due.acquire().await.ok()?.forget();
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        (number < self.all).then(|| self.due(number))
    }

    /// Says of each that it is due when it is. On a thread of its own: a runtime's timers know
    /// milliseconds only.
    pub fn keep(&self) {
        for number in 0..self.all {
            let wait = self.due(number).saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                std::thread::sleep(wait);
            }
            self.due.add_permits(1);
        }
        // One more for each connection, to learn that it is over.
        self.due.add_permits(self.connections);
    }
}
