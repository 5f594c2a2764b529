use std::time::Duration;

use url::{Host, Url};

use crate::github::app_auth::PrivateKeyPem;
use crate::github::ids::AppId;

/// One App on one GitHub.
#[derive(Debug, Clone)]
pub struct GitHubConfig {
    /// `https://api.github.com`, `https://HOST/api/v3` (Enterprise Server), `https://api.SUBDOMAIN.ghe.com`, or a simulator's.
    pub api_url: Url,
    /// What identities are kept under: the same id means another repository elsewhere. See [`host_of`].
    pub host: String,
    pub app_id: AppId,
    pub private_key: PrivateKeyPem,
    /// The key being replaced, while both may be good.
    pub previous_private_key: Option<PrivateKeyPem>,
    pub limits: ClientLimits,
}

impl GitHubConfig {
    /// The App at `api_url`, with one key and the usual limits.
    pub fn new(api_url: Url, app_id: AppId, private_key: PrivateKeyPem) -> Self {
        Self {
            host: host_of(&api_url),
            api_url,
            app_id,
            private_key,
            previous_private_key: None,
            limits: ClientLimits::default(),
        }
    }
}

/// How much is asked of GitHub, and how much of it is put up with.
#[derive(Debug, Clone)]
pub struct ClientLimits {
    /// Requests under way at a time, for all installations. GitHub's own limit is 100.
    pub max_in_flight: usize,
    /// Requests under way at a time for one installation.
    pub max_in_flight_per_installation: usize,
    /// Requests in any minute for one installation. GitHub's own limit is 900.
    pub max_requests_per_minute: u32,
    pub connect_timeout: Duration,
    /// The longest silence within an answer.
    pub read_idle: Duration,
    /// From the first byte sent to the last one read, redirects included.
    pub call_timeout: Duration,
    /// Bytes of a JSON answer, decompressed.
    pub max_json_bytes: u64,
    /// Bytes of a tree's listing, or of a delivery with its payload. A listing of 56,000 entries has been seen to have 18.4 MB.
    pub max_large_json_bytes: u64,
    /// Archives that are read at a time. They are no requests of the API, and hold no place among those.
    pub max_archives: usize,
    /// From the first byte of an archive to its last, the pauses of its reader included.
    pub archive_timeout: Duration,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            max_in_flight: 100,
            max_in_flight_per_installation: 8,
            max_requests_per_minute: 900,
            connect_timeout: Duration::from_secs(5),
            read_idle: Duration::from_secs(10),
            call_timeout: Duration::from_secs(60),
            max_json_bytes: 4 << 20,
            max_large_json_bytes: 64 << 20,
            max_archives: 4,
            archive_timeout: Duration::from_secs(300),
        }
    }
}

/// The GitHub that an API URL belongs to, as people call it: `github.com`, the Enterprise Server's name,
/// `SUBDOMAIN.ghe.com`, or `127.0.0.1:8080` for a simulator.
pub fn host_of(api_url: &Url) -> String {
    let name = match api_url.host() {
        Some(Host::Domain("api.github.com")) => "github.com".to_owned(),
        Some(Host::Domain(domain)) if domain.ends_with(".ghe.com") => {
            domain.strip_prefix("api.").unwrap_or(domain).to_owned()
        }
        Some(host) => host.to_string(),
        None => String::new(),
    };
    match api_url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name,
    }
}

/// Why no client can be made of a [`GitHubConfig`].
#[derive(Debug, thiserror::Error)]
pub enum GitHubConfigError {
    #[error("the API URL must be http(s)://HOST[/PATH], without user, query or fragment")]
    ApiUrl,
    #[error("the limits of the GitHub client must be at least 1")]
    Limits,
    #[error("the HTTP client could not be set up")]
    Http(#[source] reqwest::Error),
}

impl GitHubConfig {
    pub(super) fn check(&self) -> Result<(), GitHubConfigError> {
        let url = &self.api_url;
        let is_base = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !is_base {
            return Err(GitHubConfigError::ApiUrl);
        }
        if url.scheme() == "http" && !is_loopback(url) {
            tracing::warn!(host = self.host, "tokens for GitHub travel unencrypted");
        }
        let limits = &self.limits;
        let no_room = limits.max_in_flight == 0
            || limits.max_in_flight_per_installation == 0
            || limits.max_requests_per_minute == 0
            || limits.max_archives == 0;
        if no_room {
            return Err(GitHubConfigError::Limits);
        }
        Ok(())
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(domain)) => domain == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://api.github.com", "github.com")]
    #[case("https://API.GitHub.com/", "github.com")]
    #[case("https://git.example.org/api/v3", "git.example.org")]
    #[case("https://git.example.org:8443/api/v3/", "git.example.org:8443")]
    #[case("https://api.octocorp.ghe.com", "octocorp.ghe.com")]
    #[case("http://127.0.0.1:4010", "127.0.0.1:4010")]
    #[case("http://[::1]:4010", "[::1]:4010")]
    fn e30_each_github_has_a_name(#[case] api_url: &str, #[case] host: &str) {
        assert_eq!(host_of(&api_url.parse().expect("a URL")), host);
    }
}
