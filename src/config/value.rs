//! What a setting's text may be, how it is shown, and what is said when it is wrong.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use secrecy::SecretString;
use url::Url;

use crate::github::ids::AppId;

/// Why a text is no value of its type.
#[derive(Debug, PartialEq)]
pub(super) enum Fault {
    /// To show the text is enough.
    Text,
    /// The predicate of a sentence about the setting; it must not quote a secret.
    Reason(String),
}

/// A type that a setting can have.
pub(super) trait Value: Sized {
    /// What to give, after "give ".
    const EXPECTED: &'static str;

    /// Never printed, and may be read from a file that `…_FILE` names.
    const SECRET: bool = false;

    fn parse(text: &str) -> Result<Self, Fault>;

    /// For a person; reads back as the same value unless it is a secret.
    fn show(&self) -> String;

    /// What a range is checked on.
    fn amount(&self) -> Option<u128> {
        None
    }
}

/// A secret shorter than this can be guessed.
const MIN_SECRET_BYTES: usize = 16;

impl Value for SecretString {
    const EXPECTED: &'static str = "a secret of at least 16 bytes";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, Fault> {
        match text.len() {
            0 => Err(Fault::Reason("is empty".to_owned())),
            length if length < MIN_SECRET_BYTES => {
                Err(Fault::Reason(format!("has only {length} bytes")))
            }
            _ => Ok(text.into()),
        }
    }

    fn show(&self) -> String {
        "(set)".to_owned()
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = "a duration";

    fn parse(text: &str) -> Result<Self, Fault> {
        humantime::parse_duration(text).map_err(|_| Fault::Text)
    }

    fn show(&self) -> String {
        humantime::format_duration(*self).to_string()
    }

    fn amount(&self) -> Option<u128> {
        Some(self.as_nanos())
    }
}

impl Value for ByteSize {
    const EXPECTED: &'static str = "a size";

    fn parse(text: &str) -> Result<Self, Fault> {
        text.parse().map_err(|_| Fault::Text)
    }

    /// In the largest unit that is exact.
    fn show(&self) -> String {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        let exact = units
            .iter()
            .find(|(bits, _)| self.0.trailing_zeros() >= *bits && self.0 > 0);
        match exact {
            Some((bits, unit)) => format!("{}{unit}", self.0 >> bits),
            None => format!("{}B", self.0),
        }
    }

    fn amount(&self) -> Option<u128> {
        Some(self.0.into())
    }
}

impl Value for u32 {
    const EXPECTED: &'static str = "a number";

    fn parse(text: &str) -> Result<Self, Fault> {
        text.parse().map_err(|_| Fault::Text)
    }

    fn show(&self) -> String {
        self.to_string()
    }

    fn amount(&self) -> Option<u128> {
        Some((*self).into())
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false";

    fn parse(text: &str) -> Result<Self, Fault> {
        text.parse().map_err(|_| Fault::Text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for SocketAddr {
    const EXPECTED: &'static str = "an address and a port such as 127.0.0.1:8080";

    fn parse(text: &str) -> Result<Self, Fault> {
        text.parse().map_err(|_| Fault::Text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Url {
    const EXPECTED: &'static str = "an http or https URL without a user, a query and a fragment";

    fn parse(text: &str) -> Result<Self, Fault> {
        let url: Self = text.parse().map_err(|_| Fault::Text)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if plain { Ok(url) } else { Err(Fault::Text) }
    }

    fn show(&self) -> String {
        self.as_str().trim_end_matches('/').to_owned()
    }
}

impl Value for AppId {
    const EXPECTED: &'static str = "the App's id, a number from 1";

    fn parse(text: &str) -> Result<Self, Fault> {
        text.parse().ok().and_then(Self::new).ok_or(Fault::Text)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn parse(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err(Fault::Text);
        }
        Ok(text.into())
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}
