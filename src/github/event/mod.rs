//! What a delivery says, as far as it is used: every field that is not used may be missing, new or of another type.

mod account;
mod envelope;
mod fields;
mod installation;
mod names;
mod ping;
mod push;
mod ref_change;
mod repository;

use fields::Fields;

pub use account::{AccountAction, AccountEvent};
pub use envelope::Envelope;
pub use installation::{
    InstallationAction, InstallationEvent, InstallationRepositoriesEvent, NamedRepository,
    SelectionAction,
};
pub use ping::Ping;
pub use push::{Push, PushCommit, PushRepository};
pub use ref_change::RefChange;
pub use repository::{RepositoryAction, RepositoryEvent};

use super::quote::quote;

/// One webhook event. Always a hint to look at GitHub, never the truth.
#[derive(Debug, Clone)]
pub enum Event {
    Push(Push),
    Ping(Ping),
    /// `create` or `delete`.
    RefChange(RefChange),
    Repository(RepositoryEvent),
    /// `organization` or `installation_target`.
    Account(AccountEvent),
    Installation(InstallationEvent),
    InstallationRepositories(InstallationRepositoriesEvent),
    /// One that nothing is done with; its words are kept for the ledger.
    Other {
        event: String,
        action: Option<String>,
    },
}

impl Event {
    /// Reads `body` as the event that `X-GitHub-Event` names. Unknown events and actions are fine; GitHub adds some every year.
    ///
    /// # Errors
    /// When a field that is used has another type than GitHub gives it, or the body is no JSON object.
    pub fn parse(event_name: &str, body: &[u8]) -> Result<Self, UnusablePayload> {
        match event_name {
            "push" => Push::parse(body).map(Self::Push),
            "ping" => Ping::parse(body).map(Self::Ping),
            "create" | "delete" => RefChange::parse(body).map(Self::RefChange),
            "repository" => RepositoryEvent::parse(body).map(Self::Repository),
            "organization" | "installation_target" => AccountEvent::parse(body).map(Self::Account),
            "installation" => InstallationEvent::parse(body).map(Self::Installation),
            "installation_repositories" => {
                InstallationRepositoriesEvent::parse(body).map(Self::InstallationRepositories)
            }
            other => Ok(Self::Other {
                event: other.to_owned(),
                action: Fields::read(body, ["action"])?.text(0),
            }),
        }
    }
}

/// The events of which something is made.
const USED: [&str; 9] = [
    "push",
    "ping",
    "create",
    "delete",
    "repository",
    "organization",
    "installation_target",
    "installation",
    "installation_repositories",
];

/// Whether anything is ever done with the event.
pub fn is_used(event: &str) -> bool {
    USED.contains(&event)
}

/// The event as a metric's label: a fixed set, whatever is sent.
pub fn label(event: &str) -> &'static str {
    USED.into_iter()
        .find(|used| *used == event)
        .unwrap_or("other")
}

/// A payload with a field that is used and cannot be: the delivery is kept, and nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the payload's `{field}` is unusable: {reason}")]
pub struct UnusablePayload {
    /// Where in the payload, such as `repository.owner.id`; `.` is the whole.
    pub field: String,
    pub reason: String,
}

impl UnusablePayload {
    fn new(field: &str, reason: &str) -> Self {
        // A key may be empty; then it is the object's fault.
        let field = if field.is_empty() { "." } else { field };
        Self {
            field: quote(field),
            reason: quote(reason),
        }
    }
}

/// Reads a typed payload; the error names the field.
fn parse<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, UnusablePayload> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        UnusablePayload::new(&error.path().to_string(), &error.inner().to_string())
    })?;
    json.end()
        .map_err(|error| UnusablePayload::new(".", &error.to_string()))?;
    Ok(value)
}

#[cfg(test)]
mod tests;
