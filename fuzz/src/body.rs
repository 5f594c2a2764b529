//! The body of a delivery, before any field of it is read.

use bindery::github::delivery_body::{BodyFormat, prove_object};
use serde_json::Value;

use super::assert_sayable;

/// What is proven to be an object is one for everybody who reads it later, and the other way round.
pub(super) fn json(bytes: &[u8]) {
    let read = serde_json::from_slice::<Value>(bytes);
    match prove_object(bytes) {
        Ok(()) => assert!(read.is_ok_and(|value| value.is_object())),
        Err(error) => {
            assert!(!read.is_ok_and(|value| value.is_object()), "{error}");
            assert_sayable(&error.to_string(), 1_000);
        }
    }
}

/// The first line is the type, the rest the body: what a form holds is what was put into it.
pub(super) fn form(bytes: &[u8]) {
    let (kind, body) = super::split_line(bytes);
    let kind = String::from_utf8_lossy(kind).into_owned();
    let Some(format) = BodyFormat::of(&kind) else {
        return;
    };
    match format.json(body) {
        Ok(json) => {
            assert!(json.len() <= body.len(), "decoding makes nothing larger");
            let encoded: String = url::form_urlencoded::byte_serialize(&json).collect();
            let form = format!("payload={encoded}");
            let again = BodyFormat::Form.json(form.as_bytes());
            assert_eq!(again.expect("our own form"), json);
        }
        Err(error) => assert_sayable(&error.to_string(), 1_000),
    }
}
