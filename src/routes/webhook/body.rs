//! Reads a body: raw, capped, in time, and within what all bodies together may hold in memory.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::head::cap;
use super::refusal::Refusal;
use crate::config::WebhookConfig;
use crate::github::delivery_body::BodyFormat;

/// The unit of the budget, and what every body may hold without asking: most are smaller.
const STEP: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct BodyReader {
    budget: Arc<Semaphore>,
    timeout: Duration,
    config: WebhookConfig,
}

/// A body, and its share of the budget: held until the body has been stored.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    _share: Vec<OwnedSemaphorePermit>,
}

impl BodyReader {
    pub(super) fn new(config: &WebhookConfig) -> Self {
        let steps = usize::try_from(config.body_memory.as_u64()).unwrap_or(usize::MAX) / STEP;
        Self {
            budget: Arc::new(Semaphore::new(steps.clamp(1, Semaphore::MAX_PERMITS))),
            timeout: config.body_timeout,
            config: config.clone(),
        }
    }

    pub(super) async fn read(
        &self,
        payload: web::Payload,
        length: Option<u64>,
        format: BodyFormat,
    ) -> Result<Body, Refusal> {
        let cap = usize::try_from(cap(&self.config, format)).unwrap_or(usize::MAX);
        let read = self.read_within(payload, length, cap);
        tokio::time::timeout(self.timeout, read)
            .await
            .unwrap_or(Err(Refusal::Timeout))
    }

    async fn read_within(
        &self,
        mut payload: web::Payload,
        length: Option<u64>,
        cap: usize,
    ) -> Result<Body, Refusal> {
        let announced = length
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or(0)
            .min(cap);
        let mut share = Vec::new();
        let mut granted = STEP;
        self.grow(&mut granted, announced, &mut share).await?;
        let mut bytes = Vec::with_capacity(announced);
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Refusal::BadRequest("the body was cut short"))?;
            if bytes.len() + chunk.len() > cap {
                return Err(Refusal::TooLarge);
            }
            self.grow(&mut granted, bytes.len() + chunk.len(), &mut share)
                .await?;
            bytes.extend_from_slice(&chunk);
        }
        Ok(Body {
            bytes,
            _share: share,
        })
    }

    /// Waits until the budget has room for `needed` bytes; the time-out bounds the wait.
    async fn grow(
        &self,
        granted: &mut usize,
        needed: usize,
        share: &mut Vec<OwnedSemaphorePermit>,
    ) -> Result<(), Refusal> {
        if needed <= *granted {
            return Ok(());
        }
        let steps = (needed - *granted).div_ceil(STEP);
        let permits = u32::try_from(steps).map_err(|_| Refusal::TooLarge)?;
        let permit = self.budget.clone().acquire_many_owned(permits).await;
        share.push(permit.map_err(|_| Refusal::NotStored)?);
        *granted += steps * STEP;
        Ok(())
    }
}
