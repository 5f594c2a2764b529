//! What is bound, as people write it: `owner/repo@ref:/path`.

use std::fmt;
use std::str::FromStr;

use super::{BindingRequest, BindingSpec, InvalidField, RootPath};
use crate::git::GitRef;
use crate::github::RepositoryName;

/// `octo/templates`, `octo/templates@main`, `octo/templates@refs/tags/v1:/themes/default`. Without a ref it is
/// the default branch, without a path the whole repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub repository: RepositoryName,
    pub git_ref: Option<GitRef>,
    pub root_path: RootPath,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseWrittenError {
    #[error(
        "what to bind is written owner/repo, owner/repo@ref or owner/repo@ref:/path, such as octo/templates@main:/themes/default"
    )]
    Shape,
    #[error("write owner/repo, such as octo/templates, and not the address of a page")]
    Url,
    #[error("a path begins with a slash: owner/repo@ref:/path")]
    RelativePath,
    #[error("{0}")]
    Part(String),
}

impl FromStr for Written {
    type Err = ParseWrittenError;

    /// A ref cannot hold a colon, nor a repository's name an `@`: so the first of each ends what is before it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains("://") {
            return Err(ParseWrittenError::Url);
        }
        let (source, root_path) = match text.split_once(':') {
            Some((source, path)) if path.starts_with('/') => (source, Some(path)),
            Some(_) => return Err(ParseWrittenError::RelativePath),
            None => (text, None),
        };
        let (name, git_ref) = match source.split_once('@') {
            Some((name, git_ref)) => (name, Some(git_ref)),
            None => (source, None),
        };
        let (owner, repo) = name.split_once('/').ok_or(ParseWrittenError::Shape)?;
        let request = BindingRequest {
            github_owner: owner.to_owned(),
            github_repo: repo.to_owned(),
            github_host: None,
            github_ref: git_ref.map(ToOwned::to_owned),
            root_path: root_path.map(ToOwned::to_owned),
            required_files: None,
        };
        // Which GitHub it is on, it does not say.
        let understood = request.parse(&[], &["github.com"]);
        understood.map(Self::from).map_err(|invalid| {
            let reasons = invalid
                .into_iter()
                .map(|InvalidField { reason, .. }| reason);
            ParseWrittenError::Part(reasons.collect::<Vec<_>>().join("; "))
        })
    }
}

impl From<BindingSpec> for Written {
    fn from(spec: BindingSpec) -> Self {
        Self {
            repository: spec.repository,
            git_ref: spec.git_ref,
            root_path: spec.root_path,
        }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(git_ref) = &self.git_ref {
            write!(f, "@{git_ref}")?;
        }
        match self.root_path.as_str() {
            "/" => Ok(()),
            path => write!(f, ":{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for text in [
            "octo/templates",
            "octo/templates@main",
            "octo/templates@feature/a@b",
            "octo/templates@refs/tags/v1",
            "octo/templates:/themes",
            "octo/templates@main:/themes/a b@c",
        ] {
            let written: Written = text.parse().expect(text);
            assert_eq!(written.to_string(), text);
        }
        let written: Written = "octo/x@refs/heads/main:/a/".parse().expect("a source");
        assert_eq!(written.to_string(), "octo/x@main:/a");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("octo", "owner/repo@ref"),
            ("https://github.com/octo/templates", "the address of a page"),
            ("octo/templates@main:themes", "begins with a slash"),
            ("octo/a/b", "letters, digits"),
            ("-octo/a", "single hyphens"),
            ("octo/templates@", "must not be empty"),
            ("octo/templates:/a/../b", "not allowed"),
            ("octo/a.git@a..b", "without `.git`; not a valid ref"),
        ] {
            let error = text.parse::<Written>().expect_err(text).to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
