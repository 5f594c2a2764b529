//! Tokens that were refused, counted by where they came from.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

/// Refusals from one address within a minute that are still answered 401: a deployment with a wrong
/// token stays below it.
const PER_MINUTE: u32 = 100;
/// Addresses remembered within a minute: about 1 MiB.
const ADDRESSES: usize = 10_000;

/// A good token is never refused for the company that it comes in: behind a proxy everybody has one
/// address. So it cannot be guessed any faster either: 32 random bytes are not guessed.
#[derive(Debug, Clone, Default)]
pub(super) struct Guesses(Arc<Mutex<Minute>>);

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    refused: HashMap<Option<IpAddr>, u32>,
}

impl Guesses {
    /// Counts one more refusal, and says whether that is more than is answered as such.
    pub(super) fn is_one_too_many(&self, source: Option<IpAddr>, now: DateTime<Utc>) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.timestamp().div_euclid(60);
        if minute.number != number || minute.refused.len() >= ADDRESSES {
            *minute = Minute {
                number,
                refused: HashMap::new(),
            };
        }
        let refused = minute.refused.entry(source).or_default();
        *refused = refused.saturating_add(1);
        *refused > PER_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a17_counts_an_address_for_a_minute() {
        let guesses = Guesses::default();
        let source = |last| Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)));
        let at = |seconds| DateTime::from_timestamp(seconds, 0).expect("an instant");
        for _ in 0..PER_MINUTE {
            assert!(!guesses.is_one_too_many(source(1), at(0)));
        }
        assert!(guesses.is_one_too_many(source(1), at(59)));
        assert!(!guesses.is_one_too_many(source(2), at(59)));
        assert!(!guesses.is_one_too_many(source(1), at(60)));
    }
}
