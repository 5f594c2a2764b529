//! Why a delivery is not taken: what the sender is told, and what the log says.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use actix_web::ResponseError;
use actix_web::http::header::{HeaderMap, HeaderValue};

use crate::github::header;
use crate::routes::problem::{ApiError, Kind};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing proves that it is GitHub's. Which cause is for the log alone.
    Unauthorized(&'static str),
    BadRequest(&'static str),
    /// Signed, and kept, and of no use.
    Unusable(String),
    MediaType,
    HeadTooLarge,
    TooLarge,
    Timeout,
    /// The settings of the GitHub App are missing.
    NotConfigured,
    /// The bodies under way hold all the memory that they may.
    Busy,
    /// Why is for the log alone.
    NotStored(String),
}

impl Refusal {
    /// A stable code for logs and metrics.
    fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized(code) => code,
            Self::BadRequest(_) => "bad_request",
            Self::Unusable(_) => "unusable",
            Self::MediaType => "media_type",
            Self::HeadTooLarge => "head_too_large",
            Self::TooLarge => "too_large",
            Self::Timeout => "timeout",
            Self::NotConfigured => "not_configured",
            Self::Busy => "busy",
            Self::NotStored(_) => "not_stored",
        }
    }

    /// Of a refusal that is no fault of the sender's.
    fn cause(&self) -> Option<&str> {
        match self {
            Self::NotStored(cause) => Some(cause),
            _ => None,
        }
    }
}

impl From<&Refusal> for ApiError {
    fn from(refusal: &Refusal) -> Self {
        let (kind, detail) = match refusal {
            Refusal::Unauthorized(_) => (
                Kind::UnprovenDelivery,
                "the delivery is not signed by a webhook secret of ours",
            ),
            Refusal::BadRequest(what) => (Kind::UnusableDelivery, *what),
            Refusal::Unusable(why) => (Kind::UnusableDelivery, why.as_str()),
            Refusal::MediaType => (
                Kind::NotADelivery,
                "send application/json or, unless the service refuses forms, \
                 application/x-www-form-urlencoded, not compressed",
            ),
            Refusal::HeadTooLarge => (
                Kind::HeadTooLarge,
                "the headers are larger than GitHub's ever are",
            ),
            Refusal::TooLarge => (
                Kind::BodyTooLarge,
                "the body is larger than any that GitHub sends, or than this service takes",
            ),
            Refusal::Timeout => (Kind::BodyTimeout, "the body did not arrive in time"),
            Refusal::NotConfigured => (
                Kind::NoApp,
                "whoever runs this service has to configure its GitHub App first: \
                 GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and GITHUB_WEBHOOK_SECRET",
            ),
            Refusal::Busy => (
                Kind::Unavailable,
                "too many large deliveries at once; send it again",
            ),
            Refusal::NotStored(_) => (
                Kind::Unavailable,
                "the delivery could not be stored; send it again",
            ),
        };
        Self::new(kind, detail)
    }
}

/// Lines a second; a flood of bad signatures must not become a flood of logs.
const LINES: u32 = 100;

/// One line a refusal, up to [`LINES`] a second; then only how many were left out.
#[derive(Debug, Default)]
pub(super) struct LogSampler {
    second: AtomicI64,
    lines: AtomicU32,
}

impl LogSampler {
    /// Tells of a refusal, and gives its answer.
    pub(super) fn log(&self, refusal: &Refusal, headers: &HeaderMap) -> ApiError {
        let (answer, code) = (ApiError::from(refusal), refusal.code());
        metrics::counter!("bindery_deliveries_refused_total", "reason" => code).increment(1);
        if self.admits(chrono::Utc::now().timestamp()) {
            tracing::warn!(
                status = answer.status_code().as_u16(),
                reason = code,
                cause = refusal.cause(),
                event = shown(headers, header::EVENT),
                guid = shown(headers, header::DELIVERY),
                "refused a delivery"
            );
        }
        answer
    }

    fn admits(&self, second: i64) -> bool {
        if self.second.swap(second, Ordering::Relaxed) != second {
            let left_out = self.lines.swap(0, Ordering::Relaxed).saturating_sub(LINES);
            if left_out > 0 {
                tracing::warn!(left_out, "refused more deliveries than were logged");
            }
        }
        self.lines.fetch_add(1, Ordering::Relaxed) < LINES
    }
}

/// A stranger's header as it may stand in a log: escaped, and cut.
fn shown(headers: &HeaderMap, name: &str) -> String {
    let bytes = headers
        .get(name)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    let cut = &bytes[..bytes.len().min(64)];
    cut.escape_ascii().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w59_a_flood_is_logged_by_its_first_hundred_a_second() {
        let sampler = LogSampler::default();
        let admitted = |second| (0..250).filter(|_| sampler.admits(second)).count();
        assert_eq!((admitted(7), admitted(7), admitted(8)), (100, 0, 100));
    }

    #[test]
    fn w03_all_causes_of_a_401_are_one_answer() {
        let answer = |cause| ApiError::from(&Refusal::Unauthorized(cause)).to_string();
        assert_eq!(answer("sig_missing"), answer("signature_mismatch"));
    }
}
