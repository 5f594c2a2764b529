//! The cookie that stands for a session: no script reads it, and no other site's page sends it.

use actix_web::http::header::{self, HeaderMap};

use crate::routes::Api;
use crate::session::{LASTS, SessionSecret};

/// `None`: it comes not, or more than once, or is no session's.
pub(super) fn read(headers: &HeaderMap, api: &Api) -> Option<SessionSecret> {
    let name = name(api);
    let mut found = headers
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(given, _)| *given == name)
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(value), None) => SessionSecret::read(value),
        _ => None,
    }
}

pub(super) fn set(secret: &SessionSecret, api: &Api) -> String {
    line(&secret.text(), LASTS.num_seconds(), api)
}

pub(super) fn clear(api: &Api) -> String {
    line("", 0, api)
}

fn line(value: &str, seconds: i64, api: &Api) -> String {
    let (name, path) = (name(api), path(api));
    let secure = if is_secure(api) { "; Secure" } else { "" };
    format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// The names that begin so are a browser's own promise: set over TLS, the first also by this very host.
fn name(api: &Api) -> &'static str {
    match (is_secure(api), path(api) == "/") {
        (true, true) => "__Host-bindery",
        (true, false) => "__Secure-bindery",
        (false, _) => "bindery",
    }
}

/// Below a prefix, other services of the same host are not sent it.
fn path(api: &Api) -> &str {
    match api.context.config.http.path_prefix.as_str() {
        "" => "/",
        prefix => prefix,
    }
}

/// Over plain HTTP on this very machine a browser would not keep it otherwise; from anywhere else it should not.
pub(super) fn is_secure(api: &Api) -> bool {
    let is_loopback = |url: &url::Url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url::Url::parse(&api.base_url) {
        Ok(url) => url.scheme() != "http" || !is_loopback(&url),
        Err(_) => true,
    }
}
