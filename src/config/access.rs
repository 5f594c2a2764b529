use std::time::Duration;

use secrecy::SecretString;

use super::setting::settings;
use super::value::{Fault, Value};

settings! {
    /// Who may do what.
    pub struct AccessConfig in "access" {
        /// `required`: an organisation may bind, and read, only repositories of installations that
        /// were granted to it. `off`: every repository that the App can read, which suits a
        /// deployment with a single organisation and no other.
        grants: Grants = value "required", "BINDERY_GRANTS";
        /// A bearer token that is the global admin, to create the first tokens with.
        admin_token: Option<SecretString> = optional "only tokens of the database are accepted",
            "BINDERY_ADMIN_TOKEN";
        /// How long the audit log keeps what operators did and what they were refused.
        keep_audit: Duration = value "365d", "BINDERY_KEEP_AUDIT", from "1d" to "3650d";
    }
}

/// Whether an organisation needs a grant for the installations whose repositories it binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grants {
    Off,
    Required,
}

impl Grants {
    /// Whether an organisation may, that holds a grant or does not.
    pub fn allow(self, holds_one: bool) -> bool {
        self == Self::Off || holds_one
    }
}

impl Value for Grants {
    const EXPECTED: &'static str = "off or required";

    fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "off" => Ok(Self::Off),
            "required" => Ok(Self::Required),
            _ => Err(Fault::Text),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Off => "off",
            Self::Required => "required",
        }
        .to_owned()
    }
}
