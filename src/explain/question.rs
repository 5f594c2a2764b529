//! What can be asked.

use std::fmt;
use std::str::FromStr;

use crate::git::Oid;
use crate::github::RepositoryName;
use crate::github::ids::RepositoryId;
use crate::ids::BindingId;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A delivery by its GUID: one, or one of each App that heard of the event.
    Delivery(String),
    Commit {
        repository: Sought,
        commit: Oid,
    },
    Binding(BindingId),
}

/// A repository as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    Id(RepositoryId),
    /// As it was requested, or is called now.
    Name(RepositoryName),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("GitHub's numeric id or `owner/name` is expected")]
pub struct ParseSoughtError;

/// Longer than GitHub's names are.
const MAX_BYTES: usize = 256;

impl FromStr for Sought {
    type Err = ParseSoughtError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_BYTES || text.chars().any(char::is_control) {
            return Err(ParseSoughtError);
        }
        if let Some(id) = text.parse().ok().and_then(RepositoryId::new) {
            return Ok(Self::Id(id));
        }
        match text.split_once('/') {
            Some((owner, name)) if !owner.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self::Name(RepositoryName::new(owner, name)))
            }
            _ => Err(ParseSoughtError),
        }
    }
}

impl fmt::Display for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "repository {id}"),
            Self::Name(name) => write!(f, "{name}"),
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivery(guid) => write!(f, "the delivery {guid}"),
            Self::Commit { repository, commit } => write!(f, "the commit {commit} of {repository}"),
            Self::Binding(id) => write!(f, "the binding {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_named_by_its_id_or_its_name() {
        let name = RepositoryName::new("octo", "templates");
        assert_eq!("octo/templates".parse(), Ok(Sought::Name(name)));
        let id = RepositoryId::new(42).map(Sought::Id);
        assert_eq!("42".parse::<Sought>().ok(), id);
        for bad in [
            "",
            "octo",
            "/",
            "octo/",
            "/x",
            "a/b/c",
            "0",
            "-1",
            "a/\n",
            &"x/".repeat(200),
        ] {
            assert_eq!(bad.parse::<Sought>(), Err(ParseSoughtError), "{bad}");
        }
    }
}
