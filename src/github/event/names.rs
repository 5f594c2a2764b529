//! Texts that a payload gives as names: short and plain, or not at all.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::UnusablePayload;
use super::fields::is_plain;
use crate::github::RepositoryName;
use crate::github::ids::{InstallationId, OwnerId};

/// The longest text that a name or a ref can be; GitHub's own limits are below it.
const MAX_BYTES: usize = 1024;

pub(super) fn plain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    check(String::deserialize(deserializer)?)
}

pub(super) fn plain_or_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer)?
        .map(check)
        .transpose()
}

fn check<E: Error>(text: String) -> Result<String, E> {
    if is_plain(&text, MAX_BYTES) {
        Ok(text)
    } else {
        Err(E::custom(
            "longer than 1,024 bytes, or with control characters",
        ))
    }
}

/// A push calls an owner by both fields; other senders by one of them.
#[derive(Debug, Deserialize)]
pub(super) struct Owner {
    pub(super) id: Option<OwnerId>,
    #[serde(default, deserialize_with = "plain_or_null")]
    login: Option<String>,
    #[serde(default, deserialize_with = "plain_or_null")]
    name: Option<String>,
}

impl Owner {
    pub(super) fn login(self) -> Result<String, UnusablePayload> {
        self.login
            .or(self.name)
            .ok_or_else(|| UnusablePayload::new("repository.owner.login", "missing"))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Installation {
    pub(super) id: InstallationId,
}

/// `owner/name`
pub(super) fn split(full_name: &str) -> Option<RepositoryName> {
    let (owner, name) = full_name.split_once('/')?;
    let is_name = |part: &str| !part.is_empty() && !part.contains('/');
    (is_name(owner) && is_name(name)).then(|| RepositoryName::new(owner, name))
}
