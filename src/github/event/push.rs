use serde::Deserialize;

use super::UnusablePayload;
use super::names::{Installation, Owner, plain, plain_or_null};
use crate::git::{GitRef, Oid};
use crate::github::RepositoryName;
use crate::github::ids::{InstallationId, OwnerId, RepositoryId};

/// A ref moved, appeared or went.
#[derive(Debug, Clone)]
pub struct Push {
    /// As sent: `refs/heads/x`, `refs/tags/x`, or a namespace that cannot be bound.
    pub git_ref: String,
    /// The same, understood; `None` outside `refs/heads/` and `refs/tags/`.
    pub parsed_ref: Option<GitRef>,
    /// Zero when the ref was created.
    pub before: Oid,
    /// Zero when the ref was deleted.
    pub after: Oid,
    pub created: bool,
    pub deleted: bool,
    pub forced: bool,
    pub repository: PushRepository,
    pub installation_id: Option<InstallationId>,
    /// At most 2,048; `None` when the payload lists none.
    pub commits: Option<Vec<PushCommit>>,
}

/// The repository as it was called when the push was sent.
#[derive(Debug, Clone)]
pub struct PushRepository {
    pub id: RepositoryId,
    pub name: RepositoryName,
    pub owner_id: Option<OwnerId>,
    pub default_branch: Option<String>,
}

/// The paths that one commit touched: at most 3,000 of them are listed.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct PushCommit {
    #[serde(default)]
    pub added: Vec<String>,
    #[serde(default)]
    pub modified: Vec<String>,
    #[serde(default)]
    pub removed: Vec<String>,
}

impl Push {
    pub(super) fn parse(body: &[u8]) -> Result<Self, UnusablePayload> {
        super::parse::<Payload>(body)?.try_into()
    }

    /// Whether GitHub says that the ref is gone.
    pub fn is_deletion(&self) -> bool {
        self.deleted || self.after.is_zero()
    }
}

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "ref", deserialize_with = "plain")]
    git_ref: String,
    before: Oid,
    after: Oid,
    #[serde(default)]
    created: bool,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    forced: bool,
    repository: Repository,
    installation: Option<Installation>,
    commits: Option<Vec<PushCommit>>,
}

#[derive(Deserialize)]
struct Repository {
    id: RepositoryId,
    #[serde(deserialize_with = "plain")]
    name: String,
    owner: Owner,
    #[serde(default, deserialize_with = "plain_or_null")]
    default_branch: Option<String>,
}

impl TryFrom<Payload> for Push {
    type Error = UnusablePayload;

    fn try_from(payload: Payload) -> Result<Self, UnusablePayload> {
        Ok(Self {
            parsed_ref: GitRef::from_full(&payload.git_ref),
            git_ref: payload.git_ref,
            before: payload.before,
            after: payload.after,
            created: payload.created,
            deleted: payload.deleted,
            forced: payload.forced,
            repository: payload.repository.try_into()?,
            installation_id: payload.installation.map(|installation| installation.id),
            commits: payload.commits,
        })
    }
}

impl TryFrom<Repository> for PushRepository {
    type Error = UnusablePayload;

    fn try_from(repository: Repository) -> Result<Self, UnusablePayload> {
        let id = repository.owner.id;
        let owner = repository.owner.login()?;
        Ok(Self {
            id: repository.id,
            name: RepositoryName::new(owner, repository.name),
            owner_id: id,
            default_branch: repository.default_branch,
        })
    }
}
