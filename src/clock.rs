//! Time as an input: the program runs on the system's clock, a test on one that it moves by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};

/// Where every "now" comes from. Clones of a manual clock move together.
///
/// Instants have microseconds: that is what both databases keep, so an instant written and
/// read again is equal.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    /// So many microseconds off the system's: a clock that is wrong.
    #[cfg(debug_assertions)]
    Skewed(i64),
    /// Microseconds since 1970.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    pub fn system() -> Self {
        #[cfg(debug_assertions)]
        if let Some(skew) = skew() {
            return Self(Source::Skewed(skew));
        }
        Self(Source::System)
    }

    /// A clock that stands at `at` until it is advanced.
    pub fn manual(at: DateTime<Utc>) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(
            at.timestamp_micros(),
        ))))
    }

    pub fn now(&self) -> DateTime<Utc> {
        let micros = match &self.0 {
            Source::System => Utc::now().timestamp_micros(),
            #[cfg(debug_assertions)]
            Source::Skewed(by) => Utc::now().timestamp_micros() + by,
            Source::Manual(micros) => micros.load(Ordering::SeqCst),
        };
        DateTime::from_timestamp_micros(micros).expect("a clock within chrono's 262,000 years")
    }

    /// Moves a manual clock on; the system's moves by itself.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(micros) = &self.0 {
            let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            micros.fetch_add(by, Ordering::SeqCst);
        }
    }
}

/// How wrong the system's clock is made for the fault campaign; no release has this.
#[cfg(debug_assertions)]
fn skew() -> Option<i64> {
    let millis = std::env::var("BINDERY_FAULT_CLOCK_SKEW_MS").ok()?;
    Some(millis.parse::<i64>().ok()? * 1000)
}
