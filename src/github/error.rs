//! What can come of asking GitHub, sorted by what the asker should do about it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

/// Why a call to GitHub did not give what was asked. A variant is a decision, not a status code.
///
/// The text of none of them, nor of their sources, holds a token, a key or a URL's query.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GitHubError {
    /// GitHub answers 404 both for what is not there and for what this App may not see.
    #[error("GitHub has no such thing, or does not show it to this App")]
    NotFound,
    #[error("the repository has no such branch or tag")]
    NoSuchRef,
    #[error("the repository is empty: it has no commit yet")]
    EmptyRepository,
    /// The App's own key was refused, under every key configured.
    #[error(
        "GitHub refuses the App's private key: check the App id, the key and this machine's clock"
    )]
    Unauthorized,
    #[error(transparent)]
    AccessLost(AccessLost),
    /// Nothing is to be asked under this installation (or as the App) before `until`.
    #[error("GitHub's {kind} rate limit holds until {}", .until.format("%Y-%m-%d %H:%M:%S UTC"))]
    RateLimited {
        until: DateTime<Utc>,
        kind: RateLimitKind,
    },
    #[error("the {what} is larger than {limit} bytes")]
    TooLarge { what: &'static str, limit: u64 },
    /// 5xx, a time-out, the network, DNS, TLS, or a token that GitHub's replicas do not know yet: ask again later.
    #[error("GitHub cannot be reached, or cannot answer at the moment")]
    Unavailable(#[source] Cause),
    /// An answer that GitHub should never give: malformed, cut, redirected elsewhere, or of a status without a meaning here.
    #[error("GitHub's answer could not be understood")]
    Unexpected(#[source] Cause),
}

impl GitHubError {
    pub(crate) fn unavailable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Cause(Arc::new(cause)))
    }

    pub(crate) fn unexpected(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Unexpected(Cause(Arc::new(cause)))
    }
}

/// How an installation or a repository went out of reach; each needs another person to act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessLost {
    #[error("the App is not installed there any more: install it again")]
    NotInstalled,
    #[error("the App's installation is suspended: its owner can unsuspend it")]
    Suspended,
    #[error("the App's installation lacks a permission: {needed}")]
    PermissionMissing { needed: String },
    /// Locked, disabled, taken down, behind an IP allow list: GitHub's own words say which.
    #[error("GitHub blocks access: {reason}")]
    Blocked { reason: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimitKind {
    /// The hourly budget of requests.
    Primary,
    /// Too much at once; its rules are GitHub's secret.
    Secondary,
}

impl fmt::Display for RateLimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        })
    }
}

/// The failure underneath, shared by all who waited for the same answer.
#[derive(Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
