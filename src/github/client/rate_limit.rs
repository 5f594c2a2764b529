//! GitHub's signals to stop, and until when they hold.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde::Deserialize;

use super::GitHub;
use super::request::Request;
use super::transport::Answer;
use crate::github::error::{GitHubError, RateLimitKind};
use crate::github::ids::InstallationId;

/// What an installation may ask in an hour, and what of it is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct HourlyBudget {
    pub limit: u32,
    pub remaining: u32,
}

impl GitHub {
    /// Costs nothing of it. `NotFound` on an Enterprise Server that counts no requests.
    pub async fn hourly_budget(&self, id: InstallationId) -> Result<HourlyBudget, GitHubError> {
        #[derive(Deserialize)]
        struct Resources {
            core: HourlyBudget,
        }
        #[derive(Deserialize)]
        struct Limits {
            resources: Resources,
        }
        let request = Request::get("/rate_limit", &[], self.json_cap());
        let answered = self.as_installation(id, &request, None).await?;
        let limits: Limits = answered.answer.json()?;
        Ok(limits.resources.core)
    }
}

/// One signal to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Until(DateTime<Utc>, RateLimitKind),
    /// Secondary, and no word of how long: the rule is a minute, and twice as long each further time.
    Unsaid,
}

/// The longest that is believed: GitHub's primary limit resets within the hour.
const LONGEST: TimeDelta = TimeDelta::hours(24);
const SHORTEST: TimeDelta = TimeDelta::seconds(1);

/// Whether an answer says to stop, and how. A 403 for other reasons is none.
pub(super) fn signal(answer: &Answer) -> Option<Signal> {
    let refused = matches!(
        answer.status,
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
    );
    let exhausted = answer.header("x-ratelimit-remaining") == Some("0");
    if !refused {
        // The last request of the budget: the next one would be refused.
        let is_last = exhausted && (answer.status.is_success() || answer.status == 304);
        return is_last.then(|| reset(answer)).flatten();
    }
    let retry_after = answer.header("retry-after");
    if let Some(wait) = retry_after.and_then(seconds) {
        let kind = if exhausted {
            RateLimitKind::Primary
        } else {
            RateLimitKind::Secondary
        };
        return Some(Signal::Until(answer.at + bounded(wait), kind));
    }
    if exhausted && let Some(signal) = reset(answer) {
        return Some(signal);
    }
    let says_so = answer.message().to_ascii_lowercase().contains("rate limit");
    let is_limit =
        says_so || retry_after.is_some() || answer.status == StatusCode::TOO_MANY_REQUESTS;
    is_limit.then_some(Signal::Unsaid)
}

/// `x-ratelimit-reset` is an instant of GitHub's clock; `Date` in the same answer says how far off it is.
fn reset(answer: &Answer) -> Option<Signal> {
    let reset = answer.header("x-ratelimit-reset")?.parse().ok()?;
    let reset = DateTime::from_timestamp(reset, 0)?;
    let wait = reset - answer.date().unwrap_or(answer.at) + SHORTEST;
    let until = answer.at + bounded(wait);
    Some(Signal::Until(until, RateLimitKind::Primary))
}

fn seconds(text: &str) -> Option<TimeDelta> {
    TimeDelta::try_seconds(text.trim().parse().ok()?)
}

fn bounded(wait: TimeDelta) -> TimeDelta {
    wait.clamp(SHORTEST, LONGEST)
}

/// Until when one asker must be silent, and how often it was told so without a time.
#[derive(Debug, Default)]
pub(super) struct Pause {
    until: Option<(DateTime<Utc>, RateLimitKind)>,
    strikes: u32,
}

const FIRST_UNSAID: TimeDelta = TimeDelta::seconds(60);
/// 60 s doubled six times is the first beyond an hour.
const LONGEST_UNSAID: TimeDelta = TimeDelta::hours(1);

impl Pause {
    pub(super) fn at(&self, now: DateTime<Utc>) -> Option<(DateTime<Utc>, RateLimitKind)> {
        self.until.filter(|(until, _)| *until > now)
    }

    /// Never makes a pause shorter.
    pub(super) fn extend(&mut self, until: DateTime<Utc>, kind: RateLimitKind) {
        if self.until.is_none_or(|(known, _)| known < until) {
            self.until = Some((until, kind));
        }
    }

    /// Answers to requests sent before a pause began are neither new strikes nor successes.
    pub(super) fn learn(&mut self, signal: Option<Signal>, succeeded: bool, now: DateTime<Utc>) {
        let paused = self.at(now).is_some();
        match signal {
            Some(Signal::Until(until, kind)) => self.extend(until, kind),
            Some(Signal::Unsaid) if !paused => {
                let wait = FIRST_UNSAID * 2_i32.pow(self.strikes.min(6));
                self.strikes += 1;
                self.extend(now + wait.min(LONGEST_UNSAID), RateLimitKind::Secondary);
            }
            None if succeeded && !paused => self.strikes = 0,
            Some(Signal::Unsaid) | None => {}
        }
    }
}
