//! How often something happened within the minute, of each of many.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

/// Kept apart within a minute: about 1 MiB. With more of them all are counted anew.
const MOST: usize = 10_000;

/// Clones count together.
#[derive(Debug)]
pub(super) struct PerMinute<K>(Arc<Mutex<Minute<K>>>);

#[derive(Debug)]
struct Minute<K> {
    number: i64,
    counts: HashMap<K, u32>,
}

impl<K: Eq + Hash> PerMinute<K> {
    /// How often within this minute.
    pub(super) fn so_far(&self, of: &K, now: DateTime<Utc>) -> u32 {
        let minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match minute.number == now.timestamp().div_euclid(60) {
            true => minute.counts.get(of).copied().unwrap_or_default(),
            false => 0,
        }
    }

    /// Counts one more, and says the how manieth of this minute it is.
    pub(super) fn count(&self, of: K, now: DateTime<Utc>) -> u32 {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.timestamp().div_euclid(60);
        let is_full = minute.counts.len() >= MOST && !minute.counts.contains_key(&of);
        if minute.number != number || is_full {
            minute.number = number;
            minute.counts = HashMap::new();
        }
        let count = minute.counts.entry(of).or_default();
        *count = count.saturating_add(1);
        *count
    }
}

impl<K> Clone for PerMinute<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K> Default for PerMinute<K> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Minute {
            number: 0,
            counts: HashMap::new(),
        })))
    }
}
