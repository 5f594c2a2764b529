//! The GitHub App whose webhook is measured.

use bindery::github::signature::{SigningSecrets, WebhookSecret};

pub const ID: i64 = 4242;
pub const HOOK_ID: i64 = 331_998_812;
pub const KEY: &str = include_str!("../../fixtures/test-app-key.pem");
pub const SECRET: &str = "the-secret-of-the-benchmark-4f1d9c";

pub fn secret() -> anyhow::Result<WebhookSecret> {
    Ok(WebhookSecret::new(SECRET)?)
}

pub fn secrets() -> anyhow::Result<SigningSecrets> {
    Ok(SigningSecrets {
        current: secret()?,
        previous: None,
    })
}
