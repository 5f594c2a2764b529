//! What the code of a registration is exchanged for: asked by nobody in particular, since there is no App yet
//! to ask as.

use std::time::Duration;

use reqwest::{StatusCode, redirect};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use crate::github::app_auth::PrivateKeyPem;
use crate::github::ids::AppId;
use crate::github::quote::quote;

/// A new App, with what is shown this once.
#[derive(Debug, Clone)]
pub struct Registered {
    pub id: AppId,
    pub name: String,
    pub html_url: String,
    pub pem: SecretString,
    /// An Enterprise Server may make none.
    pub webhook_secret: Option<SecretString>,
}

/// Why there is no App to be had for a code.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    #[error(
        "GitHub does not know this code: it was used before, is older than an hour, or is another GitHub's. \
         If the App is there, delete it on its page, and begin again"
    )]
    NoSuchCode,
    #[error("GitHub refuses the code ({status}): {message}")]
    Refused { status: u16, message: String },
    #[error("GitHub cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("GitHub's answer cannot be understood: {0}")]
    NotUnderstood(String),
}

const PATIENCE: Duration = Duration::from_secs(30);

/// Exchanges `code` at the API of `api_url` for the App.
///
/// # Errors
/// It can be done once: after most errors the code is used up.
pub async fn convert(api_url: &Url, code: &str) -> Result<Registered, RegistrationError> {
    let code = percent_encoding::utf8_percent_encode(code, percent_encoding::NON_ALPHANUMERIC);
    let base = api_url.as_str().trim_end_matches('/');
    let http = reqwest::Client::builder()
        .user_agent(concat!("bindery/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .map_err(unreachable)?;
    let answer = http
        .post(format!("{base}/app-manifests/{code}/conversions"))
        .header("accept", "application/vnd.github+json")
        .send()
        .await
        .map_err(unreachable)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(unreachable)?;
    match status {
        StatusCode::CREATED => read(&body),
        StatusCode::NOT_FOUND => Err(RegistrationError::NoSuchCode),
        status => Err(RegistrationError::Refused {
            status: status.as_u16(),
            message: message(&body),
        }),
    }
}

/// The key is looked at here, while it can still be said of what it is.
fn read(body: &[u8]) -> Result<Registered, RegistrationError> {
    #[derive(Deserialize)]
    struct Shown {
        id: AppId,
        name: String,
        html_url: String,
        pem: String,
        webhook_secret: Option<String>,
    }
    // serde's words may quote a value, and a value may be a secret.
    let shown: Shown = serde_json::from_slice(body)
        .map_err(|error| RegistrationError::NotUnderstood(quote(&error.to_string())))?;
    PrivateKeyPem::parse(&shown.pem)
        .map_err(|error| RegistrationError::NotUnderstood(error.to_string()))?;
    Ok(Registered {
        id: shown.id,
        name: shown.name,
        html_url: shown.html_url,
        pem: shown.pem.into(),
        webhook_secret: shown.webhook_secret.map(SecretString::from),
    })
}

fn message(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    quote(body["message"].as_str().unwrap_or("no reason is given"))
}

/// The URL holds the code.
fn unreachable(error: reqwest::Error) -> RegistrationError {
    RegistrationError::Unreachable(error.without_url())
}
