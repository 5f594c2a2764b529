use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, Header};
use secrecy::SecretString;
use serde::Serialize;

use super::PrivateKeyPem;
use crate::github::ids::AppId;

/// Signs the App's JWTs, and learns from GitHub's answers which key and which time GitHub takes.
#[derive(Debug)]
pub(crate) struct AppSigner {
    app_id: AppId,
    /// The current key, then the previous one.
    keys: Vec<PrivateKeyPem>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Which of the keys GitHub took last.
    working: usize,
    /// GitHub's clock minus ours.
    offset: TimeDelta,
    cached: Option<Signed>,
}

/// A JWT, and what it was signed with.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    pub(crate) jwt: SecretString,
    key: usize,
    offset: TimeDelta,
    signed_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: String,
}

/// GitHub's own advice against clocks that drift.
const ISSUED_BEFORE: TimeDelta = TimeDelta::seconds(60);
/// GitHub takes at most ten minutes; one of them is for clocks that drift.
const VALID_FOR: TimeDelta = TimeDelta::minutes(9);
/// Reuse for as long as leaves a request several minutes of validity.
const REUSED_FOR: TimeDelta = TimeDelta::minutes(5);
/// Beyond this the operator should mend the machine's clock.
const TOLERATED_OFFSET: TimeDelta = TimeDelta::seconds(60);
/// A `Date` header is in whole seconds and as old as the answer's journey: less than this is no news.
const OFFSET_STEP: TimeDelta = TimeDelta::seconds(20);

impl AppSigner {
    pub(crate) fn new(
        app_id: AppId,
        current: PrivateKeyPem,
        previous: Option<PrivateKeyPem>,
    ) -> Self {
        Self {
            app_id,
            keys: std::iter::once(current).chain(previous).collect(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A JWT good for some minutes from `now`, by the key that works.
    pub(crate) fn sign(&self, now: DateTime<Utc>) -> Result<Signed, SigningFailed> {
        let mut state = self.state();
        let (key, offset) = (state.working, state.offset);
        let reusable = |signed: &&Signed| {
            let age = now - signed.signed_at;
            signed.key == key
                && signed.offset == offset
                && (TimeDelta::zero()..REUSED_FOR).contains(&age)
        };
        if let Some(signed) = state.cached.as_ref().filter(reusable) {
            return Ok(signed.clone());
        }
        let signed = self.sign_with(key, offset, now)?;
        state.cached = Some(signed.clone());
        Ok(signed)
    }

    /// After a 401: another JWT that may do better, or `None` when there is nothing left to try.
    ///
    /// A clock found to be wrong is corrected first; then the other key has its turn.
    pub(crate) fn sign_after_refusal(
        &self,
        refused: &[Signed],
        now: DateTime<Utc>,
    ) -> Result<Option<Signed>, SigningFailed> {
        let offset = self.state().offset;
        let tried = |key: usize, offset: TimeDelta| {
            let same = |signed: &Signed| signed.key == key && signed.offset == offset;
            refused.iter().any(same)
        };
        let Some(last) = refused.last() else {
            return Ok(None);
        };
        std::iter::once(last.key)
            .chain(0..self.keys.len())
            .find(|&key| !tried(key, offset))
            .map(|key| self.sign_with(key, offset, now))
            .transpose()
    }

    /// GitHub took it: its key is the one to use from now on.
    pub(crate) fn accepted(&self, signed: &Signed) {
        let mut state = self.state();
        if state.working != signed.key {
            tracing::warn!(
                key = signed.key,
                "GitHub takes the App's other private key only"
            );
            state.working = signed.key;
        }
    }

    /// GitHub's clock minus ours.
    pub(crate) fn offset(&self) -> TimeDelta {
        self.state().offset
    }

    /// Takes GitHub's time from an answer that came at `now`.
    pub(crate) fn observe(&self, github: DateTime<Utc>, now: DateTime<Utc>) {
        let offset = github - now;
        let mut state = self.state();
        if (offset - state.offset).abs() < OFFSET_STEP {
            return;
        }
        if offset.abs() > TOLERATED_OFFSET && state.offset.abs() <= TOLERATED_OFFSET {
            let seconds = offset.num_seconds();
            tracing::warn!(seconds, "this machine's clock is not GitHub's: mend it");
        }
        state.offset = offset;
    }

    fn sign_with(
        &self,
        key: usize,
        offset: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<Signed, SigningFailed> {
        let github_now = now + offset;
        let claims = Claims {
            iat: (github_now - ISSUED_BEFORE).timestamp(),
            exp: (github_now + VALID_FOR).timestamp(),
            iss: self.app_id.to_string(),
        };
        let header = Header::new(Algorithm::RS256);
        let jwt = jsonwebtoken::encode(&header, &claims, self.keys[key].encoding_key())
            .map_err(|_| SigningFailed)?;
        Ok(Signed {
            jwt: jwt.into(),
            key,
            offset,
            signed_at: now,
        })
    }
}

/// The key was good when it was read; so this is a fault of the crypto library, whose words are not repeated.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the App's JWT could not be signed")]
pub(crate) struct SigningFailed;
