use serde::Deserialize;

use super::UnusablePayload;
use super::names::{Installation, plain, plain_or_null};
use crate::github::ids::{InstallationId, OwnerId};

/// An owner has another login. GitHub says so by `organization`, by `installation_target`, by both, or
/// by neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEvent {
    pub action: AccountAction,
    pub owner_id: OwnerId,
    pub login: String,
    /// `None` when the event does not say.
    pub former_login: Option<String>,
    pub installation_id: Option<InstallationId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountAction {
    Renamed,
    Other(String),
}

#[derive(Deserialize)]
struct Payload {
    #[serde(deserialize_with = "plain")]
    action: String,
    /// In `organization`.
    organization: Option<Account>,
    /// In `installation_target`.
    account: Option<Account>,
    #[serde(default)]
    changes: Option<Changes>,
    installation: Option<Installation>,
}

#[derive(Deserialize)]
struct Account {
    id: OwnerId,
    /// An enterprise has a slug instead.
    #[serde(alias = "slug", deserialize_with = "plain")]
    login: String,
}

#[derive(Deserialize)]
struct Changes {
    login: Option<Former>,
    slug: Option<Former>,
}

#[derive(Deserialize)]
struct Former {
    #[serde(default, deserialize_with = "plain_or_null")]
    from: Option<String>,
}

impl AccountEvent {
    pub(super) fn parse(body: &[u8]) -> Result<Self, UnusablePayload> {
        let payload: Payload = super::parse(body)?;
        let account = payload
            .account
            .or(payload.organization)
            .ok_or_else(|| UnusablePayload::new("account", "missing"))?;
        let former = payload
            .changes
            .and_then(|changes| changes.login.or(changes.slug));
        Ok(Self {
            action: match payload.action.as_str() {
                "renamed" => AccountAction::Renamed,
                other => AccountAction::Other(other.to_owned()),
            },
            owner_id: account.id,
            login: account.login,
            former_login: former.and_then(|former| former.from),
            installation_id: payload.installation.map(|installation| installation.id),
        })
    }
}
