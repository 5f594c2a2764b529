//! Proof that a delivery comes from GitHub: an HMAC over the body exactly as it was sent.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;

/// What the App and GitHub both know, and nobody else: the key of every delivery's HMAC.
#[derive(Debug, Clone)]
pub struct WebhookSecret(SecretSlice<u8>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a webhook secret must have at least {MIN_SECRET_BYTES} bytes, this one has {len}: anyone could guess it and forge deliveries"
)]
pub struct WeakSecret {
    len: usize,
}

/// Half of SHA-256's output: shorter keys are refused. An empty key would accept what anyone can compute.
const MIN_SECRET_BYTES: usize = 16;

impl WebhookSecret {
    pub fn new(secret: impl Into<Vec<u8>>) -> Result<Self, WeakSecret> {
        let secret = secret.into();
        if secret.len() < MIN_SECRET_BYTES {
            return Err(WeakSecret { len: secret.len() });
        }
        Ok(Self(secret.into()))
    }

    /// For whoever looks where it must not be; `None` for bytes that are no text.
    pub fn as_text(&self) -> Option<SecretString> {
        str::from_utf8(self.0.expose_secret()).ok().map(Into::into)
    }

    fn mac(&self, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret())
            .expect("HMAC takes a key of any length");
        mac.update(body);
        mac
    }

    /// The header's value that GitHub sends with `body`: `sha256=` and 64 hex digits.
    pub fn sign(&self, body: &[u8]) -> String {
        format!(
            "{PREFIX}{}",
            hex::encode(self.mac(body).finalize().into_bytes())
        )
    }
}

const PREFIX: &str = "sha256=";

/// The value of `X-Hub-Signature-256`: a claim, until it is verified.
#[derive(Debug, Clone, Copy)]
pub struct SignatureHeader([u8; 32]);

/// Carries nothing of the header: it may come from anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signature is `sha256=` and 64 lower-case hex digits")]
pub struct SignatureError;

impl SignatureHeader {
    /// Takes exactly what GitHub writes: no whitespace, no upper case, no other algorithm.
    pub fn parse(value: &[u8]) -> Result<Self, SignatureError> {
        let digits = value
            .strip_prefix(PREFIX.as_bytes())
            .ok_or(SignatureError)?;
        if digits.iter().any(u8::is_ascii_uppercase) {
            return Err(SignatureError);
        }
        let mut digest = [0; 32];
        hex::decode_to_slice(digits, &mut digest).map_err(|_| SignatureError)?;
        Ok(Self(digest))
    }

    /// Whether `secret` made this signature for `body`, in constant time.
    pub fn verify(&self, secret: &WebhookSecret, body: &[u8]) -> bool {
        secret.mac(body).verify_slice(&self.0).is_ok()
    }
}

/// The secrets that are good at the moment: two of them while one is being replaced.
#[derive(Debug, Clone)]
pub struct SigningSecrets {
    pub current: WebhookSecret,
    pub previous: Option<WebhookSecret>,
}

/// Which secret a delivery was signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretAge {
    Current,
    Previous,
}

impl fmt::Display for SecretAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current => "current",
            Self::Previous => "previous",
        })
    }
}

impl SigningSecrets {
    /// At most two HMACs: one of 25 MiB takes about 33 ms.
    pub fn verify(&self, header: &SignatureHeader, body: &[u8]) -> Option<SecretAge> {
        if header.verify(&self.current, body) {
            return Some(SecretAge::Current);
        }
        let previous = self.previous.as_ref()?;
        header.verify(previous, body).then_some(SecretAge::Previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"zen":"Ünïcödé 💥","ref":"refs/heads/naïve"}"#;
    const ESCAPED: &str =
        r#"{"zen":"\u00dcn\u00efc\u00f6d\u00e9 \ud83d\udca5","ref":"refs/heads/na\u00efve"}"#;

    fn secret(text: &str) -> WebhookSecret {
        WebhookSecret::new(text).expect("long enough")
    }

    fn everybodys() -> WebhookSecret {
        secret("It's a Secret to Everybody")
    }

    fn proves(digest: &str, body: &str) -> bool {
        SignatureHeader::parse(format!("sha256={digest}").as_bytes())
            .is_ok_and(|header| header.verify(&everybodys(), body.as_bytes()))
    }

    #[test]
    fn w01_githubs_vectors() {
        let hello = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let newline = "8fde2e970f9163923fb1cb61bb945626ff2b4091d87e622ee3ad600160592325";
        let empty = "66a0c074deaa0f489ead6537e0d32f9a344b90bbeda705b6ed45ecd3b413fb40";
        let unicode = "1cd62fe0b5bb616a96fb7d10f3674194f301ee7adbf2bdc046d7b55c02c5f351";
        let escaped = "ab136a2729a5c4481fb0b25c65354da65e944b1150ca3aaff854e454d40fe6e8";
        let form = "db96f1ab756a587456f88ee76626d8b26ad28458efe7ea87d38496a8820b4194";
        let empty_key = "2bbcfa9524f3218c7a34b30e6936f8b1a4516cb097f1a85a1c7d98b5977ec769";
        let form_body = format!(
            "payload={}",
            url::form_urlencoded::byte_serialize(JSON.as_bytes()).collect::<String>()
        );
        assert_eq!((JSON.len(), form_body.len()), (52, 118));
        let table = [
            (hello, "Hello, World!", true),
            (newline, "Hello, World!\n", true),
            (hello, "Hello, World!\n", false),
            (empty, "", true),
            (unicode, JSON, true),
            (unicode, ESCAPED, false),
            (escaped, JSON, false),
            (form, form_body.as_str(), true),
            (empty_key, "Hello, World!", false),
        ];
        for (digest, body, verdict) in table {
            assert_eq!(proves(digest, body), verdict, "{digest} over {body:?}");
        }
    }

    #[test]
    fn w03_to_w09_only_githubs_own_spelling_is_a_signature() {
        let digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let bad = [
            String::new(),
            "sha256=".to_owned(),
            digest.to_owned(),
            format!("sha256={}", &digest[..62]),
            format!("sha256={}", &digest[..2]),
            format!("sha256={}", &digest[..63]),
            format!("sha256={digest}00"),
            format!("sha256={}", digest.to_uppercase()),
            format!("SHA256={digest}"),
            format!(" sha256={digest}"),
            format!("sha256={digest} "),
            format!("sha256= {digest}"),
            format!("sha256={digest},sha256={digest}"),
            format!("sha256={}", "z".repeat(64)),
            format!("sha256={}", "é".repeat(32)),
            "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59".to_owned(),
        ];
        for header in bad {
            let parsed = SignatureHeader::parse(header.as_bytes());
            assert!(parsed.is_err(), "{header:?}");
        }
        assert!(SignatureHeader::parse(&[b's', 0xff, 0xfe]).is_err());
    }

    #[test]
    fn w14_a_weak_secret_is_refused() {
        assert_eq!(WebhookSecret::new("").err(), Some(WeakSecret { len: 0 }));
        let weak = WebhookSecret::new("fifteen letters").expect_err("15 bytes");
        assert!(
            weak.to_string()
                .contains("at least 16 bytes, this one has 15")
        );
        assert!(WebhookSecret::new("sixteen letters!").is_ok());
    }

    #[test]
    fn w13_the_previous_secret_counts_while_it_is_configured() {
        let (old, new) = (secret("the secret of last year"), everybodys());
        let by_old = SignatureHeader::parse(old.sign(b"{}").as_bytes()).expect("our own");
        let by_new = SignatureHeader::parse(new.sign(b"{}").as_bytes()).expect("our own");
        let overlap = SigningSecrets {
            current: new.clone(),
            previous: Some(old),
        };
        let after = SigningSecrets {
            current: new,
            previous: None,
        };
        assert_eq!(overlap.verify(&by_new, b"{}"), Some(SecretAge::Current));
        assert_eq!(overlap.verify(&by_old, b"{}"), Some(SecretAge::Previous));
        assert_eq!(after.verify(&by_old, b"{}"), None);
        assert_eq!(overlap.verify(&by_old, b"{ }"), None);
    }

    #[test]
    fn i07_a_secret_is_not_printed() {
        assert!(!format!("{:?}", everybodys()).contains("Everybody"));
    }
}
