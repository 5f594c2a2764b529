use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::config::ClientLimits;
use super::rate_limit::{Pause, Signal, signal};
use super::transport::Answer;
use crate::github::error::{GitHubError, RateLimitKind};
use crate::github::ids::InstallationId;

/// Whose budget at GitHub a request is charged to; none can use up another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Asker {
    App,
    Installation(InstallationId),
}

impl Asker {
    /// As a log's field; the App itself has none.
    pub(super) fn installation(self) -> Option<i64> {
        match self {
            Self::App => None,
            Self::Installation(id) => Some(id.get()),
        }
    }
}

/// What each asker may still ask.
#[derive(Debug)]
pub(super) struct Budgets {
    limits: ClientLimits,
    by_asker: Mutex<HashMap<Asker, Arc<Budget>>>,
}

impl Budgets {
    pub(super) fn new(limits: ClientLimits) -> Self {
        Self {
            limits,
            by_asker: Mutex::default(),
        }
    }

    pub(super) fn of(&self, asker: Asker) -> Arc<Budget> {
        let mut by_asker = lock(&self.by_asker);
        let budget = by_asker
            .entry(asker)
            .or_insert_with(|| Arc::new(Budget::new(&self.limits)));
        Arc::clone(budget)
    }

    /// The pause that holds at `now`; an asker that never asked has none.
    pub(super) fn paused_until(&self, asker: Asker, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let budget = lock(&self.by_asker).get(&asker).map(Arc::clone)?;
        budget.paused_until(now)
    }
}

/// One asker's share: how many requests at once, how many in a minute, and whether any at all.
#[derive(Debug)]
pub(super) struct Budget {
    in_flight: Arc<Semaphore>,
    pace: Mutex<Pace>,
    pause: Mutex<Pause>,
}

impl Budget {
    fn new(limits: &ClientLimits) -> Self {
        let in_flight = limits.max_in_flight_per_installation;
        Self {
            in_flight: Arc::new(Semaphore::new(in_flight.min(Semaphore::MAX_PERMITS))),
            pace: Mutex::new(Pace::new(limits.max_requests_per_minute)),
            pause: Mutex::default(),
        }
    }

    /// # Errors
    /// `RateLimited` while a pause holds.
    pub(super) fn check(&self, now: DateTime<Utc>) -> Result<(), GitHubError> {
        match lock(&self.pause).at(now) {
            Some((until, kind)) => Err(GitHubError::RateLimited { until, kind }),
            None => Ok(()),
        }
    }

    /// Waits for a place among the asker's requests and for its turn within the minute.
    pub(super) async fn enter(&self) -> OwnedSemaphorePermit {
        let place = Arc::clone(&self.in_flight)
            .acquire_owned()
            .await
            .expect("this semaphore is never closed");
        let wait = lock(&self.pace).turn(Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        place
    }

    /// Takes from an answer what it says of the budget.
    ///
    /// # Errors
    /// `RateLimited` when it was refused for that.
    pub(super) fn learn(&self, answer: &Answer) -> Result<(), GitHubError> {
        let signal = signal(answer);
        let succeeded = answer.status.is_success() || answer.status == 304;
        lock(&self.pause).learn(signal, succeeded, answer.at);
        match signal {
            Some(Signal::Until(..) | Signal::Unsaid) if !succeeded => self.check(answer.at),
            _ => Ok(()),
        }
    }

    pub(super) fn pause(&self, until: DateTime<Utc>) {
        lock(&self.pause).extend(until, RateLimitKind::Secondary);
    }

    fn paused_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        lock(&self.pause).at(now).map(|(until, _)| until)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets requests through as they come, until a minute has its number; then each waits until the one
/// that many before it is a minute old.
#[derive(Debug)]
struct Pace {
    per_minute: usize,
    /// The turns of the last minute, and those that are still to come; the oldest first.
    turns: VecDeque<Instant>,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Pace {
    fn new(per_minute: u32) -> Self {
        Self {
            per_minute: per_minute as usize,
            turns: VecDeque::new(),
        }
    }

    /// Takes one turn, and says how long to wait for it.
    fn turn(&mut self, now: Instant) -> Duration {
        while self.turns.front().is_some_and(|turn| *turn + MINUTE <= now) {
            self.turns.pop_front();
        }
        let before = self.turns.len().checked_sub(self.per_minute);
        let turn = before.map_or(now, |index| self.turns[index] + MINUTE);
        self.turns.push_back(turn);
        turn - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g35_no_minute_has_more_than_its_number() {
        let start = Instant::now();
        let mut pace = Pace::new(900);
        let mut now = start;
        let mut sent = Vec::new();
        for _ in 0..3_000 {
            now += pace.turn(now);
            sent.push(now - start);
        }
        let minute = Duration::from_secs(60);
        for (index, first) in sent.iter().enumerate() {
            let within = sent[index..].partition_point(|at| *at < *first + minute);
            assert!(within <= 900, "{within} from {first:?}");
        }
        assert_eq!(
            sent[899],
            Duration::ZERO,
            "what a minute may have goes at once"
        );
        assert_eq!(sent[900], minute);
        assert!(pace.turns.len() <= 1_800, "older turns are forgotten");
    }
}
