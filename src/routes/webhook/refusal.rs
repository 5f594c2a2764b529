//! Why a delivery is not taken: what the sender is told, and what the log says.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, RETRY_AFTER};
use serde_json::json;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing proves that it is GitHub's. Which cause is for the log alone.
    Unauthorized(&'static str),
    BadRequest(&'static str),
    /// Signed, and kept, and of no use.
    Unusable(String),
    MediaType,
    TooLarge,
    Timeout,
    /// The settings of the GitHub App are missing.
    NotConfigured,
    NotStored,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::BadRequest(_) | Self::Unusable(_) => StatusCode::BAD_REQUEST,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::NotConfigured | Self::NotStored => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// A stable code for logs and metrics.
    fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized(code) => code,
            Self::BadRequest(_) => "bad_request",
            Self::Unusable(_) => "unusable",
            Self::MediaType => "media_type",
            Self::TooLarge => "too_large",
            Self::Timeout => "timeout",
            Self::NotConfigured => "not_configured",
            Self::NotStored => "not_stored",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Unauthorized(_) => {
                "the delivery is not signed by a webhook secret of ours".to_owned()
            }
            Self::BadRequest(what) => (*what).to_owned(),
            Self::Unusable(why) => why.clone(),
            Self::MediaType => {
                "send application/json or application/x-www-form-urlencoded, not compressed"
                    .to_owned()
            }
            Self::TooLarge => "the body is larger than GitHub ever sends".to_owned(),
            Self::Timeout => "the body did not arrive in time".to_owned(),
            Self::NotConfigured => "this server has no GitHub App configured yet".to_owned(),
            Self::NotStored => "the delivery could not be stored; send it again".to_owned(),
        }
    }

    pub(super) fn into_response(self) -> HttpResponse {
        let status = self.status();
        let mut answer = HttpResponse::build(status);
        match self {
            Self::NotConfigured | Self::NotStored => {
                answer.insert_header((RETRY_AFTER, "10"));
            }
            // The rest of the body is not waited for.
            Self::TooLarge | Self::Timeout => {
                answer.force_close();
            }
            _ => {}
        }
        let title = status.canonical_reason().unwrap_or("Refused");
        let problem = json!({
            "type": format!("/problems/webhook-{}", status.as_u16()),
            "title": title,
            "status": status.as_u16(),
            "detail": self.detail(),
        });
        answer
            .content_type("application/problem+json")
            .body(problem.to_string())
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
    pub(super) fn log(&self, refusal: &Refusal, headers: &HeaderMap) {
        let (status, code) = (refusal.status(), refusal.code());
        metrics::counter!("bindery_deliveries_refused_total", "reason" => code).increment(1);
        let second = chrono::Utc::now().timestamp();
        if self.second.swap(second, Ordering::Relaxed) != second {
            let left_out = self.lines.swap(0, Ordering::Relaxed).saturating_sub(LINES);
            if left_out > 0 {
                tracing::warn!(left_out, "refused more deliveries than were logged");
            }
        }
        if self.lines.fetch_add(1, Ordering::Relaxed) >= LINES {
            return;
        }
        let (event, guid) = (
            shown(headers, "x-github-event"),
            shown(headers, "x-github-delivery"),
        );
        tracing::warn!(
            status = status.as_u16(),
            reason = code,
            event,
            guid,
            "refused a delivery"
        );
    }
}

/// A stranger's header as it may stand in a log: escaped, and cut.
fn shown(headers: &HeaderMap, name: &str) -> String {
    let bytes = headers
        .get(name)
        .map(actix_web::http::header::HeaderValue::as_bytes)
        .unwrap_or_default();
    let cut = &bytes[..bytes.len().min(64)];
    cut.escape_ascii().to_string()
}
