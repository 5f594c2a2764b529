//! What an operator sets: flags, the environment and an optional TOML file, read into one struct.
//!
//! Every setting is declared once, in its section's `settings!`.

mod access;
mod database;
mod error;
mod file;
mod github;
mod healing;
mod http;
mod inbox;
mod log;
mod queue;
mod reader;
mod reference;
mod roles;
mod setting;
mod source;
mod sync;
#[cfg(test)]
mod tests;
mod value;
mod webhook;

use std::path::PathBuf;

pub use access::{AccessConfig, Grants};
pub use database::DatabaseConfig;
pub use error::ConfigError;
pub use github::GitHubAppConfig;
pub use healing::{HealingConfig, Interval};
pub use http::{HttpConfig, PathPrefix};
pub use inbox::InboxConfig;
pub use log::{LogConfig, LogFilter, LogFormat};
pub use queue::QueueConfig;
pub use reader::Entry;
pub use reference::{page, variables};
pub use roles::RolesConfig;
pub use setting::Setting;
pub use source::{Flags, Origin, Sources, USUAL_FILE};
pub use sync::SyncConfig;
pub use webhook::WebhookConfig;

use file::ConfigFile;
use reader::Reader;

/// All settings, checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub database: DatabaseConfig,
    pub http: HttpConfig,
    pub webhook: WebhookConfig,
    /// The Apps whose settings are complete, the environment's first.
    pub github: Vec<GitHubAppConfig>,
    /// What other Apps lack, or the first one: settings that someone has to add before their
    /// deliveries can be taken.
    pub missing: Vec<String>,
    pub roles: RolesConfig,
    pub queue: QueueConfig,
    pub inbox: InboxConfig,
    pub sync: SyncConfig,
    pub healing: HealingConfig,
    pub access: AccessConfig,
    pub log: LogConfig,
}

impl Config {
    /// Flags win over the environment, that over the file, that over the defaults.
    pub fn load(sources: &Sources<'_>) -> Result<Self, ConfigError> {
        Self::explain(sources).map(|(config, _)| config)
    }

    /// Also every setting with its value and where that came from: what `config show` prints.
    pub fn explain(sources: &Sources<'_>) -> Result<(Self, Vec<Entry>), ConfigError> {
        let mut reader = Reader::new(sources);
        let named = reader.optional::<PathBuf>(&CONFIG_FILE);
        let usual = sources.usual_file.clone().filter(|path| path.is_file());
        if let Some(path) = named.or(usual) {
            reader.open(ConfigFile::read(path));
        }
        let config = Self::read(&mut reader);
        config.refuse_contradictions(&mut reader);
        Ok((config, reader.finish()?))
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let database = reader.section();
        let http = reader.section();
        let webhook = reader.section();
        let (github, missing) = github::read(reader);
        Self {
            database,
            http,
            webhook,
            github,
            missing,
            roles: reader.section(),
            queue: reader.section(),
            inbox: reader.section(),
            sync: reader.section(),
            healing: reader.section(),
            access: reader.section(),
            log: reader.section(),
        }
    }

    /// Settings that are right by themselves, and not together.
    fn refuse_contradictions(&self, reader: &mut Reader<'_>) {
        let contradictions = [
            (
                !self.roles.receiver && !self.roles.worker,
                "BINDERY_RECEIVER and BINDERY_WORKER are both false: leave the process one of them",
            ),
            (
                self.webhook.body_memory < self.webhook.max_body,
                "BINDERY_WEBHOOK_BODY_MEMORY is less than BINDERY_WEBHOOK_MAX_BODY: one delivery must fit",
            ),
            (
                self.queue.backoff_max < self.queue.backoff_base,
                "BINDERY_BACKOFF_MAX is less than BINDERY_BACKOFF_BASE: give at least as much",
            ),
            (
                self.inbox.keep_deliveries < self.inbox.keep_bodies,
                "BINDERY_KEEP_BODIES is more than BINDERY_KEEP_DELIVERIES: give at most as much",
            ),
            (
                self.sync.max_total < self.sync.max_file,
                "BINDERY_SYNC_MAX_FILE is more than BINDERY_SYNC_MAX_TOTAL: give at most as much",
            ),
        ];
        for (_, problem) in contradictions.into_iter().filter(|(holds, _)| *holds) {
            reader.problem(problem.to_owned());
        }
    }
}

/// Read before all others, and so not from the file.
const CONFIG_FILE: Setting = Setting {
    section: "",
    about: "",
    name: "config",
    env: "BINDERY_CONFIG",
    flag: Some("config"),
    default: "`bindery.toml` where it is started, if there is one",
    range: None,
    doc: " A TOML file with any of the settings below, and with more than one GitHub App.",
};
