use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::github::ids::{AppId, InstallationId, OwnerId, RepositoryId};

use super::rate::RateLimit;
use super::repository::Repository;

/// Which of an account's repositories an installation may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of them, those made later too.
    All,
    Selected(BTreeSet<RepositoryId>),
}

impl Selection {
    pub fn selected(repositories: impl IntoIterator<Item = RepositoryId>) -> Self {
        Self::Selected(repositories.into_iter().collect())
    }

    pub(super) fn includes(&self, repository: RepositoryId) -> bool {
        match self {
            Self::All => true,
            Self::Selected(chosen) => chosen.contains(&repository),
        }
    }

    /// `repository_selection` in GitHub's JSON.
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Selected(_) => "selected",
        }
    }
}

/// What an App may do, by GitHub's names: `contents` → `read`.
pub(super) type Permissions = BTreeMap<String, String>;

/// Without which an event is not told; `None`: it needs none.
pub(super) fn permission_for(event: &str) -> Option<&'static str> {
    match event {
        "create" | "delete" | "push" => Some("contents"),
        "organization" => Some("members"),
        "repository" => Some("metadata"),
        _ => None,
    }
}

/// An App on one account.
#[derive(Debug)]
pub(super) struct Installation {
    pub(super) id: InstallationId,
    pub(super) app: AppId,
    pub(super) account: OwnerId,
    pub(super) selection: Selection,
    pub(super) permissions: Permissions,
    pub(super) suspended_at: Option<DateTime<Utc>>,
    pub(super) uninstalled: bool,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) rate: RateLimit,
}

impl Installation {
    /// Whether its permissions are enough for an event.
    pub(super) fn may_hear(&self, event: &str) -> bool {
        permission_for(event).is_none_or(|needed| self.permissions.contains_key(needed))
    }

    /// Whether the repository is its account's and selected.
    pub(super) fn holds(&self, repository: &Repository) -> bool {
        self.account == repository.owner && self.selection.includes(repository.id)
    }

    /// Whether it holds the repository still.
    pub(super) fn covers(&self, repository: &Repository) -> bool {
        !self.uninstalled && self.holds(repository)
    }

    /// Whether GitHub lets the App work through it.
    pub(super) fn is_active(&self) -> bool {
        !self.uninstalled && self.suspended_at.is_none()
    }
}

/// An installation access token.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) installation: InstallationId,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) permissions: Permissions,
    /// Narrower than the installation, where the request asked for that.
    pub(super) repositories: Option<BTreeSet<RepositoryId>>,
}
