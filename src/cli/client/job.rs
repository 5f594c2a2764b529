//! `jobs`, `job`, `retry` and `cancel`.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::binding::{self, Binding};
use super::print::{Common, Facts, Listing, Row, read};
use super::table::Cell;
use crate::explain::BindingPlace;
use crate::queue::JobState;

#[derive(Debug, Args)]
pub(in crate::cli) struct JobsArgs {
    /// Those in this state: available, retryable, running, completed, discarded or cancelled.
    #[arg(long)]
    state: Option<JobState>,
    /// Those of this kind, such as content_sync.
    #[arg(long)]
    kind: Option<String>,
    /// The syncs of this binding: acme/site.
    #[arg(long, value_name = "PLACE")]
    binding: Option<BindingPlace>,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct JobArgs {
    /// The job's id.
    id: i64,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct JobIdsArgs {
    /// The jobs' ids.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<i64>,
    #[command(flatten)]
    common: Common,
}

/// A job, as far as people are shown of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Job {
    pub(super) id: i64,
    pub(super) state: String,
    pub(super) attempt: i32,
    pub(super) errors: Vec<Attempt>,
    pub(super) result: Option<Value>,
    pub(super) scheduled_at: DateTime<Utc>,
    kind: String,
    target: i64,
    organization: Option<String>,
    lane: String,
    max_attempts: i32,
    cause: Value,
    created_at: DateTime<Utc>,
    attempted_at: Option<DateTime<Utc>>,
    finalized_at: Option<DateTime<Utc>>,
    worker: Option<String>,
    #[serde(default)]
    events: Vec<Event>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Attempt {
    pub(super) error: String,
    at: DateTime<Utc>,
    attempt: i32,
}

#[derive(Debug, Clone, Deserialize)]
struct Event {
    at: DateTime<Utc>,
    event: String,
}

impl Job {
    pub(super) fn is_final(&self) -> bool {
        matches!(self.state.as_str(), "completed" | "discarded" | "cancelled")
    }

    pub(super) fn last_error(&self) -> Option<&str> {
        self.errors.last().map(|attempt| attempt.error.as_str())
    }

    /// Why it exists, in a word or two.
    fn why(&self) -> String {
        let text = |key: &str| self.cause.get(key).and_then(Value::as_str);
        match text("type") {
            Some("delivery") => format!("delivery {}", text("guid").unwrap_or_default()),
            Some("operator") => text("token").unwrap_or_default().to_owned(),
            Some("timer") => text("name").unwrap_or_default().to_owned(),
            _ => self.cause.to_string(),
        }
    }

    fn attempts(&self) -> String {
        format!("{} of {}", self.attempt, self.max_attempts)
    }
}

impl Row for Job {
    const HEADER: &'static [&'static str] = &[
        "id",
        "state",
        "kind",
        "of",
        "attempt",
        "because of",
        "due",
        "ended",
        "error",
    ];

    fn cells(self, now: DateTime<Utc>) -> Vec<Cell> {
        let of = match &self.organization {
            Some(org) => format!("{org} {}", self.target),
            None => self.target.to_string(),
        };
        let due = (!self.is_final()).then_some(self.scheduled_at);
        vec![
            self.id.into(),
            Cell::state(&self.state),
            self.kind.as_str().into(),
            of.into(),
            self.attempts().into(),
            self.why().into(),
            Cell::when(due, now),
            Cell::when(self.finalized_at, now),
            Cell::maybe(self.last_error()),
        ]
    }
}

impl Facts for Job {
    fn facts(self, now: DateTime<Utc>) -> Vec<(&'static str, Cell)> {
        let mut facts = vec![
            ("id", self.id.into()),
            ("state", Cell::state(&self.state)),
            ("kind", self.kind.as_str().into()),
            ("target", self.target.into()),
            ("organisation", Cell::maybe(self.organization.as_ref())),
            ("lane", self.lane.as_str().into()),
            ("attempt", self.attempts().into()),
            ("because of", self.why().into()),
            ("made", Cell::when(Some(self.created_at), now)),
            ("due", Cell::when(Some(self.scheduled_at), now)),
            ("last attempt", Cell::when(self.attempted_at, now)),
            ("ended", Cell::when(self.finalized_at, now)),
            ("worker", Cell::maybe(self.worker.as_ref())),
            ("result", Cell::maybe(self.result.as_ref())),
        ];
        for Attempt { at, attempt, error } in self.errors {
            let when = super::when::when(at, now);
            facts.push((
                "error",
                format!("attempt {attempt}, {when}: {error}").into(),
            ));
        }
        for Event { at, event } in self.events {
            let when = super::when::when(at, now);
            facts.push(("event", format!("{event}, {when}").into()));
        }
        facts
    }
}

/// `bindery jobs`
pub(in crate::cli) async fn list(mut args: JobsArgs) -> anyhow::Result<()> {
    let reach = std::mem::take(&mut args.listing.common.reach);
    let api = reach.connect().await?;
    let binding = match &args.binding {
        Some(place) => Some(read::<Binding>(binding::find(place, &api).await?)?.id),
        None => None,
    };
    let query = args.listing.query("/jobs");
    let query = query
        .with("state", args.state)
        .with("kind", args.kind)
        .with("binding", binding);
    args.listing.print_history::<Job>(api.list(query)).await
}

/// `bindery job`
pub(in crate::cli) async fn get(args: JobArgs) -> anyhow::Result<()> {
    let api = args.common.reach.connect().await?;
    let job = api.get(&format!("/jobs/{}", args.id)).await;
    let job = job.with_context(|| format!("job {}", args.id))?;
    args.common.output.say_one::<Job>(job)
}

/// `bindery retry`
pub(in crate::cli) async fn retry(args: JobIdsArgs) -> anyhow::Result<()> {
    command(args, "retry").await
}

/// `bindery cancel`
pub(in crate::cli) async fn cancel(args: JobIdsArgs) -> anyhow::Result<()> {
    command(args, "cancel").await
}

async fn command(args: JobIdsArgs, verb: &str) -> anyhow::Result<()> {
    let api = args.common.reach.connect().await?;
    let mut jobs = Vec::new();
    for id in &args.ids {
        let job = api.post(&format!("/jobs/{id}/{verb}"), None).await;
        jobs.push(job.with_context(|| format!("job {id}"))?);
    }
    args.common.output.say_list::<Job>(jobs)
}
