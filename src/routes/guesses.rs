//! Tokens that were refused, counted by where they came from.

use chrono::{DateTime, Utc};

use super::per_minute::PerMinute;
use super::source::Source;

/// Refusals from one address within a minute that are still answered 401: a deployment with a wrong
/// token stays below it.
const A_MINUTE: u32 = 100;

/// A good token is never refused for the company that it comes in: behind a proxy everybody has one
/// address. So it cannot be guessed any faster either: 32 random bytes are not guessed.
#[derive(Debug, Clone, Default)]
pub(super) struct Guesses(PerMinute<Source>);

impl Guesses {
    /// Counts one more refusal, and says whether that is more than is answered as such.
    pub(super) fn is_one_too_many(&self, source: Source, now: DateTime<Utc>) -> bool {
        self.0.count(source, now) > A_MINUTE
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
}
