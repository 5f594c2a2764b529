use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use moka::ops::compute::Op;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::github::error::GitHubError;
use crate::github::ids::InstallationId;

/// A token to read one installation's repositories with, good for an hour.
#[derive(Debug, Clone)]
pub(crate) struct InstallationToken {
    pub(crate) secret: SecretString,
    fingerprint: String,
    minted_at: DateTime<Utc>,
    /// By our clock, and before GitHub's own expiry.
    usable_until: DateTime<Utc>,
    /// Whether GitHub has answered a request with it yet.
    proven: Arc<AtomicBool>,
}

/// A call must not outlive its token.
const SPARE: TimeDelta = TimeDelta::minutes(5);
/// Whatever an answer says, a fresh token is used for this long: a wrong clock must not mint at every call.
const USED_AT_LEAST: TimeDelta = TimeDelta::minutes(1);
/// How long GitHub's replicas may not know a token, or its permissions. (octokit waits 5 s; others saw more.)
const MAY_LAG: TimeDelta = TimeDelta::minutes(1);

impl InstallationToken {
    pub(crate) fn new(secret: SecretString, minted_at: DateTime<Utc>, lifetime: TimeDelta) -> Self {
        let usable_for = (lifetime - SPARE).clamp(USED_AT_LEAST, TimeDelta::days(1));
        Self {
            fingerprint: fingerprint(&secret),
            secret,
            minted_at,
            usable_until: minted_at + usable_for,
            proven: Arc::default(),
        }
    }

    /// Which token it is, without being it: the first 16 hex digits of its SHA-256.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub(crate) fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    /// Whether a refusal may only mean that GitHub does not know this token everywhere yet.
    pub(crate) fn may_lag(&self, now: DateTime<Utc>) -> bool {
        !self.proven.load(Ordering::Relaxed) && now - self.minted_at < MAY_LAG
    }

    pub(crate) fn is_usable(&self, now: DateTime<Utc>) -> bool {
        now < self.usable_until
    }
}

fn fingerprint(secret: &SecretString) -> String {
    let digest = Sha256::digest(secret.expose_secret().as_bytes());
    digest.iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The tokens in use, one per installation, each minted once however many ask for it.
#[derive(Debug)]
pub(crate) struct TokenCache(Cache<InstallationId, InstallationToken>);

/// More installations than one process serves at a time; the longest unused go first.
const MAX_TOKENS: u64 = 100_000;

impl TokenCache {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MAX_TOKENS))
    }

    /// The installation's token; `mint` runs once for all who wait, and they share its failure too.
    pub(crate) async fn get(
        &self,
        id: InstallationId,
        now: DateTime<Utc>,
        mint: impl Future<Output = Result<InstallationToken, GitHubError>>,
    ) -> Result<InstallationToken, GitHubError> {
        if let Some(token) = self.0.get(&id).await {
            if token.is_usable(now) {
                return Ok(token);
            }
            self.forget(id, &token).await;
        }
        self.0
            .try_get_with(id, mint)
            .await
            .map_err(|error| GitHubError::clone(&error))
    }

    /// Drops `token`, and not one that was minted since.
    pub(crate) async fn forget(&self, id: InstallationId, token: &InstallationToken) {
        self.0
            .entry(id)
            .and_compute_with(async |entry| match entry {
                Some(entry) if entry.value().fingerprint == token.fingerprint => Op::Remove,
                _ => Op::Nop,
            })
            .await;
    }
}
