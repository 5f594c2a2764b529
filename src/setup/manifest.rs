//! What the App shall be: exactly what is needed, and nothing more.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Value, json};
use url::Url;

use crate::github::needed::{self, WEBHOOK_PATH};

/// Characters that GitHub takes as an App's name.
pub const MAX_NAME: usize = 34;

/// What an operator wants registered.
#[derive(Debug, Clone)]
pub struct Wish {
    pub name: String,
    pub webhook: Webhook,
    /// Whether others may install it, too.
    pub public: bool,
}

/// Where GitHub shall send deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub url: Url,
    /// What the service is reached by, without its path.
    pub origin: String,
    /// The path that all of its routes are under; empty for none.
    pub prefix: String,
}

impl FromStr for Webhook {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = || format!("give https://YOUR-HOST{WEBHOOK_PATH}");
        let url: Url = text.parse().map_err(|_| example())?;
        let is_plain = matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let prefix = url.path().strip_suffix(WEBHOOK_PATH);
        let prefix = prefix.filter(|_| is_plain).ok_or_else(example)?.to_owned();
        let origin = url.origin().ascii_serialization();
        Ok(Self {
            url,
            origin,
            prefix,
        })
    }
}

impl Wish {
    /// As GitHub reads it; the person who confirms comes back to `redirect_url`.
    pub(super) fn manifest(&self, redirect_url: &str) -> Value {
        let read = |name| (name, "read");
        let permissions: BTreeMap<_, _> = needed::PERMISSIONS.into_iter().map(read).collect();
        json!({
            "name": self.name,
            "url": self.webhook.origin,
            "description": "Keeps a Bindery in step with the repositories that it is installed on.",
            "hook_attributes": { "url": self.webhook.url.as_str(), "active": true },
            "redirect_url": redirect_url,
            "public": self.public,
            "default_permissions": permissions,
            "default_events": needed::EVENTS,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_where_bindery_answers() {
        let plain: Webhook = "https://b.example/webhooks/github".parse().expect("a URL");
        assert_eq!(
            (plain.origin.as_str(), plain.prefix.as_str()),
            ("https://b.example", "")
        );
        let below: Webhook = "http://b.example:81/x/webhooks/github"
            .parse()
            .expect("a URL");
        assert_eq!(
            (below.origin.as_str(), below.prefix.as_str()),
            ("http://b.example:81", "/x")
        );
        for bad in [
            "b.example",
            "https://b.example",
            "https://b.example/webhooks/github/",
            "https://b.example/webhooks/github?x",
            "https://u:p@b.example/webhooks/github",
            "ftp://b.example/webhooks/github",
        ] {
            assert!(bad.parse::<Webhook>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_manifest_asks_for_what_is_needed() {
        let wish = Wish {
            name: "bindery-1".to_owned(),
            webhook: "https://b.example/webhooks/github".parse().expect("a URL"),
            public: false,
        };
        let manifest = wish.manifest("http://127.0.0.1:9/registered");
        assert_eq!(
            manifest["default_permissions"],
            json!({"contents": "read", "metadata": "read"})
        );
        assert_eq!(manifest["default_events"], json!(needed::EVENTS));
        assert_eq!(
            manifest["hook_attributes"]["url"],
            "https://b.example/webhooks/github"
        );
    }
}
