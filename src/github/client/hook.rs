//! The App's own webhook: where it leads, and sending a delivery again.

use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::GitHub;
use super::answer::or_default;
use super::request::Request;
use crate::github::error::GitHubError;

/// The webhook's settings, as far as GitHub shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HookConfig {
    /// Empty: none is set.
    #[serde(deserialize_with = "or_default")]
    pub url: String,
    /// `json` or `form`.
    #[serde(deserialize_with = "or_default")]
    pub content_type: String,
    /// `1`: certificates are not looked at. Some servers write a number.
    #[serde(deserialize_with = "text_or_number")]
    pub insecure_ssl: String,
    /// Asterisks; `None`: deliveries are not signed.
    #[serde(deserialize_with = "or_default")]
    pub secret: Option<String>,
}

fn text_or_number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => text,
        serde_json::Value::Number(number) => number.to_string(),
        _ => String::new(),
    })
}

const CONFIG: &str = "/app/hook/config";

impl GitHub {
    pub async fn hook_config(&self) -> Result<HookConfig, GitHubError> {
        let request = Request::get(CONFIG, &[], self.json_cap());
        self.as_app(&request).await?.json()
    }

    /// From now on deliveries are signed with this.
    pub async fn set_hook_secret(&self, secret: &SecretString) -> Result<(), GitHubError> {
        let change = json!({ "secret": secret.expose_secret(), "content_type": "json" });
        let request = Request {
            method: Method::PATCH,
            ..Request::post(CONFIG, &[], change, self.json_cap())
        };
        let answer = self.as_app(&request).await?;
        match answer.status.is_success() {
            true => Ok(()),
            false => Err(answer.refusal()),
        }
    }

    /// Has GitHub send again what it sent as the attempt of this [`HookDelivery::id`](super::HookDelivery), a
    /// moment later.
    pub async fn redeliver(&self, id: i64) -> Result<(), GitHubError> {
        let route = "/app/hook/deliveries/{delivery_id}/attempts";
        let request = Request::post(route, &[&id], json!({}), self.json_cap());
        let answer = self.as_app(&request).await?;
        match answer.status {
            StatusCode::ACCEPTED => Ok(()),
            _ if answer.status.is_success() => Err(answer.unexpected()),
            _ => Err(answer.refusal()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_empty_and_a_number_is_a_text() {
        let read = |json: &str| serde_json::from_str::<HookConfig>(json).expect(json);
        assert_eq!(read("{}"), HookConfig::default());
        assert_eq!(
            read(r#"{"url": null, "secret": null}"#),
            HookConfig::default()
        );
        assert_eq!(read(r#"{"insecure_ssl": 1}"#).insecure_ssl, "1");
        assert_eq!(read(r#"{"insecure_ssl": "0"}"#).insecure_ssl, "0");
    }
}
