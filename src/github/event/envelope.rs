use super::fields::Fields;
use super::names::split;
use crate::github::RepositoryName;
use crate::github::ids::{InstallationId, RepositoryId};

/// What almost every event says, for the ledger to find a delivery by. Never trusted, never refused:
/// whatever is missing or of another type is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    pub action: Option<String>,
    pub repository_id: Option<RepositoryId>,
    pub repository_name: Option<RepositoryName>,
    pub installation_id: Option<InstallationId>,
}

impl Envelope {
    /// Of a body that is no JSON object, nothing is known.
    pub fn parse(body: &[u8]) -> Self {
        let Ok(fields) = Fields::read(body, ["action", "repository", "installation"]) else {
            return Self::default();
        };
        let repository = fields.inside(1, ["id", "full_name"]);
        Self {
            action: fields.text(0),
            repository_id: repository.value(0),
            repository_name: repository.text(1).and_then(|name| split(&name)),
            installation_id: fields.inside(2, ["id"]).value(0),
        }
    }
}
