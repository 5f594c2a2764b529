//! What GitHub answers, or somebody in its place.

use bindery::github::client::fuzz::Raw;
use chrono::{DateTime, TimeDelta, Utc};

use super::{assert_sayable, split_line};

const STATUSES: [u16; 12] = [200, 201, 304, 401, 403, 404, 409, 422, 429, 451, 500, 503];
const HEADERS: [&str; 8] = [
    "date",
    "retry-after",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "link",
    "etag",
    "content-type",
    "x-accepted-github-permissions",
];

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).expect("an instant")
}

/// A line for the status, one for each header, the rest is the body.
fn with_answer(bytes: &[u8], check: impl FnOnce(Raw<'_>)) {
    let (status, mut rest) = split_line(bytes);
    let status = status.first().copied().unwrap_or_default();
    let mut headers = Vec::new();
    for name in HEADERS {
        let (value, after) = split_line(rest);
        rest = after;
        if !value.is_empty() {
            headers.push((name, value));
        }
    }
    check(Raw {
        status: STATUSES[usize::from(status) % STATUSES.len()],
        headers: &headers,
        body: rest,
        at: now(),
    });
}

/// However it lies, it stops us for a second at least and a day at most, and what is said of it is fit to be read.
pub(super) fn answer(bytes: &[u8]) {
    with_answer(bytes, |raw| {
        if let Some(pause) = raw.pause() {
            assert!(
                pause >= TimeDelta::seconds(1) && pause <= TimeDelta::hours(24),
                "{pause}"
            );
        }
        if let Some(cursor) = raw.cursor() {
            assert!(cursor.len() <= bytes.len());
        }
        for error in raw.errors() {
            assert_sayable(&error, 4_000);
            for secret in ["ghs_", "github_pat_", "eyJ", "-----BEGIN"] {
                assert!(!error.contains(secret), "{secret} in {error}");
            }
        }
    });
}

/// A token is used for a minute at least and a day at most, whatever is said of its end.
pub(super) fn mint(bytes: &[u8]) {
    with_answer(bytes, |raw| {
        let serves = |long| raw.token_serves_for(long);
        if let Some(serves_at_first) = serves(TimeDelta::seconds(59)) {
            assert!(serves_at_first);
            assert_eq!(serves(TimeDelta::days(1)), Some(false));
        }
    });
}
