//! One App: whether GitHub knows it, and what it is allowed and told.

use std::future::ready;
use std::time::Duration;

use super::code::Code;
use super::report::{Findings, Found, told};
use super::{Options, installations, round_trip, webhook, work};
use crate::apps;
use crate::clock::Clock;
use crate::config::{Config, GitHubAppConfig, Interval};
use crate::db::Db;
use crate::github::client::App;
use crate::github::{GitHub, GitHubError, needed};

/// Somebody waits for the answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Beyond this GitHub may refuse what is signed by our clock.
const TOLERATED_SECONDS: i64 = 60;

/// The App as it is looked at.
pub(super) struct Patient<'a> {
    pub(super) settings: &'a GitHubAppConfig,
    pub(super) label: &'a str,
    pub(super) github: GitHub,
    pub(super) clock: &'a Clock,
    pub(super) sweep_interval: Interval,
}

pub(super) fn configured(config: &Config) -> Found {
    let missing = config.missing.join(", ");
    match (config.github.len(), missing.is_empty()) {
        (0, _) => Found::wrong(format!("there is none: {missing} are not set")),
        (_, false) => Found::wrong(format!("one is left out: {missing} are not set")),
        (1, true) => Found::fine("one"),
        (count, true) => Found::fine(count.to_string()),
    }
}

pub(super) async fn look(
    config: &Config,
    settings: &GitHubAppConfig,
    label: &str,
    db: Option<&Db>,
    options: &Options,
    clock: &Clock,
    findings: &mut Findings,
) {
    let of = Some(label);
    let mut client = apps::client_config(settings);
    client.limits.call_timeout = PATIENCE;
    let github = match GitHub::new(client, clock.clone()) {
        Ok(github) => github,
        Err(error) => {
            let found = Found::wrong(error.to_string());
            return findings.check(Code::GitHub, of, ready(found)).await;
        }
    };
    let patient = Patient {
        settings,
        label,
        github,
        clock,
        sweep_interval: config.healing.sweep_interval,
    };
    let app = patient.github.app().await;
    findings.check(Code::GitHub, of, ready(answers(&app))).await;
    findings
        .check(Code::Clock, of, ready(clock_of(&patient)))
        .await;
    findings
        .check(Code::AppKey, of, ready(key(&app, settings)))
        .await;
    findings
        .check(Code::AppPermissions, of, ready(permissions(&app)))
        .await;
    findings
        .check(Code::AppEvents, of, ready(events(&app)))
        .await;
    webhook::look(&patient, findings).await;
    findings
        .check(
            Code::WebhookSecret,
            of,
            round_trip::look(&patient, db, options),
        )
        .await;
    installations::look(&patient, app.as_ref().ok(), findings).await;
    if let Some(db) = db {
        work::look_at_sweep(&patient, db, findings).await;
    }
}

/// Whatever the answer is.
fn answers(app: &Result<App, GitHubError>) -> Found {
    match app {
        Ok(_) | Err(GitHubError::Unauthorized | GitHubError::AccessLost(_)) => {
            Found::fine("it answers")
        }
        Err(GitHubError::NotFound) => Found::wrong("there is no API of GitHub's at GITHUB_API_URL"),
        Err(error) => Found::wrong(told(error)),
    }
}

fn clock_of(patient: &Patient<'_>) -> Found {
    let ahead = patient.github.clock_offset().num_seconds();
    match ahead {
        0 => Found::fine("as GitHub's"),
        _ if ahead.abs() <= TOLERATED_SECONDS => Found::fine(format!("{} s off", ahead.abs())),
        1.. => Found::wrong(format!("this machine's is {ahead} s behind GitHub's")),
        _ => Found::wrong(format!("this machine's is {} s ahead of GitHub's", -ahead)),
    }
}

fn key(app: &Result<App, GitHubError>, settings: &GitHubAppConfig) -> Found {
    match app {
        Ok(app) if app.id == settings.app_id => {
            Found::fine(format!("GitHub knows it: {}", app.name))
        }
        Ok(app) => Found::wrong(format!("it is the key of another App, {}", app.id)),
        Err(GitHubError::Unauthorized) => {
            Found::wrong(format!("GitHub refuses it for the App {}", settings.app_id))
        }
        Err(error) => Found::unanswered(error),
    }
}

fn permissions(app: &Result<App, GitHubError>) -> Found {
    let app = match app {
        Ok(app) => app,
        Err(error) => return Found::unanswered(error),
    };
    let lacks = |name: &&str| !app.permissions.contains_key(*name);
    let missing: Vec<&str> = needed::PERMISSIONS.into_iter().filter(lacks).collect();
    if !missing.is_empty() {
        let missing: Vec<String> = missing.iter().map(|name| format!("{name}: read")).collect();
        return Found::wrong(format!("it does not ask for {}", missing.join(" and ")));
    }
    let more = |(name, level): &(&String, &String)| {
        *level != "read" || !needed::PERMISSIONS.contains(&name.as_str())
    };
    let more: Vec<String> = app
        .permissions
        .iter()
        .filter(more)
        .map(|(name, level)| format!("{name}: {level}"))
        .collect();
    match more.is_empty() {
        true => Found::fine("contents: read, metadata: read"),
        false => Found::fine(format!("what is needed, and more: {}", more.join(", "))),
    }
}

fn events(app: &Result<App, GitHubError>) -> Found {
    let app = match app {
        Ok(app) => app,
        Err(error) => return Found::unanswered(error),
    };
    let heard = |event: &str| app.events.iter().any(|told| told == event);
    let missing: Vec<&str> = needed::EVENTS
        .into_iter()
        .filter(|event| !heard(event))
        .collect();
    match missing.is_empty() {
        true => Found::fine(needed::EVENTS.join(", ")),
        false => Found::wrong(format!("it does not subscribe to {}", missing.join(", "))),
    }
}
