use serde::Deserialize;

use super::UnusablePayload;
use super::names::{Installation, Owner, plain};
use crate::github::RepositoryName;
use crate::github::ids::{InstallationId, OwnerId, RepositoryId};

/// Something about a repository itself changed: its name, its owner, who may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryEvent {
    pub action: RepositoryAction,
    pub id: RepositoryId,
    /// As it was called when the event was sent.
    pub name: RepositoryName,
    pub owner_id: Option<OwnerId>,
    /// What it was called before, where the event says so.
    pub former_name: Option<RepositoryName>,
    pub installation_id: Option<InstallationId>,
}

/// What is done with an event depends on this alone; what else it says is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryAction {
    Created,
    Renamed,
    Transferred,
    /// Among others, another default branch.
    Edited,
    Archived,
    Unarchived,
    Privatized,
    Publicized,
    /// GitHub's documentation says that Apps never hear of it.
    Deleted,
    /// One that GitHub has added since.
    Other(String),
}

impl RepositoryAction {
    fn of(action: &str) -> Self {
        match action {
            "created" => Self::Created,
            "renamed" => Self::Renamed,
            "transferred" => Self::Transferred,
            "edited" => Self::Edited,
            "archived" => Self::Archived,
            "unarchived" => Self::Unarchived,
            "privatized" => Self::Privatized,
            "publicized" => Self::Publicized,
            "deleted" => Self::Deleted,
            other => Self::Other(other.to_owned()),
        }
    }
}

#[derive(Deserialize)]
struct Payload {
    #[serde(deserialize_with = "plain")]
    action: String,
    repository: Repository,
    #[serde(default)]
    changes: Option<Changes>,
    installation: Option<Installation>,
}

#[derive(Deserialize)]
struct Repository {
    id: RepositoryId,
    #[serde(deserialize_with = "plain")]
    name: String,
    owner: Owner,
}

#[derive(Deserialize, Default)]
struct Changes {
    #[serde(default)]
    repository: Option<RepositoryChange>,
    #[serde(default)]
    owner: Option<OwnerChange>,
}

#[derive(Deserialize)]
struct RepositoryChange {
    name: Option<From>,
}

#[derive(Deserialize)]
struct From {
    #[serde(deserialize_with = "plain")]
    from: String,
}

#[derive(Deserialize)]
struct OwnerChange {
    from: Option<FormerOwner>,
}

/// GitHub's published schema lists `user` only; transfers from an organisation have the other.
#[derive(Deserialize)]
struct FormerOwner {
    user: Option<Owner>,
    organization: Option<Owner>,
}

impl RepositoryEvent {
    pub(super) fn parse(body: &[u8]) -> Result<Self, UnusablePayload> {
        super::parse::<Payload>(body)?.try_into()
    }
}

impl TryFrom<Payload> for RepositoryEvent {
    type Error = UnusablePayload;

    fn try_from(payload: Payload) -> Result<Self, UnusablePayload> {
        let Payload {
            action,
            repository,
            changes,
            installation,
        } = payload;
        let owner_id = repository.owner.id;
        let name = RepositoryName::new(repository.owner.login()?, repository.name);
        Ok(Self {
            action: RepositoryAction::of(&action),
            id: repository.id,
            owner_id,
            former_name: former_name(changes.unwrap_or_default(), &name)?,
            name,
            installation_id: installation.map(|installation| installation.id),
        })
    }
}

fn former_name(
    changes: Changes,
    now: &RepositoryName,
) -> Result<Option<RepositoryName>, UnusablePayload> {
    let name = changes.repository.and_then(|change| change.name);
    let owner = changes
        .owner
        .and_then(|change| change.from)
        .and_then(|from| from.organization.or(from.user))
        .map(Owner::login)
        .transpose()?;
    if name.is_none() && owner.is_none() {
        return Ok(None);
    }
    let owner = owner.unwrap_or_else(|| now.owner.clone());
    let name = name.map_or_else(|| now.name.clone(), |name| name.from);
    Ok(Some(RepositoryName::new(owner, name)))
}
