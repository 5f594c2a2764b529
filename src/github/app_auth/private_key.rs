use std::fmt;

use aws_lc_rs::rsa::KeyPair;
use jsonwebtoken::EncodingKey;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

/// The App's private key, proved to be one that GitHub could have made: RSA, unencrypted, 2048 bits or more.
///
/// Read from PKCS#1 (`RSA PRIVATE KEY`, what GitHub hands out) or PKCS#8 (`PRIVATE KEY`). Never printed.
#[derive(Clone)]
pub struct PrivateKeyPem(EncodingKey);

/// Why a text cannot be the App's key. Says nothing of the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyError {
    #[error(
        "not a private key in PEM: it begins with -----BEGIN RSA PRIVATE KEY-----, as GitHub hands it out"
    )]
    NotPem,
    #[error("the private key is encrypted: take the pass phrase off with `openssl rsa`")]
    Encrypted,
    #[error("the private key is not an RSA key: an App signs with RS256 only")]
    NotRsa,
    #[error("the RSA key has fewer than 2048 bits: make a new one in the App's settings")]
    TooSmall,
    #[error("the RSA key is damaged, or larger than 8192 bits")]
    Damaged,
}

impl PrivateKeyPem {
    pub fn parse(pem: &str) -> Result<Self, PrivateKeyError> {
        if pem.contains("ENCRYPTED") {
            return Err(PrivateKeyError::Encrypted);
        }
        let der =
            PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| PrivateKeyError::NotPem)?;
        let key_pair = match &der {
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return Err(PrivateKeyError::NotRsa),
        };
        key_pair.map_err(|rejected| match rejected.to_string().as_str() {
            "TooSmall" => PrivateKeyError::TooSmall,
            "WrongAlgorithm" => PrivateKeyError::NotRsa,
            _ => PrivateKeyError::Damaged,
        })?;
        EncodingKey::from_rsa_pem(pem.as_bytes())
            .map(Self)
            .map_err(|_| PrivateKeyError::Damaged)
    }

    pub(super) fn encoding_key(&self) -> &EncodingKey {
        &self.0
    }
}

impl fmt::Debug for PrivateKeyPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKeyPem([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::pkcs1(include_str!("../../../fixtures/test-app-key.pem"))]
    #[case::pkcs8(include_str!("../../../fixtures/keys/rsa-2048-pkcs8.pem"))]
    fn takes_what_github_hands_out(#[case] pem: &str) {
        let key = PrivateKeyPem::parse(pem).expect("a good key");
        assert_eq!(format!("{key:?}"), "PrivateKeyPem([redacted])");
    }

    #[rstest]
    #[case::empty("", PrivateKeyError::NotPem)]
    #[case::text("hunter2", PrivateKeyError::NotPem)]
    #[case::cut(
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n",
        PrivateKeyError::NotPem
    )]
    #[case::rubbish(
        "-----BEGIN RSA PRIVATE KEY-----\naHVudGVyMg==\n-----END RSA PRIVATE KEY-----\n",
        PrivateKeyError::Damaged
    )]
    #[case::small(include_str!("../../../fixtures/keys/rsa-1024.pem"), PrivateKeyError::TooSmall)]
    #[case::pkcs8_pass_phrase(
        include_str!("../../../fixtures/keys/rsa-encrypted-pkcs8.pem"),
        PrivateKeyError::Encrypted
    )]
    #[case::pkcs1_pass_phrase(
        include_str!("../../../fixtures/keys/rsa-encrypted-pkcs1.pem"),
        PrivateKeyError::Encrypted
    )]
    #[case::ec(include_str!("../../../fixtures/keys/ec.pem"), PrivateKeyError::NotRsa)]
    #[case::sec1(include_str!("../../../fixtures/keys/ec-sec1.pem"), PrivateKeyError::NotRsa)]
    fn a30_refuses_with_the_reason(#[case] pem: &str, #[case] reason: PrivateKeyError) {
        let error = PrivateKeyPem::parse(pem).expect_err("a bad key");
        assert_eq!(error, reason);
        assert!(!error.to_string().contains("hunter2"));
    }
}
