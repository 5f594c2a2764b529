use std::fmt;
use std::str::FromStr;

use crate::git::path::check_name;

/// The folder of a repository that a binding holds: `/`, or `/a/b`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RootPath(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseRootPathError {
    #[error("a root path may have at most {MAX_BYTES} bytes")]
    TooLong,
    #[error("a root path must not hold control characters")]
    Control,
    #[error("a root path is written as it is, without percent-encoding")]
    Encoded,
    #[error("{0} is not allowed in a root path")]
    Unsafe(#[from] crate::git::path::UnsafeName),
}

const MAX_BYTES: usize = 1024;

impl RootPath {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders to walk, from the top; none for `/`.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// Whether a path of the repository (without a leading slash) lies under it.
    pub fn contains(&self, path: &str) -> bool {
        match self.0.strip_prefix('/') {
            None | Some("") => true,
            Some(root) => path
                .strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }
}

impl Default for RootPath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl FromStr for RootPath {
    type Err = ParseRootPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.chars().any(char::is_control) {
            return Err(ParseRootPathError::Control);
        }
        if is_encoded(text) {
            return Err(ParseRootPathError::Encoded);
        }
        let path = text.strip_prefix('/').unwrap_or(text);
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() {
            return Ok(Self::default());
        }
        // What is stored begins with a slash, and is read again by this.
        if path.len() >= MAX_BYTES {
            return Err(ParseRootPathError::TooLong);
        }
        path.split('/').try_for_each(check_name)?;
        Ok(Self(format!("/{path}")))
    }
}

/// Whether it hides a character that would not be allowed: `%2e`, `%2f`, `%5c`, `%00`.
fn is_encoded(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["%2e", "%2f", "%5c", "%00", "%25"]
        .iter()
        .any(|code| lower.contains(code))
}

impl fmt::Display for RootPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_normalised_once() {
        let cases = [
            ("", "/"),
            ("/", "/"),
            ("a", "/a"),
            ("/a/", "/a"),
            ("a/b/", "/a/b"),
            ("/ünï/x y", "/ünï/x y"),
        ];
        for (written, normal) in cases {
            assert_eq!(
                written.parse::<RootPath>().map(|path| path.0).as_deref(),
                Ok(normal),
                "{written}"
            );
        }
    }

    #[test]
    fn what_is_stored_reads_back() {
        for path in ["", "a", &"x".repeat(1023)] {
            let stored: RootPath = path.parse().expect("a root path");
            assert_eq!(stored.as_str().parse().as_ref(), Ok(&stored));
        }
        assert!("x".repeat(1024).parse::<RootPath>().is_err());
    }

    #[test]
    fn a10_refuses_what_could_escape() {
        let long = "a/".repeat(2500);
        let bad = [
            "..", "../..", "a/../b", "./a", "a//b", "//a", "a\\b", "a\0b", "a\nb", ".git",
            "a/.GIT/b", "%2e%2e", "%2E%2e/x", "a%2fb", "C:/x", &long,
        ];
        for path in bad {
            assert!(path.parse::<RootPath>().is_err(), "{path:?}");
        }
    }

    #[test]
    fn contains_what_lies_under_it_and_no_namesake() {
        let root: RootPath = "docs/api".parse().expect("a root path");
        for inside in ["docs/api", "docs/api/a", "docs/api/b/c"] {
            assert!(root.contains(inside), "{inside}");
        }
        for outside in [
            "docs",
            "docs/apis/a",
            "docs/ap",
            "Docs/api/a",
            "x/docs/api/a",
        ] {
            assert!(!root.contains(outside), "{outside}");
        }
        assert!(RootPath::default().contains("anything"));
    }
}
