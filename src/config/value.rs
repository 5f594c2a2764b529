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
    /// A sentence that already says what to change; it must not quote a secret.
    Explained(String),
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

    /// What a range is checked on; `None` is within every one.
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
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Fault::Reason("holds a user or a password".to_owned()));
        }
        let is_base = matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none();
        if is_base { Ok(url) } else { Err(Fault::Text) }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<T: Value>(text: &str) -> Option<String> {
        let value = T::parse(text).ok()?;
        let again = T::parse(&value.show()).expect("what is shown reads back");
        assert_eq!(value.amount(), again.amount(), "{text}");
        Some(value.show())
    }

    #[test]
    fn a_duration_has_a_unit() {
        let cases = [
            ("60s", "1m"),
            ("1h 30m", "1h 30m"),
            ("250ms", "250ms"),
            ("7d", "7days"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown::<Duration>(text).as_deref(), Some(expected));
        }
        for bad in ["", "60", "-1s", "soon", "1 fortnight"] {
            assert_eq!(shown::<Duration>(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_size_is_shown_in_the_largest_exact_unit() {
        let cases = [
            ("25MiB", "25MiB"),
            ("1024 KiB", "1MiB"),
            ("1500", "1500B"),
            ("1MB", "1000000B"),
            ("0", "0B"),
            ("2048GiB", "2048GiB"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown::<ByteSize>(text).as_deref(), Some(expected));
        }
        for bad in ["", "-1", "25 parsecs", "MiB"] {
            assert_eq!(shown::<ByteSize>(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_url_is_a_base_that_paths_are_added_to() {
        assert_eq!(
            shown::<Url>("https://api.github.com/").as_deref(),
            Some("https://api.github.com")
        );
        assert_eq!(
            shown::<Url>("http://x:1/api/v3").as_deref(),
            Some("http://x:1/api/v3")
        );
        for bad in [
            "",
            "api.github.com",
            "ftp://x",
            "https://x?q",
            "https://x#f",
            "https://u:p@x",
        ] {
            assert_eq!(shown::<Url>(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_secret_has_sixteen_bytes() {
        assert!(SecretString::parse("0123456789abcdef").is_ok());
        for short in ["", "0123456789abcde"] {
            let fault = SecretString::parse(short).expect_err(short);
            assert_ne!(fault, Fault::Text, "the text itself is never shown");
        }
    }
}
