//! The headers of a delivery. None of them is signed: only the body is.

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
