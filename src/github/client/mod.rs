//! The calls of GitHub's REST API that Bindery knows, and what their answers mean.

mod answer;
mod archive;
mod budget;
mod config;
mod delivery;
mod etag;
#[doc(hidden)]
pub mod fuzz;
mod git;
mod hook;
mod installation;
mod rate_limit;
mod registration;
mod repository;
mod request;
mod send;
#[cfg(test)]
mod tests;
mod transport;

use chrono::{DateTime, TimeDelta, Utc};

pub use archive::Archive;
pub use config::{ClientLimits, GitHubConfig, GitHubConfigError, host_of};
pub use delivery::{Deliveries, DeliveryCursor, FetchedDelivery, HookDelivery};
pub use etag::{Conditional, ETag};
pub use git::{Commit, Listing, Tree, TreeItem};
pub use hook::HookConfig;
pub use installation::{Account, App, Installation, Installations};
pub use rate_limit::HourlyBudget;
pub use registration::{Registered, RegistrationError, convert};
pub use repository::{Repositories, Repository, RepositoryKey};

use super::app_auth::{AppSigner, TokenCache};
use super::ids::{AppId, InstallationId};
use crate::clock::Clock;
use archive::Archives;
use budget::{Asker, Budgets};
use request::Cap;
use transport::Transport;

/// One App on one GitHub: asks, within the budgets that GitHub sets, and says what came of it.
///
/// Never retries and never sleeps out a rate limit: when to ask again is the asker's decision.
/// Only a token that was refused is replaced, once, within a call. Share it by `Arc`.
#[derive(Debug)]
pub struct GitHub {
    host: String,
    app_id: AppId,
    transport: Transport,
    archives: Archives,
    signer: AppSigner,
    tokens: TokenCache,
    budgets: Budgets,
    limits: ClientLimits,
    clock: Clock,
}

impl GitHub {
    /// # Errors
    /// When the URL or the limits can never work, or TLS cannot be set up. Asks GitHub nothing.
    pub fn new(config: GitHubConfig, clock: Clock) -> Result<Self, GitHubConfigError> {
        config.check()?;
        Ok(Self {
            transport: Transport::new(&config, clock.clone())?,
            archives: Archives::new(&config)?,
            host: config.host,
            app_id: config.app_id,
            signer: AppSigner::new(
                config.app_id,
                config.private_key,
                config.previous_private_key,
            ),
            tokens: TokenCache::new(),
            budgets: Budgets::new(config.limits.clone()),
            limits: config.limits,
            clock,
        })
    }

    /// What identities of this GitHub are kept under.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn app_id(&self) -> AppId {
        self.app_id
    }

    /// How far GitHub's clock is ahead of ours, by its answers so far; less than 20 seconds counts as nothing.
    pub fn clock_offset(&self) -> TimeDelta {
        self.signer.offset()
    }

    /// Until when GitHub wants no request under this installation, if it does.
    pub fn paused_until(&self, id: InstallationId) -> Option<DateTime<Utc>> {
        self.budgets
            .paused_until(Asker::Installation(id), self.clock.now())
    }

    /// The same for what the App asks as itself, minting tokens included.
    pub fn app_paused_until(&self) -> Option<DateTime<Utc>> {
        self.budgets.paused_until(Asker::App, self.clock.now())
    }

    /// Makes a pause known that another process, or this one before a restart, was told of. Never shortens one.
    pub fn pause(&self, id: InstallationId, until: DateTime<Utc>) {
        self.budgets.of(Asker::Installation(id)).pause(until);
    }

    /// How many requests one installation may be asked in any minute.
    pub fn requests_per_minute(&self) -> u32 {
        self.limits.max_requests_per_minute
    }

    fn json_cap(&self) -> Cap {
        Cap {
            what: "answer",
            bytes: self.limits.max_json_bytes,
            is_of_a_thing: false,
        }
    }

    fn large_json_cap(&self) -> Cap {
        Cap {
            what: "answer",
            bytes: self.limits.max_large_json_bytes,
            is_of_a_thing: false,
        }
    }
}
