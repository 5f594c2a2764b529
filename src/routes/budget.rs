//! What may be held in memory at once, shared out fairly: no one holder has more than half of it, and
//! what is modest never waits behind what is large.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The unit that is given out, in bytes.
pub(super) const STEP: usize = 64 << 10;

/// A quarter is kept for what needs no more than this part of all: 1 MiB of the usual 256 MiB. Of a small
/// budget nothing is that modest, and nothing is kept.
const MODEST: usize = 256;

#[derive(Debug)]
pub(super) struct Budget<K> {
    modest: Lane<K>,
    large: Lane<K>,
    /// Steps that a modest one has at most.
    modest_steps: usize,
}

/// Room that is held until it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    _of_all: OwnedSemaphorePermit,
    _of_holder: HolderPermit,
}

/// Returned before its own semaphore: who is the last leaves nothing behind.
#[derive(Debug)]
struct HolderPermit {
    _permit: OwnedSemaphorePermit,
    _room: Arc<Semaphore>,
}

impl<K: Eq + Hash + Clone> Budget<K> {
    /// Of so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let steps = usize::try_from(bytes).unwrap_or(usize::MAX) / STEP;
        let steps = steps.clamp(1, u32::MAX as usize >> 3);
        let modest_steps = steps / MODEST;
        let kept = if modest_steps > 0 { steps / 4 } else { 0 };
        Self {
            modest: Lane::new(kept),
            large: Lane::new(steps - kept),
            modest_steps,
        }
    }

    /// Waits until there is room for so many bytes, of the holder's half and of all: first at its own
    /// half, so that whoever holds much is in nobody else's way. What is larger than all room has it alone.
    pub(super) async fn share(&self, bytes: usize, holder: K) -> Share {
        let steps = bytes.div_ceil(STEP).max(1);
        if steps <= self.modest_steps {
            self.modest.share(steps, holder).await
        } else {
            self.large.share(steps, holder).await
        }
    }
}

#[derive(Debug)]
struct Lane<K> {
    room: Arc<Semaphore>,
    steps: usize,
    /// What is left of the half of each that holds or waits.
    halves: Mutex<HashMap<K, Weak<Semaphore>>>,
}

impl<K: Eq + Hash + Clone> Lane<K> {
    fn new(steps: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(steps)),
            steps,
            halves: Mutex::new(HashMap::new()),
        }
    }

    fn half(&self) -> usize {
        (self.steps / 2).max(1)
    }

    async fn share(&self, steps: usize, holder: K) -> Share {
        let own = self.half_of(holder);
        let of_holder = acquire(&own, steps.min(self.half())).await;
        let of_all = acquire(&self.room, steps.min(self.steps)).await;
        Share {
            _of_all: of_all,
            _of_holder: HolderPermit {
                _permit: of_holder,
                _room: own,
            },
        }
    }

    fn half_of(&self, holder: K) -> Arc<Semaphore> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = halves.get(&holder).and_then(Weak::upgrade) {
            return own;
        }
        halves.retain(|_, half| half.strong_count() > 0);
        let own = Arc::new(Semaphore::new(self.half()));
        halves.insert(holder, Arc::downgrade(&own));
        own
    }
}

async fn acquire(room: &Arc<Semaphore>, steps: usize) -> OwnedSemaphorePermit {
    let permits = u32::try_from(steps).unwrap_or(u32::MAX);
    let acquired = room.clone().acquire_many_owned(permits).await;
    acquired.expect("the room is never closed")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MIB: usize = 1 << 20;

    async fn soon<T>(wait: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(Duration::from_millis(20), wait)
            .await
            .ok()
    }

    #[tokio::test]
    async fn i8_no_holder_has_more_than_half_and_what_does_not_fit_waits() {
        let budget = Budget::new(4 * MIB as u64);
        let first = soon(budget.share(2 * MIB, "a")).await.expect("room");
        assert!(
            soon(budget.share(1, "a")).await.is_none(),
            "it has its half"
        );
        let second = soon(budget.share(2 * MIB, "b")).await.expect("the rest");
        assert!(
            soon(budget.share(1, "c")).await.is_none(),
            "all is given out"
        );
        drop(first);
        assert!(soon(budget.share(MIB, "c")).await.is_some());
        drop(second);
        assert!(soon(budget.share(2 * MIB, "a")).await.is_some());
        assert!(soon(budget.share(1, "d")).await.is_some());
        assert_eq!(
            budget.large.halves.lock().expect("no panic").len(),
            1,
            "who holds nothing is forgotten"
        );
    }

    #[tokio::test]
    async fn i8_what_is_larger_than_all_room_has_it_alone() {
        let budget = Budget::new(MIB as u64);
        let whole = soon(budget.share(3 * MIB, "a")).await.expect("all room");
        assert!(soon(budget.share(1, "b")).await.is_none());
        drop(whole);
        assert!(soon(budget.share(1, "b")).await.is_some());
    }

    #[tokio::test]
    async fn i8_what_is_modest_waits_behind_nothing_large() {
        let budget = Budget::new(256 * MIB as u64);
        let held = [
            soon(budget.share(96 * MIB, "a")).await.expect("room"),
            soon(budget.share(96 * MIB, "b")).await.expect("room"),
        ];
        assert!(soon(budget.share(2 * MIB, "c")).await.is_none());
        assert!(soon(budget.share(MIB, "c")).await.is_some());
        drop(held);
    }
}
