//! The private key of a simulated App: made here, as GitHub would.

use anyhow::{Context as _, anyhow};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters in a line of PEM.
const LINE: usize = 64;

/// A new RSA key of 2048 bits, in PEM.
pub(super) async fn generate() -> anyhow::Result<String> {
    // It takes up to a second: not a thread that requests wait for.
    tokio::task::spawn_blocking(make)
        .await
        .context("the key's thread died")?
}

fn make() -> anyhow::Result<String> {
    let pair =
        KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("cannot make an RSA key"))?;
    let der: Pkcs8V1Der<'_> = pair
        .as_der()
        .map_err(|_| anyhow!("cannot encode an RSA key"))?;
    Ok(pem(der.as_ref()))
}

fn pem(der: &[u8]) -> String {
    let mut text = "-----BEGIN PRIVATE KEY-----\n".to_owned();
    for (index, c) in STANDARD.encode(der).chars().enumerate() {
        if index > 0 && index % LINE == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text + "\n-----END PRIVATE KEY-----\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::PrivateKeyPem;

    #[tokio::test]
    async fn is_one_that_an_app_can_have() {
        let pem = generate().await.expect("a key");
        assert!(pem.lines().all(|line| line.len() <= LINE));
        PrivateKeyPem::parse(&pem).expect("a good key");
    }
}
