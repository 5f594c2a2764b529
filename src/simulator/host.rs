use std::time::Duration;

use chrono::TimeDelta;

use super::Simulator;

/// What an Enterprise Server says of itself.
pub(super) const ENTERPRISE_VERSION: &str = "3.17.2";
/// Where an Enterprise Server has its API.
pub(super) const ENTERPRISE_PATH: &str = "/api/v3";

/// Which GitHub this is.
#[derive(Debug, Clone, Default)]
pub(super) enum Host {
    #[default]
    GitHubCom,
    Enterprise(String),
}

impl Host {
    /// What links in payloads begin with, to the API…
    pub(super) fn api(&self) -> String {
        match self {
            Self::GitHubCom => "https://api.github.com".to_owned(),
            Self::Enterprise(name) => format!("https://{name}{ENTERPRISE_PATH}"),
        }
    }

    /// …and to pages.
    pub(super) fn web(&self) -> String {
        format!("https://{}", self.name())
    }

    pub(super) fn name(&self) -> &str {
        self.enterprise().unwrap_or("github.com")
    }

    /// The server's own name, if it is one.
    pub(super) fn enterprise(&self) -> Option<&str> {
        match self {
            Self::GitHubCom => None,
            Self::Enterprise(name) => Some(name),
        }
    }

    /// What every path of the API begins with.
    pub(super) fn path(&self) -> &'static str {
        self.enterprise().map_or("", |_| ENTERPRISE_PATH)
    }

    /// Deliveries older than this are gone from the list.
    pub(super) fn retention(&self) -> TimeDelta {
        TimeDelta::days(self.enterprise().map_or(3, |_| 7))
    }

    /// GitHub hangs up after this.
    pub(super) fn deadline(&self) -> Duration {
        Duration::from_secs(self.enterprise().map_or(10, |_| 30))
    }
}

impl Simulator {
    /// Makes this GitHub an Enterprise Server of this name: its API is under `/api/v3` (as
    /// [`Simulator::url`] says), counts no requests, and its deliveries name the server.
    pub fn become_enterprise_server(&self, name: &str) {
        self.with(|world| world.host = Host::Enterprise(name.to_owned()));
        self.set_hourly_limit(None);
    }
}
