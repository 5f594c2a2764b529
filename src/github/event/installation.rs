use serde::Deserialize;

use super::UnusablePayload;
use super::names::{Installation, plain, split};
use crate::github::RepositoryName;
use crate::github::ids::{InstallationId, RepositoryId};

/// The App was installed, suspended, given other permissions, or taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallationEvent {
    pub action: InstallationAction,
    pub id: InstallationId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallationAction {
    Created,
    Deleted,
    Suspend,
    Unsuspend,
    NewPermissionsAccepted,
    Other(String),
}

/// Repositories were added to an installation, or taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallationRepositoriesEvent {
    pub action: SelectionAction,
    pub id: InstallationId,
    pub added: Vec<NamedRepository>,
    /// Empty when "all repositories" was narrowed: GitHub then says `added`, and nothing was.
    pub removed: Vec<NamedRepository>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectionAction {
    Added,
    Removed,
    Other(String),
}

/// A repository as it is listed by an installation's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRepository {
    pub id: RepositoryId,
    /// `None` when the event gives none that can be read.
    pub name: Option<RepositoryName>,
}

#[derive(Deserialize)]
struct InstallationPayload {
    #[serde(deserialize_with = "plain")]
    action: String,
    installation: Installation,
}

#[derive(Deserialize)]
struct SelectionPayload {
    #[serde(deserialize_with = "plain")]
    action: String,
    installation: Installation,
    #[serde(default)]
    repositories_added: Option<Vec<Listed>>,
    #[serde(default)]
    repositories_removed: Option<Vec<Listed>>,
}

#[derive(Deserialize)]
struct Listed {
    id: RepositoryId,
    full_name: Option<String>,
}

impl From<Listed> for NamedRepository {
    fn from(listed: Listed) -> Self {
        Self {
            id: listed.id,
            name: listed.full_name.as_deref().and_then(split),
        }
    }
}

impl InstallationEvent {
    pub(super) fn parse(body: &[u8]) -> Result<Self, UnusablePayload> {
        let payload: InstallationPayload = super::parse(body)?;
        Ok(Self {
            action: match payload.action.as_str() {
                "created" => InstallationAction::Created,
                "deleted" => InstallationAction::Deleted,
                "suspend" => InstallationAction::Suspend,
                "unsuspend" => InstallationAction::Unsuspend,
                "new_permissions_accepted" => InstallationAction::NewPermissionsAccepted,
                other => InstallationAction::Other(other.to_owned()),
            },
            id: payload.installation.id,
        })
    }
}

impl InstallationRepositoriesEvent {
    pub(super) fn parse(body: &[u8]) -> Result<Self, UnusablePayload> {
        let payload: SelectionPayload = super::parse(body)?;
        let named = |listed: Option<Vec<Listed>>| {
            let listed = listed.unwrap_or_default();
            listed.into_iter().map(NamedRepository::from).collect()
        };
        Ok(Self {
            action: match payload.action.as_str() {
                "added" => SelectionAction::Added,
                "removed" => SelectionAction::Removed,
                other => SelectionAction::Other(other.to_owned()),
            },
            id: payload.installation.id,
            added: named(payload.repositories_added),
            removed: named(payload.repositories_removed),
        })
    }
}
