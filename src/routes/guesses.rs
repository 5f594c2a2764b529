//! Tokens that were refused, counted by where they came from.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::per_minute::PerMinute;
use super::source::Source;

/// Refusals from one address within a minute that are still answered 401: a deployment with a wrong
/// token stays below it.
const A_MINUTE: u32 = 100;

/// A good token is never refused for the company that it comes in: behind a proxy everybody has one
/// address. So it cannot be guessed any faster either: 32 random bytes are not guessed.
#[derive(Debug, Clone)]
pub(super) struct Guesses {
    refused: PerMinute<Source>,
    line: Arc<Semaphore>,
}

/// Tokens from addresses with too many refusals that are looked up at a time: a flood of guesses has no more
/// of the database's connections.
const TURNS: usize = 2;

impl Default for Guesses {
    fn default() -> Self {
        Self {
            refused: PerMinute::default(),
            line: Arc::new(Semaphore::new(TURNS)),
        }
    }
}

impl Guesses {
    /// Waits, from an address of too many refusals, until one of the few turns is free; held until it is dropped.
    pub(super) async fn turn(
        &self,
        source: Source,
        now: DateTime<Utc>,
    ) -> Option<SemaphorePermit<'_>> {
        if self.refused.so_far(&source, now) < A_MINUTE {
            return None;
        }
        self.line.acquire().await.ok()
    }

    /// Counts one more refusal, and says whether that is more than is answered as such.
    pub(super) fn is_one_too_many(&self, source: Source, now: DateTime<Utc>) -> bool {
        self.refused.count(source, now) > A_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a17_counts_an_address_for_a_minute() {
        let guesses = Guesses::default();
        let source = |last| Source::of(Some(([192, 0, 2, last], 80).into()));
        let at = |seconds| DateTime::from_timestamp(seconds, 0).expect("an instant");
        for _ in 0..A_MINUTE {
            assert!(!guesses.is_one_too_many(source(1), at(0)));
        }
        assert!(guesses.is_one_too_many(source(1), at(59)));
        assert!(!guesses.is_one_too_many(source(2), at(59)));
        assert!(!guesses.is_one_too_many(source(1), at(60)));
    }

    #[tokio::test]
    async fn a17_who_guessed_too_often_waits_in_a_line_of_its_like() {
        use futures_util::FutureExt;
        let guesses = Guesses::default();
        let source = |last| Source::of(Some(([192, 0, 2, last], 80).into()));
        let now = DateTime::UNIX_EPOCH;
        for _ in 0..A_MINUTE {
            guesses.is_one_too_many(source(1), now);
        }
        let turns: Vec<_> = (0..TURNS)
            .map(|_| guesses.turn(source(1), now).now_or_never())
            .collect();
        assert!(turns.iter().all(|turn| matches!(turn, Some(Some(_)))));
        assert!(guesses.turn(source(1), now).now_or_never().is_none());
        assert!(matches!(
            guesses.turn(source(2), now).now_or_never(),
            Some(None)
        ));
        drop(turns);
        assert!(guesses.turn(source(1), now).now_or_never().is_some());
    }
}
