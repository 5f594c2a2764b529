//! `tokens`: who may ask the service, and for what.

use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::print::{Common, Format, Listing, Row, read};
use super::table::Cell;
use crate::cli::out;
use crate::clock::Clock;
use crate::slug::Slug;
use crate::token::Role;

/// Without a verb, it lists them.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct TokensArgs {
    #[command(subcommand)]
    verb: Option<TokenVerb>,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Subcommand)]
enum TokenVerb {
    /// Make a token, and print it this once, alone on standard output.
    Create(CreateToken),
    /// Revoke tokens for ever.
    Revoke(RevokeTokens),
}

#[derive(Debug, Args)]
struct CreateToken {
    /// Whose it is, or what for.
    #[arg(long)]
    label: String,
    /// What it may do: viewer, operator or admin.
    #[arg(long)]
    role: Role,
    /// For this organisation alone. Otherwise for all of them.
    #[arg(long, value_name = "ORG")]
    org: Option<Slug>,
    /// How long it is good: 90d. Otherwise until it is revoked.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires_in: Option<Duration>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct RevokeTokens {
    /// The tokens' ids.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<i64>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Deserialize)]
struct Token {
    id: i64,
    label: String,
    organization: Option<String>,
    role: String,
    date_created: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

/// The same, with what is shown once. Without a `Debug`.
#[derive(Deserialize)]
struct NewToken {
    id: i64,
    token: String,
}

impl Row for Token {
    const HEADER: &'static [&'static str] = &[
        "id",
        "label",
        "role",
        "for",
        "made",
        "last used",
        "expires",
        "revoked",
    ];

    fn cells(self, now: DateTime<Utc>) -> Vec<Cell> {
        vec![
            self.id.into(),
            self.label.into(),
            self.role.into(),
            self.organization.as_deref().unwrap_or("all").into(),
            Cell::when(Some(self.date_created), now),
            Cell::when(self.last_used_at, now),
            Cell::when(self.expires_at, now),
            Cell::when(self.revoked_at, now),
        ]
    }
}

/// `bindery tokens`
pub(in crate::cli) async fn run(mut args: TokensArgs) -> anyhow::Result<()> {
    match args.verb {
        None => {
            let reach = std::mem::take(&mut args.listing.common.reach);
            let api = reach.connect().await?;
            let pages = api.list(args.listing.query("/tokens"));
            args.listing.print::<Token>(pages).await
        }
        Some(TokenVerb::Create(create)) => create.run().await,
        Some(TokenVerb::Revoke(revoke)) => revoke.run().await,
    }
}

impl CreateToken {
    async fn run(self) -> anyhow::Result<()> {
        let expires_at = match self.expires_in {
            Some(time) => Some(Clock::system().now() + chrono::TimeDelta::from_std(time)?),
            None => None,
        };
        let body = json!({
            "label": self.label,
            "role": self.role,
            "organization": self.org.map(|org| org.to_string()),
            "expires_at": expires_at,
        });
        let api = self.common.reach.connect().await?;
        let made = api.post("/tokens", Some(&body)).await?;
        let new: NewToken = read(made.clone())?;
        let printed = match self.common.output {
            Format::Table => out::say(&new.token),
            format => format.say_value(&made),
        };
        if let Err(error) = printed {
            // Nobody has it, so nobody could use it.
            api.delete(&format!("/tokens/{}", new.id)).await?;
            return Err(error);
        }
        out::note(format_args!(
            "token {}: it is shown this once, and kept nowhere; `bindery tokens revoke {}` revokes it",
            new.id, new.id
        ));
        Ok(())
    }
}

impl RevokeTokens {
    async fn run(self) -> anyhow::Result<()> {
        let api = self.common.reach.connect().await?;
        for id in self.ids {
            let revoked = api.delete(&format!("/tokens/{id}")).await;
            revoked.with_context(|| format!("token {id}"))?;
            out::note(format_args!("token {id} is revoked"));
        }
        Ok(())
    }
}
