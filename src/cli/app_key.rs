//! The private key of a simulated App.

use anyhow::Context as _;

use crate::simulator::app_key;

/// A new one, in PEM.
pub(super) async fn generate() -> anyhow::Result<String> {
    // It takes up to a second: not a thread that requests wait for.
    tokio::task::spawn_blocking(app_key::make)
        .await
        .context("the key's thread died")?
}
