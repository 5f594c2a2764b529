//! Queries of pages. A browser sends every field of a form, the empty ones too: those ask for nothing.

use actix_web::HttpRequest;
use serde::de::DeserializeOwned;
use url::form_urlencoded::{Serializer, parse};

use crate::routes::page;
use crate::routes::problem::ApiError;

/// As the API reads it, without what is empty.
pub(super) fn read<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, ApiError> {
    page::query_of(&kept(request, |_, value| !value.is_empty()))
}

fn kept(request: &HttpRequest, keep: impl Fn(&str, &str) -> bool) -> String {
    let mut query = Serializer::new(String::new());
    let pairs = parse(request.query_string().as_bytes());
    query.extend_pairs(pairs.filter(|(name, value)| keep(name, value)));
    query.finish()
}

/// What a field was filled with: for showing it again.
pub(super) fn given(request: &HttpRequest, name: &str) -> String {
    let mut pairs = parse(request.query_string().as_bytes());
    let found = pairs.find(|(given, _)| given == name);
    found
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// A path with a query.
pub(super) fn with(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(pairs);
    format!("{path}?{}", query.finish())
}

/// The same page with another cursor.
pub(super) fn next(request: &HttpRequest, cursor: &str) -> String {
    let rest = kept(request, |name, value| name != "cursor" && !value.is_empty());
    let mut query = Serializer::new(rest);
    query.append_pair("cursor", cursor);
    format!("{}?{}", request.path(), query.finish())
}
