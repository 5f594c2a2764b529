use std::fmt;
use std::str::FromStr;

/// A branch or a tag, and always known which of the two.
///
/// Written and stored the way an operator does: a branch by its bare name, a tag as `refs/tags/x`
/// (and a branch whose own name begins with `refs/` in full, so that reading back is exact).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GitRef {
    Branch(String),
    Tag(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseRefError {
    #[error("a ref must not be empty")]
    Empty,
    #[error("a ref may have at most 255 bytes")]
    TooLong,
    #[error("a commit sha is not a ref: give a branch or a tag")]
    Commit,
    #[error("only refs/heads/… and refs/tags/… can be bound")]
    Namespace,
    #[error("not a valid ref name (see `git check-ref-format`)")]
    Malformed,
}

/// GitHub refuses names over 255 bytes.
const MAX_BYTES: usize = 255;

impl GitRef {
    pub fn is_tag(&self) -> bool {
        matches!(self, Self::Tag(_))
    }

    /// The name without its namespace.
    pub fn name(&self) -> &str {
        match self {
            Self::Branch(name) | Self::Tag(name) => name,
        }
    }

    /// `refs/heads/x` or `refs/tags/x`, as a push names it.
    pub fn full(&self) -> String {
        format!("refs/{}", self.short())
    }

    /// `heads/x` or `tags/x`: what GitHub is asked for, never the bare name.
    pub fn short(&self) -> String {
        match self {
            Self::Branch(name) => format!("heads/{name}"),
            Self::Tag(name) => format!("tags/{name}"),
        }
    }

    /// Reads the full form that events carry; `None` for other namespaces (`refs/pull/…`).
    pub fn from_full(full: &str) -> Option<Self> {
        let rest = full.strip_prefix("refs/")?;
        if let Some(name) = rest.strip_prefix("heads/") {
            is_valid_name(name).then(|| Self::Branch(name.to_owned()))
        } else if let Some(name) = rest.strip_prefix("tags/") {
            is_valid_name(name).then(|| Self::Tag(name.to_owned()))
        } else {
            None
        }
    }
}

/// What an operator writes: a bare name is a branch, `refs/heads/x` and `refs/tags/x` are exact.
impl FromStr for GitRef {
    type Err = ParseRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ParseRefError::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(ParseRefError::TooLong);
        }
        let known = text.starts_with("refs/heads/") || text.starts_with("refs/tags/");
        let git_ref = if text.starts_with("refs/") {
            let read = Self::from_full(text);
            read.ok_or(if known {
                ParseRefError::Malformed
            } else {
                ParseRefError::Namespace
            })?
        } else if is_valid_name(text) {
            Self::Branch(text.to_owned())
        } else {
            return Err(ParseRefError::Malformed);
        };
        // A branch may be called like a commit; to git and to GitHub it would be the commit.
        let name = git_ref.name();
        if name.len() == 40 && name.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ParseRefError::Commit);
        }
        Ok(git_ref)
    }
}

impl fmt::Display for GitRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) if name.starts_with("refs/") => write!(f, "refs/heads/{name}"),
            Self::Branch(name) => f.write_str(name),
            Self::Tag(name) => write!(f, "refs/tags/{name}"),
        }
    }
}

/// Git's own rules (`git check-ref-format`), and that a branch must not begin with a dash.
fn is_valid_name(name: &str) -> bool {
    let forbidden = |c: char| {
        c.is_ascii_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\')
    };
    !name.is_empty()
        && name != "@"
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && !name.chars().any(forbidden)
        && name
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_a_branch_and_the_full_forms_are_exact() {
        let cases = [
            ("main", "refs/heads/main", "main"),
            ("refs/heads/main", "refs/heads/main", "main"),
            ("refs/tags/v1", "refs/tags/v1", "refs/tags/v1"),
            ("heads/main", "refs/heads/heads/main", "heads/main"),
            (
                "refs/heads/refs/tags/x",
                "refs/heads/refs/tags/x",
                "refs/heads/refs/tags/x",
            ),
            ("feature/ünï", "refs/heads/feature/ünï", "feature/ünï"),
        ];
        for (written, full, shown) in cases {
            let git_ref: GitRef = written.parse().expect(written);
            assert_eq!(
                (git_ref.full().as_str(), git_ref.to_string().as_str()),
                (full, shown)
            );
            assert_eq!(
                shown.parse::<GitRef>().as_ref(),
                Ok(&git_ref),
                "what is shown reads back"
            );
            assert_eq!(GitRef::from_full(full).as_ref(), Some(&git_ref));
        }
    }

    #[test]
    fn refuses_what_git_refuses() {
        let bad = [
            "",
            "--upload-pack=x",
            "-x",
            "a..b",
            "a@{b",
            "@",
            "a~1",
            "a b",
            "x.lock",
            "a/x.lock/b",
            ".a",
            "a/.b",
            "a//b",
            "/a",
            "a/",
            "a.",
            "a\\b",
            "a:b",
            "a^",
            "a?",
            "a*",
            "a[",
            "a\u{7f}",
            "a\0b",
            "a\nb",
            "refs/heads/",
            "refs/pull/1/head",
            "refs/heads/a..b",
            "0123456789abcdef0123456789abcdef01234567",
            "refs/heads/0123456789abcdef0123456789abcdef01234567",
            "refs/tags/0123456789abcdef0123456789abcdef01234567",
        ];
        for name in bad {
            assert!(name.parse::<GitRef>().is_err(), "{name:?}");
        }
        assert!("x".repeat(256).parse::<GitRef>().is_err());
    }
}
