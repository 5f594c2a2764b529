//! Whether a Bindery is set up as it has to be, and what to mend where it is not: settings, database, machine,
//! each GitHub App with its webhook, and whether somebody works. Beside the service; what is asked of GitHub
//! changes nothing there, but for the one delivery that is sent again.
//!
//! One check hides no other: what another has to be fine for is left out, and says so.

mod app;
mod code;
mod database;
mod disk;
mod installations;
mod report;
mod round_trip;
mod webhook;
mod work;

use std::time::Duration;

pub use code::Code;
pub use report::{Check, Outcome, Report};

use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use report::{Findings, Found};

/// How closely it is looked.
#[derive(Debug, Clone)]
pub struct Options {
    /// Has GitHub send a delivery again, and waits for it to arrive.
    pub round_trip: bool,
    /// For that.
    pub patience: Duration,
    /// Checks that make no sense yet.
    pub left_out: Vec<Code>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            round_trip: true,
            patience: Duration::from_secs(30),
            left_out: Vec::new(),
        }
    }
}

impl Options {
    /// Of what was just registered, before anything runs: what GitHub has to say of it. Where it is installed
    /// only if that was waited for.
    pub fn before_start(installed: bool) -> Self {
        let mut left_out = vec![
            Code::Database,
            Code::Migrations,
            Code::DatabaseWritable,
            Code::WebhookSecret,
            Code::BindingsCovered,
            Code::Workers,
            Code::JobsDue,
            Code::DeliveriesDue,
            Code::Sweep,
        ];
        if !installed {
            left_out.extend([Code::Installations, Code::RateLimit]);
        }
        Self {
            left_out,
            ..Self::default()
        }
    }
}

/// Looks at everything that the settings lead to.
pub async fn examine(
    loaded: Result<Config, ConfigError>,
    options: &Options,
    clock: &Clock,
) -> Report {
    let mut findings = Findings::new(&options.left_out);
    let mut labels = Vec::new();
    match loaded {
        Err(error) => findings.add(Code::Settings, None, Found::wrong(error.to_string())),
        Ok(config) => {
            findings.add(Code::Settings, None, Found::fine("all can be read"));
            look(&config, options, clock, &mut findings, &mut labels).await;
        }
    }
    findings.end(&labels, clock.now())
}

async fn look(
    config: &Config,
    options: &Options,
    clock: &Clock,
    findings: &mut Findings,
    labels: &mut Vec<String>,
) {
    let db = database::look(config, findings).await;
    findings
        .check(Code::Disk, None, std::future::ready(disk::look(config)))
        .await;
    findings
        .check(Code::App, None, std::future::ready(app::configured(config)))
        .await;
    for settings in &config.github {
        let label = format!("{}/{}", settings.host, settings.app_id);
        app::look(
            config,
            settings,
            &label,
            db.as_ref(),
            options,
            clock,
            findings,
        )
        .await;
        labels.push(label);
    }
    if let Some(db) = &db {
        work::look(config, db, clock, findings).await;
    }
}
