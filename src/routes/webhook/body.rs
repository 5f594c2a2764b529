//! Reads a body: raw, capped, in time, and within what all bodies together may hold in memory.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::head::cap;
use super::refusal::Refusal;
use crate::config::WebhookConfig;
use crate::github::delivery_body::BodyFormat;

/// The unit of the budget, and what every body may hold without asking: most are smaller.
const STEP: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct BodyReader {
    budget: Arc<Semaphore>,
    /// Steps that there are in all.
    steps: usize,
    timeout: Duration,
    config: WebhookConfig,
}

/// A body, and its share of the budget: held until the body has been stored.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    _share: Option<OwnedSemaphorePermit>,
}

impl BodyReader {
    pub(super) fn new(config: &WebhookConfig) -> Self {
        let steps = usize::try_from(config.body_memory.as_u64()).unwrap_or(usize::MAX) / STEP;
        let steps = steps.clamp(1, u32::MAX as usize >> 3);
        Self {
            budget: Arc::new(Semaphore::new(steps)),
            steps,
            timeout: config.body_timeout,
            config: config.clone(),
        }
    }

    /// `length` is what the sender announced.
    pub(super) async fn read(
        &self,
        mut payload: web::Payload,
        length: Option<u64>,
        format: BodyFormat,
    ) -> Result<Body, Refusal> {
        let deadline = Instant::now() + self.timeout;
        let cap = usize::try_from(cap(&self.config, format)).unwrap_or(usize::MAX);
        let mut share = None;
        let mut bytes = Vec::new();
        while let Some(chunk) = timeout_at(deadline, payload.next())
            .await
            .map_err(|_| Refusal::Timeout)?
        {
            let chunk = chunk.map_err(|_| Refusal::BadRequest("the body was cut short"))?;
            let needed = bytes.len() + chunk.len();
            if needed > cap {
                return Err(Refusal::TooLarge);
            }
            if needed > STEP && share.is_none() {
                let announced = length.and_then(|length| usize::try_from(length).ok());
                let whole = announced.unwrap_or(cap).clamp(needed, cap);
                share = Some(self.share(whole, deadline).await?);
                bytes.reserve_exact(announced.map_or(0, |_| whole - bytes.len()));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Body {
            bytes,
            _share: share,
        })
    }

    /// Waits until the budget has room for a whole body, so that no two bodies can wait for each
    /// other's rest. Asked for only when the first step has come: an announcement alone costs its
    /// sender nothing, and would shut the others out.
    async fn share(
        &self,
        whole: usize,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, Refusal> {
        // A form can be larger than the whole budget; it is then alone.
        let steps = (whole - STEP).div_ceil(STEP).min(self.steps);
        let permits = u32::try_from(steps).map_err(|_| Refusal::TooLarge)?;
        match timeout_at(deadline, self.budget.clone().acquire_many_owned(permits)).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Refusal::Busy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Flags, Sources};

    fn reader() -> BodyReader {
        let small = |name: &str| match name {
            "BINDERY_WEBHOOK_MAX_BODY" | "BINDERY_WEBHOOK_BODY_MEMORY" => Some("1MiB".into()),
            _ => None,
        };
        let config = Config::load(&Sources::new(Flags::default(), small));
        BodyReader::new(&config.expect("a valid configuration").webhook)
    }

    #[tokio::test]
    async fn i8_what_does_not_fit_waits_and_is_refused_at_its_deadline() {
        let reader = reader();
        let soon = || Instant::now() + Duration::from_millis(20);
        let first = reader.share(1 << 20, soon()).await.expect("room");
        assert_eq!(
            reader.share(1 << 20, soon()).await.err(),
            Some(Refusal::Busy)
        );
        drop(first);
        assert!(reader.share(1 << 20, soon()).await.is_ok());
    }

    #[tokio::test]
    async fn a_form_larger_than_all_room_has_it_alone() {
        let reader = reader();
        let whole = reader
            .share(3 << 20, Instant::now())
            .await
            .expect("all room");
        assert_eq!(reader.budget.available_permits(), 0);
        drop(whole);
    }
}
