//! An answer of GitHub's, and the decision that its status means.

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, DATE, ETAG, HeaderName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::transport::Answer;
use crate::github::error::{AccessLost, GitHubError};
use crate::github::quote::quote;

/// Our reading of an answer that is not the one hoped for. Holds no more than what GitHub says on purpose.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("GitHub answers {status}: {message}")]
    Status { status: u16, message: String },
    #[error("the JSON's `{path}` is wrong: {reason}")]
    Json { path: String, reason: String },
}

impl Fault {
    /// serde's words may quote the answer, and an answer may be a token.
    fn json(path: &str, error: &serde_json::Error) -> Self {
        Self::Json {
            path: quote(path),
            reason: quote(&error.to_string()),
        }
    }
}

/// The body of GitHub's errors; `errors` are objects, texts or anything else.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    #[serde(deserialize_with = "or_default")]
    message: String,
    errors: serde_json::Value,
}

/// For what is welcome but not needed: a value of another type counts as absent.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

impl Answer {
    pub(super) fn header(&self, name: impl AsRef<str>) -> Option<&str> {
        self.headers.get(name.as_ref())?.to_str().ok()
    }

    fn standard_header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// GitHub's clock when it answered.
    pub(super) fn date(&self) -> Option<DateTime<Utc>> {
        let date = self.standard_header(&DATE)?;
        Some(DateTime::parse_from_rfc2822(date).ok()?.to_utc())
    }

    pub(super) fn etag(&self) -> Option<&str> {
        self.standard_header(&ETAG)
    }

    /// GitHub's own words on an error, fit to be shown; empty when the body is none of GitHub's.
    pub(super) fn message(&self) -> String {
        quote(&self.error_body().message)
    }

    fn error_body(&self) -> ErrorBody {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The value of a 200; any other status is an error.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, GitHubError> {
        if !self.status.is_success() {
            return Err(self.refusal());
        }
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        let value = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| Fault::json(&error.path().to_string(), error.inner()))
            .map_err(GitHubError::unexpected)?;
        json.end()
            .map_err(|error| GitHubError::unexpected(Fault::json(".", &error)))?;
        Ok(value)
    }

    /// The entries of a list that can be read, and how many cannot.
    pub(super) fn json_list<T: DeserializeOwned>(&self) -> Result<(Vec<T>, usize), GitHubError> {
        let entries: Vec<serde_json::Value> = self.json()?;
        let all = entries.len();
        let read = entries.into_iter().map(serde_json::from_value);
        let readable: Vec<T> = read.filter_map(Result::ok).collect();
        let unreadable = all - readable.len();
        Ok((readable, unreadable))
    }

    /// What a status means when the call has no meaning of its own for it. Rate limits are told apart before.
    pub(super) fn refusal(&self) -> GitHubError {
        match self.status {
            StatusCode::UNAUTHORIZED => GitHubError::Unauthorized,
            StatusCode::FORBIDDEN => self.forbidden(),
            _ if self.is_missing() => GitHubError::NotFound,
            StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => self.blocked(),
            StatusCode::REQUEST_TIMEOUT => self.unavailable(),
            status if status.is_server_error() => self.unavailable(),
            _ => GitHubError::unexpected(self.fault()),
        }
    }

    /// GitHub's own 404. A page of HTML is some proxy's, and says nothing about what is at GitHub.
    pub(super) fn is_missing(&self) -> bool {
        let is_page = self
            .standard_header(&CONTENT_TYPE)
            .is_some_and(|kind| kind.starts_with("text/html"));
        self.status == StatusCode::NOT_FOUND && !is_page
    }

    fn forbidden(&self) -> GitHubError {
        let body = self.error_body();
        let message = body.message.to_ascii_lowercase();
        if message.is_empty() {
            // A proxy's page, not GitHub's answer.
            GitHubError::unexpected(self.fault())
        } else if message.contains("suspended") {
            GitHubError::AccessLost(AccessLost::Suspended)
        } else if message.contains("not accessible by integration") {
            self.permission_missing()
        } else {
            self.blocked()
        }
    }

    /// A 403 by which GitHub says that the file itself is too large for its API.
    pub(super) fn is_too_large(&self) -> bool {
        let body = self.error_body();
        let too_large = |detail: &serde_json::Value| detail["code"] == "too_large";
        self.status == StatusCode::FORBIDDEN
            && body
                .errors
                .as_array()
                .is_some_and(|errors| errors.iter().any(too_large))
    }

    pub(super) fn permission_missing(&self) -> GitHubError {
        let needed = self
            .header("x-accepted-github-permissions")
            .map_or_else(|| self.message(), quote);
        GitHubError::AccessLost(AccessLost::PermissionMissing { needed })
    }

    fn blocked(&self) -> GitHubError {
        let reason = match self.message() {
            message if message.is_empty() => format!("status {}", self.status.as_u16()),
            message => message,
        };
        GitHubError::AccessLost(AccessLost::Blocked { reason })
    }

    pub(super) fn unavailable(&self) -> GitHubError {
        GitHubError::unavailable(self.fault())
    }

    pub(super) fn unexpected(&self) -> GitHubError {
        GitHubError::unexpected(self.fault())
    }

    fn fault(&self) -> Fault {
        Fault::Status {
            status: self.status.as_u16(),
            message: match self.message() {
                message if message.is_empty() => "(not in GitHub's words)".to_owned(),
                message => message,
            },
        }
    }
}
