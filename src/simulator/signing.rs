use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use super::app::App;
use super::deliveries::Guid;
use super::host::{ENTERPRISE_VERSION, Host};

const USER_AGENT: &str = "GitHub-Hookshot/8a3f21c";

/// What stands on a delivery besides its body.
pub(super) struct Envelope<'a> {
    pub(super) app: &'a App,
    pub(super) host: &'a Host,
    pub(super) guid: &'a Guid,
    pub(super) event: &'a str,
    pub(super) form: bool,
}

/// The headers of one delivery, in GitHub's spelling. Without a secret there is no signature.
pub(super) fn headers(envelope: &Envelope<'_>, body: &[u8]) -> Vec<(String, String)> {
    let Envelope {
        app,
        host,
        guid,
        event,
        form,
    } = *envelope;
    let content_type = if form {
        "application/x-www-form-urlencoded"
    } else {
        "application/json"
    };
    let mut headers = vec![
        ("Accept", "*/*".to_owned()),
        ("Content-Type", content_type.to_owned()),
        ("User-Agent", USER_AGENT.to_owned()),
        ("X-GitHub-Delivery", guid.to_string()),
        ("X-GitHub-Event", event.to_owned()),
        ("X-GitHub-Hook-ID", app.hook_id.to_string()),
        ("X-GitHub-Hook-Installation-Target-ID", app.id.to_string()),
        (
            "X-GitHub-Hook-Installation-Target-Type",
            "integration".to_owned(),
        ),
    ];
    if let Some(name) = host.enterprise() {
        headers.push(("X-GitHub-Enterprise-Host", name.to_owned()));
        headers.push(("X-GitHub-Enterprise-Version", ENTERPRISE_VERSION.to_owned()));
    }
    let secret = &app.ledger.secret;
    if !secret.is_empty() {
        headers.push(("X-Hub-Signature", sign_sha1(secret, body)));
        headers.push(("X-Hub-Signature-256", sign_sha256(secret, body)));
    }
    headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn sign_sha256(secret: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Legacy, and still sent beside the other.
fn sign_sha1(secret: &str, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body);
    format!("sha1={}", hex::encode(mac.finalize().into_bytes()))
}

/// `payload=` and the JSON, percent-encoded; what is signed is this body, not the JSON.
pub(super) fn form_body(payload: &[u8]) -> Vec<u8> {
    let encoded: String = url::form_urlencoded::byte_serialize(payload).collect();
    format!("payload={encoded}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "It's a Secret to Everybody";

    #[test]
    fn signs_as_githubs_documentation_does() {
        assert_eq!(
            sign_sha256(SECRET, b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
        assert_eq!(
            sign_sha1(SECRET, b"Hello, World!"),
            "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"
        );
    }

    #[test]
    fn signs_the_form_body_and_not_the_json_in_it() {
        let body = form_body(r#"{"zen":"Ünïcödé 💥","ref":"refs/heads/naïve"}"#.as_bytes());
        assert_eq!(body.len(), 118);
        assert_eq!(
            sign_sha256(SECRET, &body),
            "sha256=db96f1ab756a587456f88ee76626d8b26ad28458efe7ea87d38496a8820b4194"
        );
    }
}
