//! One request: its route, its query, and how much of an answer is read.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;

/// One request to GitHub, before anything is known of who asks.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    /// The path as the documentation writes it: what logs and metrics say instead of the URL.
    pub(super) route: &'static str,
    /// Below the API's base URL, encoded; `None` when it was built of parts that no path can hold.
    pub(super) path: Option<String>,
    pub(super) body: Option<serde_json::Value>,
    pub(super) accept: &'static str,
    pub(super) cap: Cap,
    /// Whether the answer is a link (302), and where it leads is for the asker to judge.
    pub(super) is_for_a_link: bool,
}

/// How much of an answer is read, in bytes after decompression.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cap {
    pub(super) what: &'static str,
    pub(super) bytes: u64,
    /// Whether more than that is a thing that is too large, and no fault of GitHub's.
    pub(super) is_of_a_thing: bool,
}

pub(super) const JSON: &str = "application/vnd.github+json";
/// A blob's bytes as they are, instead of base64 in JSON.
pub(super) const RAW: &str = "application/vnd.github.raw+json";

/// What stays as it is in a path segment (RFC 3986, "unreserved").
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl Request {
    /// `route` with each `{…}` replaced by the next of `segments`, encoded. A ref's `heads/a/b` keeps its slashes.
    pub(super) fn get(route: &'static str, segments: &[&dyn std::fmt::Display], cap: Cap) -> Self {
        Self {
            method: Method::GET,
            route,
            path: expand(route, segments),
            body: None,
            accept: JSON,
            cap,
            is_for_a_link: false,
        }
    }

    pub(super) fn post(
        route: &'static str,
        segments: &[&dyn std::fmt::Display],
        body: serde_json::Value,
        cap: Cap,
    ) -> Self {
        Self {
            method: Method::POST,
            body: Some(body),
            ..Self::get(route, segments, cap)
        }
    }

    pub(super) fn query(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        if let Some(path) = &mut self.path {
            let separator = if path.contains('?') { '&' } else { '?' };
            let value = value.to_string();
            let value = utf8_percent_encode(&value, ESCAPED);
            let _ = write!(path, "{separator}{name}={value}");
        }
        self
    }

    pub(super) fn for_a_link(mut self) -> Self {
        self.is_for_a_link = true;
        self
    }

    pub(super) fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }
}

/// Refuses what a URL would resolve away (`.`, `..`, empty): the request would reach another resource.
fn expand(route: &'static str, segments: &[&dyn std::fmt::Display]) -> Option<String> {
    let mut values = segments.iter();
    let mut path = String::with_capacity(route.len() + 64);
    for part in route.split('/').skip(1) {
        if !part.starts_with('{') {
            let _ = write!(path, "/{part}");
            continue;
        }
        let value = values.next()?.to_string();
        // Only `{ref}` may have slashes of its own.
        let inner: Vec<&str> = match part {
            "{ref}" => value.split('/').collect(),
            _ => vec![&value],
        };
        for segment in inner {
            if matches!(segment, "" | "." | "..") {
                return None;
            }
            let _ = write!(path, "/{}", utf8_percent_encode(segment, ESCAPED));
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: Cap = Cap {
        what: "answer",
        bytes: 1,
        is_of_a_thing: false,
    };

    #[test]
    fn encodes_what_a_path_cannot_hold() {
        let request = Request::get("/repos/{owner}/{repo}", &[&"a/../b", &"c?d#e%2Ff ü"], CAP);
        assert_eq!(
            request.path.as_deref(),
            Some("/repos/a%2F..%2Fb/c%3Fd%23e%252Ff%20%C3%BC")
        );
    }

    #[test]
    fn a_ref_keeps_its_slashes() {
        let route = "/repositories/{id}/commits/{ref}";
        let request = Request::get(route, &[&7, &"heads/feature/50%+1"], CAP).query("per_page", 1);
        assert_eq!(
            request.path.as_deref(),
            Some("/repositories/7/commits/heads/feature/50%25%2B1?per_page=1")
        );
    }

    #[test]
    fn a12_what_would_reach_another_resource_has_no_path() {
        for (owner, repo) in [("..", "x"), ("x", ".."), (".", "x"), ("", "x"), ("x", "")] {
            let request = Request::get("/repos/{owner}/{repo}", &[&owner, &repo], CAP);
            assert_eq!(request.path, None, "{owner:?}/{repo:?}");
        }
    }
}
