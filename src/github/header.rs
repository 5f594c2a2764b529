//! The headers of a delivery. None of them is signed: only the body is.

pub const CONTENT_TYPE: &str = "content-type";
pub const SIGNATURE: &str = "x-hub-signature-256";
pub const EVENT: &str = "x-github-event";
/// The GUID.
pub const DELIVERY: &str = "x-github-delivery";
pub const HOOK_ID: &str = "x-github-hook-id";
/// `integration` for an App's webhook.
pub const TARGET_TYPE: &str = "x-github-hook-installation-target-type";
/// The App's id.
pub const TARGET_ID: &str = "x-github-hook-installation-target-id";
/// Of an Enterprise Server.
pub const ENTERPRISE_HOST: &str = "x-github-enterprise-host";
pub const ENTERPRISE_VERSION: &str = "x-github-enterprise-version";

/// GitHub's own, which are kept with a delivery; whatever else a proxy adds is not.
pub const KEPT: [&str; 10] = [
    CONTENT_TYPE,
    "user-agent",
    SIGNATURE,
    EVENT,
    DELIVERY,
    HOOK_ID,
    TARGET_TYPE,
    TARGET_ID,
    ENTERPRISE_HOST,
    ENTERPRISE_VERSION,
];

/// A header's value as it is kept.
pub fn kept(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value).replace('\0', "");
    text.chars().take(1024).collect()
}
