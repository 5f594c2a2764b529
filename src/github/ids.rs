//! GitHub's identities as numbers, one type each, so that they cannot be swapped.

use diesel_derive_newtype::DieselNewType;
use serde::{Deserialize, Deserializer, Serialize};

/// GitHub's ids are JSON integers within 1..2^63-1; anything else is not an id.
fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    match i64::deserialize(deserializer)? {
        id if id > 0 => Ok(id),
        _ => Err(serde::de::Error::custom("an id is an integer from 1")),
    }
}

macro_rules! github_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, DieselNewType)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// `None` for what GitHub never uses as an id.
            pub fn new(id: i64) -> Option<Self> {
                (id > 0).then_some(Self(id))
            }

            pub fn get(self) -> i64 {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                positive(deserializer).map(Self)
            }
        }
    )*};
}

github_id! {
    /// A GitHub App.
    AppId;
    /// One App on one account.
    InstallationId;
    /// A repository, whatever it is called.
    RepositoryId;
    /// A user or an organisation of GitHub's.
    OwnerId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_positive_integers_are_ids() {
        assert!(serde_json::from_str::<RepositoryId>("9223372036854775807").is_ok());
        for bad in [
            "0",
            "-1",
            "true",
            "\"1\"",
            "1.5",
            "9223372036854775808",
            "null",
            "{}",
        ] {
            assert!(serde_json::from_str::<RepositoryId>(bad).is_err(), "{bad}");
        }
    }
}
