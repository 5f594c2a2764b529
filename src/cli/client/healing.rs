//! `healing`: what the service does without being told, and when it did.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::print::{Listing, Row};
use super::table::{Cell, Tone};

#[derive(Debug, Args)]
pub(in crate::cli) struct HealingArgs {
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Deserialize)]
struct Timer {
    name: String,
    github_host: Option<String>,
    github_app_id: Option<i64>,
    account: Option<String>,
    due_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    result: Option<Value>,
    error: Option<String>,
}

impl Row for Timer {
    const HEADER: &'static [&'static str] = &["name", "of", "ended", "due", "result", "error"];

    fn cells(self, now: DateTime<Utc>) -> Vec<Cell> {
        let app = match (self.github_app_id, &self.github_host) {
            (Some(id), Some(host)) => format!("App {id} on {host}"),
            _ => "an App that is not configured".to_owned(),
        };
        let of = match &self.account {
            Some(account) => format!("{account}, {app}"),
            None => app,
        };
        let error = match self.error {
            Some(error) => Cell::toned(&error, Tone::Bad),
            None => Cell::maybe(None::<&str>),
        };
        vec![
            self.name.into(),
            of.into(),
            Cell::when(self.finished_at, now),
            Cell::when(Some(self.due_at), now),
            Cell::maybe(self.result),
            error,
        ]
    }
}

/// `bindery healing`
pub(in crate::cli) async fn run(mut args: HealingArgs) -> anyhow::Result<()> {
    let reach = std::mem::take(&mut args.listing.common.reach);
    let api = reach.connect().await?;
    let pages = api.list(args.listing.query("/healing"));
    args.listing.print::<Timer>(pages).await
}
