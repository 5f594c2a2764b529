//! Reads a body: raw, capped, in time, and within what all bodies together may hold in memory.

use std::time::Duration;

use actix_web::web;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::head::cap;
use super::refusal::Refusal;
use crate::config::WebhookConfig;
use crate::github::delivery_body::BodyFormat;
use crate::routes::budget::{Budget, STEP, Share};
use crate::routes::source::Source;

/// What a body that holds room may fall behind: a packet that was lost is sent again within.
const GRACE: Duration = Duration::from_secs(2);

/// Anyone may send a body, and nothing of it is proven before its last byte has come. So what strangers
/// can keep from GitHub is kept small: every body has one [`STEP`] without asking; beyond that it has its
/// room within the half of its source, and only while it comes as fast as it has to.
#[derive(Debug)]
pub(super) struct BodyReader {
    budget: Budget<Source>,
    timeout: Duration,
    config: WebhookConfig,
}

/// A body, and its share of the budget: held until the body has been stored.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    _share: Option<Share>,
}

/// What is known of a body before it has come.
pub(super) struct Announced {
    pub(super) format: BodyFormat,
    /// As its sender says.
    pub(super) length: Option<u64>,
    pub(super) source: Source,
}

impl BodyReader {
    pub(super) fn new(config: &WebhookConfig) -> Self {
        Self {
            budget: Budget::new(config.body_memory.as_u64()),
            timeout: config.body_timeout,
            config: config.clone(),
        }
    }

    pub(super) async fn read(
        &self,
        mut payload: web::Payload,
        announced: &Announced,
    ) -> Result<Body, Refusal> {
        let deadline = Instant::now() + self.timeout;
        let cap = usize::try_from(cap(&self.config, announced.format)).unwrap_or(usize::MAX);
        let mut share = None;
        let mut bytes = Vec::new();
        let mut due = deadline;
        while let Some(chunk) = timeout_at(due, payload.next())
            .await
            .map_err(|_| Refusal::Timeout)?
        {
            let chunk = chunk.map_err(|_| Refusal::BadRequest("the body was cut short"))?;
            let needed = bytes.len() + chunk.len();
            if needed > cap {
                return Err(Refusal::TooLarge);
            }
            if needed > STEP && share.is_none() {
                let length = announced.length.and_then(|length| length.try_into().ok());
                let whole = length.unwrap_or(cap).clamp(needed, cap);
                share = Some(self.share(whole, announced.source, deadline).await?);
                bytes.reserve_exact(length.map_or(0, |_| whole - bytes.len()));
            }
            bytes.extend_from_slice(&chunk);
            if let Some(held) = &share {
                due = held.pace.due(bytes.len()).min(deadline);
            }
        }
        Ok(Body {
            bytes,
            _share: share.map(|held| held.share),
        })
    }

    /// Waits until the budget has room for a whole body, so that no two bodies can wait for each
    /// other's rest. Asked for only when the first step has come: an announcement alone costs its
    /// sender nothing, and would shut the others out.
    async fn share(
        &self,
        whole: usize,
        source: Source,
        deadline: Instant,
    ) -> Result<Held, Refusal> {
        let share = timeout_at(deadline, self.budget.share(whole - STEP, source))
            .await
            .map_err(|_| Refusal::Busy)?;
        let now = Instant::now();
        Ok(Held {
            share,
            pace: Pace {
                since: now,
                whole,
                within: deadline.saturating_duration_since(now),
            },
        })
    }
}

/// Room for a body, and how fast that has to come to keep it.
struct Held {
    share: Share,
    pace: Pace,
}

/// Evenly, so that all of it is there in time.
struct Pace {
    since: Instant,
    /// Bytes.
    whole: usize,
    within: Duration,
}

impl Pace {
    /// By when the next byte has to come, after so many.
    fn due(&self, come: usize) -> Instant {
        let part = come as f64 / self.whole as f64;
        self.since + GRACE + self.within.mul_f64(part.min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w30_a_body_that_holds_room_has_to_come_evenly() {
        let since = Instant::now();
        let within = Duration::from_secs(8);
        let pace = Pace {
            since,
            whole: 1000,
            within,
        };
        let due = |come| (pace.due(come) - since).as_secs();
        assert_eq!([due(0), due(250), due(500), due(1000)], [2, 4, 6, 10]);
    }
}
