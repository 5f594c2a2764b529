//! What the headers of a delivery say, by an exact grammar: each at most once, and none of them signed.

use std::sync::Arc;

use actix_web::http::header::HeaderMap;

use super::refusal::Refusal;
use crate::apps::{App, Apps};
use crate::config::WebhookConfig;
use crate::github::delivery_body::BodyFormat;
use crate::github::header;
use crate::github::signature::SignatureHeader;

/// A GUID is opaque text of this many characters at most.
const MAX_GUID: usize = 128;
const MAX_EVENT: usize = 128;
/// Bytes of all headers together. GitHub's are about 1 KiB; the rest is for what proxies add.
const MAX_HEAD: usize = 32 << 10;

/// Everything that is decided before the body is read.
pub(super) struct Head {
    pub(super) format: BodyFormat,
    /// What the client says it will send.
    pub(super) length: Option<u64>,
    pub(super) signature: SignatureHeader,
    /// The Apps whose secret may have signed it.
    pub(super) candidates: Vec<Arc<App>>,
}

/// Which delivery it is. Looked at only once it is proven.
pub(super) struct Identity {
    pub(super) event: String,
    pub(super) guid: String,
}

impl Head {
    pub(super) fn parse(
        headers: &HeaderMap,
        apps: &Apps,
        config: &WebhookConfig,
    ) -> Result<Self, Refusal> {
        if size(headers) > MAX_HEAD {
            return Err(Refusal::HeadTooLarge);
        }
        let format = format(headers, config)?;
        let length = match single(headers, "content-length") {
            Ok(Some(text)) => text.parse().ok(),
            Ok(None) => None,
            Err(Many) => return Err(Refusal::BadRequest("several Content-Length headers")),
        };
        if length.is_some_and(|length| length > cap(config, format)) {
            return Err(Refusal::TooLarge);
        }
        Ok(Self {
            format,
            length,
            candidates: candidates(headers, apps)?,
            signature: signature(headers)?,
        })
    }
}

/// Bytes of a raw body: percent-encoding can make three of each byte of a payload.
pub(super) fn cap(config: &WebhookConfig, format: BodyFormat) -> u64 {
    let payload = config.max_body.as_u64();
    match format {
        BodyFormat::Json => payload,
        BodyFormat::Form => payload * 3 + 64,
    }
}

fn size(headers: &HeaderMap) -> usize {
    let lengths = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    lengths.sum()
}

/// More than one header where one is allowed, or one that is not text.
struct Many;

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Many> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => std::str::from_utf8(value.as_bytes())
            .map(Some)
            .map_err(|_| Many),
        _ => Err(Many),
    }
}

fn format(headers: &HeaderMap, config: &WebhookConfig) -> Result<BodyFormat, Refusal> {
    let content_type = single(headers, "content-type")
        .ok()
        .flatten()
        .unwrap_or_default();
    let format = BodyFormat::of(content_type).ok_or(Refusal::MediaType)?;
    if format == BodyFormat::Form && !config.forms {
        return Err(Refusal::MediaType);
    }
    // Decompressing would verify other bytes than were signed, and is a bomb's surface.
    match single(headers, "content-encoding") {
        Ok(None) => Ok(format),
        Ok(Some(encoding)) if encoding.eq_ignore_ascii_case("identity") => Ok(format),
        _ => Err(Refusal::MediaType),
    }
}

/// The App is told by the target's id when there is one; without, any of ours may have signed.
fn candidates(headers: &HeaderMap, apps: &Apps) -> Result<Vec<Arc<App>>, Refusal> {
    let unauthorized = |reason| move |_: Many| Refusal::Unauthorized(reason);
    let host = single(headers, header::ENTERPRISE_HOST).map_err(unauthorized("enterprise_host"))?;
    let target = single(headers, header::TARGET_ID).map_err(unauthorized("target_id"))?;
    let is_meant = |app: &&Arc<App>| {
        host.is_none_or(|host| is_called(&app.host, host))
            && target.is_none_or(|target| app.app_id.to_string() == target)
    };
    let candidates: Vec<Arc<App>> = apps.iter().filter(is_meant).cloned().collect();
    if candidates.is_empty() {
        return Err(Refusal::Unauthorized("unknown_app"));
    }
    Ok(candidates)
}

/// GitHub writes a server's name; ours has the API's port too, where that is a port of its own.
fn is_called(ours: &str, theirs: &str) -> bool {
    let name = match ours.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => ours,
    };
    [ours, name]
        .iter()
        .any(|host| host.eq_ignore_ascii_case(theirs))
}

fn signature(headers: &HeaderMap) -> Result<SignatureHeader, Refusal> {
    let mut values = headers.get_all(header::SIGNATURE);
    match (values.next(), values.next()) {
        (None, _) => Err(Refusal::Unauthorized("sig_missing")),
        (Some(value), None) => SignatureHeader::parse(value.as_bytes())
            .map_err(|_| Refusal::Unauthorized("sig_malformed")),
        _ => Err(Refusal::Unauthorized("sig_repeated")),
    }
}

pub(super) fn identity(headers: &HeaderMap) -> Result<Identity, Refusal> {
    let text = |name, max: usize, what| {
        let value = single(headers, name).map_err(|_| Refusal::BadRequest(what))?;
        let value = value.ok_or(Refusal::BadRequest(what))?;
        let opaque = !value.is_empty()
            && value.chars().count() <= max
            && !value.chars().any(char::is_control);
        if opaque {
            Ok(value.to_owned())
        } else {
            Err(Refusal::BadRequest(what))
        }
    };
    Ok(Identity {
        event: text(
            header::EVENT,
            MAX_EVENT,
            "X-GitHub-Event must be there once, with 1 to 128 characters",
        )?,
        guid: text(
            header::DELIVERY,
            MAX_GUID,
            "X-GitHub-Delivery must be there once, with 1 to 128 characters",
        )?,
    })
}

#[cfg(test)]
mod tests {
    use super::is_called;

    #[test]
    fn w55_a_server_is_called_by_its_name() {
        for ours in ["ghe.example.com", "ghe.example.com:8443"] {
            assert!(is_called(ours, "GHE.example.com"));
            for other in [
                "",
                "example.com",
                "ghe.example.com.evil.example",
                "ghe.example.com:1",
            ] {
                assert!(!is_called(ours, other), "{other}");
            }
        }
        assert!(is_called("[::1]:8443", "[::1]") && is_called("[::1]", "[::1]"));
        assert!(!is_called("[::1]", "[:"));
    }
}
