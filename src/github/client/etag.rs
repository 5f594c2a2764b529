use std::fmt;

use serde::{Deserialize, Serialize};

use crate::github::app_auth::InstallationToken;

/// What to ask "has it changed since?" with: opaque, to be stored and handed back.
///
/// GitHub's ETags vary by token, so each carries the fingerprint of the token it was got with and
/// is only ever sent with that token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ETag(String);

/// An answer to a conditional request. A 304 costs nothing of the hourly budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conditional<T> {
    NotModified,
    Modified { value: T, etag: Option<ETag> },
}

/// Longer ones are not kept: they would not fit their column.
const MAX_BYTES: usize = 255;

impl ETag {
    /// One that was stored before. Anything is taken: what no token matches is never sent.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn new(token: &InstallationToken, header: &str) -> Option<Self> {
        let text = format!("{}:{header}", token.fingerprint());
        (text.len() <= MAX_BYTES).then_some(Self(text))
    }

    /// The header's value, if `token` is the one it was got with.
    pub(super) fn for_token(&self, token: &InstallationToken) -> Option<&str> {
        self.0
            .strip_prefix(token.fingerprint())
            .and_then(|rest| rest.strip_prefix(':'))
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
