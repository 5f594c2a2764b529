//! What of the API reads a stranger's text before anything is known of who sent it: for the fuzzers alone.

use actix_web::http::header::{
    AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH,
};
use secrecy::ExposeSecret;

use super::etag::{ETag, Precondition};
use super::{auth, page};

/// A cursor of a list, read and written again.
pub fn cursor(list: &str, text: &str) -> Option<String> {
    let position = page::decode(list, text).ok()?;
    Some(page::encode(list, &position))
}

/// Where a list goes on, as its next link says it.
pub fn cursor_at(list: &str, position: &str) -> String {
    page::encode(list, position)
}

/// Whether this `If-None-Match` names the tag; `None` when no header can hold it.
pub fn is_known(value: &[u8], opaque: &str) -> Option<bool> {
    let headers = header(IF_NONE_MATCH, value)?;
    Some(ETag::new(opaque).is_known_to(&headers))
}

/// Whether a write with this `If-Match` goes on where the tag is; `None` when no header can hold it.
pub fn is_current(value: &[u8], opaque: &str) -> Option<bool> {
    let headers = header(IF_MATCH, value)?;
    let present = ETag::new(opaque);
    Some(Precondition::of(&headers).check(Some(&present)).is_ok())
}

/// The token that this `Authorization` carries.
pub fn bearer(value: &[u8]) -> Option<String> {
    let headers = header(AUTHORIZATION, value)?;
    auth::bearer(&headers).map(|token| token.expose_secret().to_owned())
}

fn header(name: HeaderName, value: &[u8]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.append(name, HeaderValue::from_bytes(value).ok()?);
    Some(headers)
}
