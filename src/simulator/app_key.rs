//! The private key of an App: made here, as GitHub would.

use anyhow::{anyhow, ensure};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Characters in a line of PEM.
const LINE: usize = 64;

/// What PKCS#8 puts before an RSA key of 2048 bits: a version, which algorithm it is, and how long.
const WRAPPING: usize = 26;

/// A new RSA key of 2048 bits in PEM, PKCS#1 as GitHub hands it out. It takes up to a second.
///
/// # Errors
///
/// If the system has no randomness to give.
pub fn make() -> anyhow::Result<String> {
    let pair =
        KeyPair::generate(KeySize::Rsa2048).map_err(|_| anyhow!("cannot make an RSA key"))?;
    let der: Pkcs8V1Der<'_> = pair
        .as_der()
        .map_err(|_| anyhow!("cannot encode an RSA key"))?;
    let key = der.as_ref().get(WRAPPING..).unwrap_or_default();
    ensure!(
        key.starts_with(&[0x30, 0x82]),
        "an RSA key is wrapped otherwise than expected"
    );
    Ok(pem(key))
}

fn pem(der: &[u8]) -> String {
    let mut text = "-----BEGIN RSA PRIVATE KEY-----\n".to_owned();
    for (index, c) in STANDARD.encode(der).chars().enumerate() {
        if index > 0 && index % LINE == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text + "\n-----END RSA PRIVATE KEY-----\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::github::PrivateKeyPem;

    #[test]
    fn is_one_that_an_app_can_have() {
        let pem = make().expect("a key");
        assert!(pem.lines().all(|line| line.len() <= LINE));
        PrivateKeyPem::parse(&pem).expect("a good key");
    }
}
