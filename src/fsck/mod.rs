//! The checker: which of the promises hold, as far as a database, a sender's record and logs can tell.
//!
//! It looks at an installation that is at work, and is in nobody's way: nothing is written, no lock is
//! taken, pages are small and read in the order of an index, and what belongs together is read in one
//! snapshot, so that what is received, synced, pruned or collected meanwhile gives no false alarm.
//!
//! Its queries are here and not with their nouns: they ask for what cannot be, across all of them.

mod binding;
mod blobs;
mod deliveries;
mod grants;
mod jobs;
mod logs;
mod publishes;
mod record;
mod report;
mod rule;
mod tables;
mod tree;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use crate::clock::Clock;
use crate::config::{Config, Grants};
use crate::db::Db;

pub use logs::{KnownSecret, check_log};
pub use record::{Sent, check_record};
pub use report::{Extent, Finding, Findings, Report};
pub use rule::{Invariant, Rule};

/// What is looked at, and what counts as too long.
#[derive(Debug, Clone)]
pub struct Options {
    pub grants: Grants,
    pub lease: Duration,
    pub keep_finished: Duration,
    pub keep_bodies: Duration,
    pub keep_deliveries: Duration,
    /// How long what is due may wait, and what was sent may be missing, before somebody should look.
    pub patience: Duration,
    /// Whether every stored byte is read and hashed, and on SQLite the file itself looked through.
    pub bytes: bool,
    /// What a sender sent and was answered, one JSON object a line.
    pub record: Option<PathBuf>,
    pub logs: Vec<PathBuf>,
    /// What must not occur in the logs, besides what looks like a token or a key.
    pub secrets: Vec<KnownSecret>,
}

/// Healing sees within two intervals of five minutes what no event told of.
const PATIENCE: Duration = Duration::from_secs(600);

impl Options {
    /// By the settings that the service goes by. Everything in the database is looked at, and nothing else.
    pub fn of(config: &Config) -> Self {
        Self {
            grants: config.access.grants,
            lease: config.queue.lease,
            keep_finished: config.queue.keep_finished,
            keep_bodies: config.inbox.keep_bodies,
            keep_deliveries: config.inbox.keep_deliveries,
            patience: PATIENCE,
            bytes: true,
            record: None,
            logs: Vec::new(),
            secrets: known_secrets(config),
        }
    }
}

/// Looks at everything that the options name. An `Err` is no verdict: it could not be looked at.
///
/// A look may take long: what may have been pruned meanwhile goes by the clock as it is at each page.
pub async fn check(db: &Db, options: &Options, clock: &Clock) -> anyhow::Result<Report> {
    let begun = clock.now();
    let mut findings = Findings::default();
    let mut conn = db.read().await?;
    tables::check_migrations(&mut findings, &mut conn).await?;
    if findings.is_empty() {
        tables::check(options, &mut findings, &mut conn).await?;
        deliveries::check(options, clock, &mut findings, &mut conn).await?;
        jobs::check(options, clock.now(), &mut findings, &mut conn).await?;
        binding::check(options, clock, &mut findings, &mut conn).await?;
        if options.bytes {
            blobs::check(&mut findings, &mut conn).await?;
        }
        if let Some(path) = &options.record {
            let read = record::check_file(path, options, clock, &mut findings, &mut conn).await;
            read.with_context(|| format!("cannot use the record {}", path.display()))?;
        }
    }
    drop(conn);
    for path in &options.logs {
        let file = std::fs::File::open(path);
        let read = file.and_then(|file| {
            let name = path.display().to_string();
            check_log(
                &name,
                std::io::BufReader::new(file),
                &options.secrets,
                &mut findings,
            )
        });
        read.with_context(|| format!("cannot read the log {}", path.display()))?;
    }
    Ok(Report::new(options, findings, begun))
}

/// Before this, what is kept for `kept` may have been pruned. Pruning goes by its own clock, and in rounds.
fn surely_kept(kept: Duration, now: DateTime<Utc>) -> DateTime<Utc> {
    let margin = TimeDelta::minutes(5);
    now - TimeDelta::from_std(kept).unwrap_or(TimeDelta::MAX / 2) + margin
}

fn known_secrets(config: &Config) -> Vec<KnownSecret> {
    let secret = |name: &str, value: SecretString| KnownSecret {
        name: name.to_owned(),
        value,
    };
    let mut secrets = Vec::new();
    for app in &config.github {
        let current = ("GITHUB_WEBHOOK_SECRET", Some(&app.webhook_secret));
        let previous = (
            "GITHUB_WEBHOOK_SECRET_PREVIOUS",
            app.previous_webhook_secret.as_ref(),
        );
        for (name, value) in [current, previous] {
            secrets.extend(value.and_then(|value| Some(secret(name, value.as_text()?))));
        }
    }
    let admin = config.access.admin_token.clone();
    secrets.extend(admin.map(|value| secret("BINDERY_ADMIN_TOKEN", value)));
    let password = config.database.url.password();
    secrets.extend(password.map(|value| secret("the password in DATABASE_URL", value)));
    secrets
}
