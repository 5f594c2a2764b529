//! `X-Hub-Signature-256`.

use bindery::github::signature::{SignatureHeader, WebhookSecret};

const BODY: &[u8] = b"Hello, World!";

/// There is one way to write a signature, and one signature that is good.
pub(super) fn signature(bytes: &[u8]) {
    let parsed = SignatureHeader::parse(bytes);
    let is_written_so = bytes.strip_prefix(b"sha256=").is_some_and(|digits| {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        digits.len() == 64 && digits.iter().all(is_digit)
    });
    assert_eq!(parsed.is_ok(), is_written_so);
    let secret = WebhookSecret::new("It's a Secret to Everybody").expect("long enough");
    let is_good = parsed.is_ok_and(|header| header.verify(&secret, BODY));
    assert_eq!(is_good, bytes == secret.sign(BODY).as_bytes());
}
