use std::time::Duration;

use chrono::{DateTime, Utc};

const WINDOW: Duration = Duration::from_secs(3600);
/// What GitHub asks for when it gives no `retry-after`.
const SECONDARY: Duration = Duration::from_secs(60);

/// One caller's budget of requests.
#[derive(Debug, Clone)]
pub(super) struct RateLimit {
    /// Requests an hour; none on an Enterprise server.
    pub(super) limit: Option<u32>,
    pub(super) used: u32,
    pub(super) reset_at: DateTime<Utc>,
    secondary: Option<Secondary>,
}

#[derive(Debug, Clone, Copy)]
struct Secondary {
    until: DateTime<Utc>,
    says_when: bool,
}

/// Why a request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limited {
    Primary,
    /// `retry_after` in seconds, where GitHub says it.
    Secondary {
        retry_after: Option<i64>,
    },
}

impl RateLimit {
    /// What github.com gives an installation.
    pub(super) const USUAL: u32 = 5_000;

    pub(super) fn new(limit: Option<u32>, now: DateTime<Utc>) -> Self {
        Self {
            limit,
            used: 0,
            reset_at: now + WINDOW,
            secondary: None,
        }
    }

    /// `None` where nothing is counted.
    pub(super) fn remaining(&self) -> Option<u32> {
        Some(self.limit?.saturating_sub(self.used))
    }

    /// Opens the next window when this one is over.
    pub(super) fn roll(&mut self, now: DateTime<Utc>) {
        if now >= self.reset_at {
            self.used = 0;
            self.reset_at = now + WINDOW;
        }
    }

    pub(super) fn check(&self, now: DateTime<Utc>) -> Result<(), Limited> {
        if let Some(secondary) = self.secondary.filter(|limit| limit.until > now) {
            let left = (secondary.until - now).num_seconds().max(1);
            let retry_after = secondary.says_when.then_some(left);
            return Err(Limited::Secondary { retry_after });
        }
        if self.remaining() == Some(0) {
            return Err(Limited::Primary);
        }
        Ok(())
    }

    pub(super) fn exhaust(&mut self, reset_at: DateTime<Utc>) {
        self.used = self.limit.unwrap_or_default();
        self.reset_at = reset_at;
    }

    pub(super) fn limit_secondary(&mut self, now: DateTime<Utc>, retry_after: Option<Duration>) {
        self.secondary = Some(Secondary {
            until: now + retry_after.unwrap_or(SECONDARY),
            says_when: retry_after.is_some(),
        });
    }
}
