use serde::Deserialize;

use super::UnusablePayload;
use super::names::{Installation, Owner, plain, plain_or_null};
use super::push::PushRepository;
use crate::git::GitRef;
use crate::github::RepositoryName;
use crate::github::ids::{InstallationId, RepositoryId};

/// A branch or a tag was made, or deleted: `create` and `delete`.
#[derive(Debug, Clone)]
pub struct RefChange {
    /// As sent: a bare name.
    pub name: String,
    /// `None`: neither a branch nor a tag, or a name that git would not take.
    pub parsed_ref: Option<GitRef>,
    pub repository: PushRepository,
    pub installation_id: Option<InstallationId>,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "ref", deserialize_with = "plain")]
    name: String,
    #[serde(deserialize_with = "plain")]
    ref_type: String,
    repository: Repository,
    installation: Option<Installation>,
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

impl RefChange {
    pub(super) fn parse(body: &[u8]) -> Result<Self, UnusablePayload> {
        let payload: Payload = super::parse(body)?;
        let full = match payload.ref_type.as_str() {
            "branch" => Some(format!("refs/heads/{}", payload.name)),
            "tag" => Some(format!("refs/tags/{}", payload.name)),
            _ => None,
        };
        let owner_id = payload.repository.owner.id;
        let owner = payload.repository.owner.login()?;
        Ok(Self {
            name: payload.name,
            parsed_ref: full.as_deref().and_then(GitRef::from_full),
            repository: PushRepository {
                id: payload.repository.id,
                name: RepositoryName::new(owner, payload.repository.name),
                owner_id,
                default_branch: payload.repository.default_branch,
            },
            installation_id: payload.installation.map(|installation| installation.id),
        })
    }
}
