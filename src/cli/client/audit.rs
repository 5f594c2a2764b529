//! `audit`: what was done, and what was refused.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;

use super::print::{Listing, Row};
use super::table::{Cell, Tone};
use crate::audit::Action;
use crate::slug::Slug;

#[derive(Debug, Args)]
pub(in crate::cli) struct AuditArgs {
    /// The log of this organisation. Otherwise that of all.
    #[arg(long, value_name = "ORG")]
    org: Option<Slug>,
    /// Only this: binding.put, for example.
    #[arg(long)]
    action: Option<Action>,
    /// Only what this one did: a token's id, configured_admin or process.
    #[arg(long)]
    actor: Option<String>,
    /// Not what is older: 2026-11-01T00:00:00Z.
    #[arg(long, value_name = "INSTANT")]
    since: Option<DateTime<Utc>>,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Deserialize)]
struct Event {
    at: DateTime<Utc>,
    actor: String,
    token_id: Option<i64>,
    token_label: Option<String>,
    source: Option<String>,
    action: String,
    place: String,
    detail: Option<String>,
    status: u16,
}

impl Row for Event {
    const HEADER: &'static [&'static str] =
        &["when", "who", "from", "action", "place", "status", "detail"];

    fn cells(self, now: DateTime<Utc>) -> Vec<Cell> {
        let who = match (self.token_id, self.token_label) {
            (Some(id), Some(label)) => format!("{label} (token {id})"),
            _ => self.actor,
        };
        let tone = match self.status {
            400.. => Tone::Bad,
            _ => Tone::Plain,
        };
        vec![
            Cell::when(Some(self.at), now),
            who.into(),
            Cell::maybe(self.source),
            self.action.into(),
            self.place.into(),
            Cell::toned(&self.status, tone),
            Cell::maybe(self.detail),
        ]
    }
}

/// `bindery audit`
pub(in crate::cli) async fn run(mut args: AuditArgs) -> anyhow::Result<()> {
    let reach = std::mem::take(&mut args.listing.common.reach);
    let api = reach.connect().await?;
    let path = match &args.org {
        Some(org) => format!("/orgs/{org}/audit"),
        None => "/audit".to_owned(),
    };
    let query = args.listing.query(path);
    let query = query
        .with("action", args.action)
        .with("actor", args.actor)
        .with("since", args.since.map(|at| at.to_rfc3339()));
    args.listing.print_history::<Event>(api.list(query)).await
}
