//! Entity tags, and the conditions that requests put on them (RFC 9110 §13).

use actix_web::http::header::{self, HeaderMap, HeaderName};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::problem::{ApiError, Kind};

/// A strong entity tag, with its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ETag(String);

impl ETag {
    /// Of something whose representation is this.
    pub(super) fn of(representation: &impl Serialize) -> Self {
        let json = serde_json::to_vec(representation).unwrap_or_default();
        Self::new(&hex::encode(&Sha256::digest(json)[..16]))
    }

    /// Of something that has a name for its exact bytes.
    pub(super) fn new(opaque: &str) -> Self {
        Self(format!("\"{opaque}\""))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the client has it already. A weak tag is as good as a strong one here.
    pub(super) fn is_known_to(&self, headers: &HeaderMap) -> bool {
        let tags = tags(headers, header::IF_NONE_MATCH);
        tags.iter()
            .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.0)
    }
}

/// What a `PUT` or a `DELETE` asks of the resource as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Precondition {
    None,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match: *`
    Present,
    /// `If-Match`: one of these.
    Matches(Vec<String>),
}

impl Precondition {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let matching = tags(headers, header::IF_MATCH);
        if matching.iter().any(|tag| tag == "*") {
            Self::Present
        } else if headers.contains_key(header::IF_MATCH) {
            // Also when no tag can be read in it: a condition that is not understood does not hold.
            Self::Matches(matching)
        } else if tags(headers, header::IF_NONE_MATCH)
            .iter()
            .any(|tag| tag == "*")
        {
            Self::Absent
        } else {
            Self::None
        }
    }

    /// Checks it against the tag of what is there, if something is.
    pub(super) fn check(&self, present: Option<&ETag>) -> Result<(), ApiError> {
        let holds = match self {
            Self::None => true,
            Self::Absent => present.is_none(),
            Self::Present => present.is_some(),
            Self::Matches(tags) => present.is_some_and(|etag| tags.contains(&etag.0)),
        };
        if holds { Ok(()) } else { Err(self.failed()) }
    }

    pub(super) fn failed(&self) -> ApiError {
        let detail = match self {
            Self::Absent => "it exists already",
            Self::Present => "it does not exist",
            Self::None | Self::Matches(_) => "it was changed since; read it again and decide anew",
        };
        ApiError::new(Kind::PreconditionFailed, detail)
    }
}

/// The members of a list of tags. A tag of ours has no comma in it.
fn tags(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().to_owned())
        .filter(|tag| !tag.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.append(
            name,
            HeaderValue::from_str(value).expect("a header's value"),
        );
        headers
    }

    #[test]
    fn a_client_has_what_it_names() {
        let etag = ETag::new("a1");
        for (value, known) in [
            ("\"a1\"", true),
            ("W/\"a1\"", true),
            ("\"b\", \"a1\"", true),
            ("*", true),
            ("a1", false),
            ("\"a2\"", false),
        ] {
            let headers = headers(header::IF_NONE_MATCH, value);
            assert_eq!(etag.is_known_to(&headers), known, "{value}");
        }
        assert!(!etag.is_known_to(&HeaderMap::new()));
    }

    #[test]
    fn preconditions_are_held_against_what_is_there() {
        let etag = ETag::new("a1");
        let cases = [
            (header::IF_MATCH, "\"a1\"", true, false),
            (header::IF_MATCH, "\"x\", \"a1\"", true, false),
            (header::IF_MATCH, "W/\"a1\"", false, false),
            (header::IF_MATCH, "\"x\"", false, false),
            (header::IF_MATCH, "", false, false),
            (header::IF_MATCH, " , ", false, false),
            (header::IF_MATCH, "*", true, false),
            (header::IF_NONE_MATCH, "*", false, true),
            (header::IF_NONE_MATCH, "\"a1\"", true, true),
        ];
        for (name, value, when_present, when_absent) in cases {
            let precondition = Precondition::of(&headers(name, value));
            assert_eq!(
                precondition.check(Some(&etag)).is_ok(),
                when_present,
                "{value}"
            );
            assert_eq!(precondition.check(None).is_ok(), when_absent, "{value}");
        }
    }
}
