//! `deliveries`, `delivery` and `replay`: what GitHub sent, and what became of it.

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::api::{Api, Query};
use super::print::{Common, Facts, Listing, Row, read};
use super::table::Cell;
use crate::inbox::DeliveryState;

#[derive(Debug, Args)]
pub(in crate::cli) struct DeliveriesArgs {
    /// Those in this state: received, processed, ignored, rejected or failed.
    #[arg(long)]
    state: Option<DeliveryState>,
    /// Those of this event, such as push.
    #[arg(long)]
    event: Option<String>,
    /// Those with this GUID, one of each App that heard of the event.
    #[arg(long)]
    guid: Option<String>,
    /// Those about this repository, by GitHub's numeric id.
    #[arg(long, value_name = "ID")]
    repository: Option<i64>,
    /// Those of pushes that brought this commit.
    #[arg(long)]
    sha: Option<String>,
    #[command(flatten)]
    listing: Listing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DeliveryArgs {
    /// The delivery: its id, or its GUID (X-GitHub-Delivery).
    #[arg(value_name = "ID|GUID")]
    delivery: String,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReplayArgs {
    /// The deliveries: by their ids, or their GUIDs (X-GitHub-Delivery).
    #[arg(required = true, value_name = "ID|GUID")]
    deliveries: Vec<String>,
    #[command(flatten)]
    common: Common,
}

/// A delivery, as far as people are shown of it.
#[derive(Debug, Deserialize)]
struct Delivery {
    id: i64,
    guid: String,
    github_host: Option<String>,
    github_app_id: Option<i64>,
    event: String,
    action: Option<String>,
    state: String,
    reason: Option<String>,
    detail: Option<String>,
    attempts: i32,
    body_size: i64,
    github_repo_id: Option<i64>,
    github_installation_id: Option<i64>,
    github_ref: Option<String>,
    head_sha: Option<String>,
    received_at: DateTime<Utc>,
    processed_at: Option<DateTime<Utc>>,
    /// Of one by itself, as what follows.
    #[serde(default)]
    signed_by: Option<String>,
    #[serde(default)]
    decisions: Vec<Decision>,
}

#[derive(Debug, Deserialize)]
struct Decision {
    binding_id: i64,
    verdict: String,
    reason: String,
    queue_job_id: Option<i64>,
}

impl Delivery {
    fn what(&self) -> String {
        match &self.action {
            Some(action) => format!("{}.{action}", self.event),
            None => self.event.clone(),
        }
    }
}

impl Row for Delivery {
    const HEADER: &'static [&'static str] = &[
        "id", "received", "guid", "event", "state", "reason", "ref", "commit",
    ];

    fn cells(self, now: DateTime<Utc>) -> Vec<Cell> {
        vec![
            self.id.into(),
            Cell::when(Some(self.received_at), now),
            self.guid.as_str().into(),
            self.what().into(),
            Cell::state(&self.state),
            Cell::maybe(self.reason.as_ref()),
            Cell::maybe(self.github_ref.as_ref()),
            Cell::sha(self.head_sha.as_deref()),
        ]
    }
}

impl Facts for Delivery {
    fn facts(self, now: DateTime<Utc>) -> Vec<(&'static str, Cell)> {
        let app = match (&self.github_host, self.github_app_id) {
            (Some(host), Some(id)) => format!("{id} on {host}"),
            _ => "not configured any more".to_owned(),
        };
        let signed_by = match &self.signed_by {
            Some(secret) => format!("by the {secret} secret"),
            None => "fetched from GitHub's list: it had not arrived".to_owned(),
        };
        let mut facts = vec![
            ("id", self.id.into()),
            ("guid", self.guid.as_str().into()),
            ("event", self.what().into()),
            ("state", Cell::state(&self.state)),
            ("reason", Cell::maybe(self.reason.as_ref())),
            ("detail", Cell::maybe(self.detail.as_ref())),
            ("App", app.into()),
            ("signed", signed_by.into()),
            ("bytes", self.body_size.into()),
            ("repository", Cell::maybe(self.github_repo_id)),
            ("installation", Cell::maybe(self.github_installation_id)),
            ("ref", Cell::maybe(self.github_ref.as_ref())),
            ("commit", Cell::maybe(self.head_sha.as_ref())),
            ("attempts", self.attempts.into()),
            ("received", Cell::when(Some(self.received_at), now)),
            ("processed", Cell::when(self.processed_at, now)),
        ];
        for decision in self.decisions {
            let job = decision.queue_job_id;
            let job = job.map(|id| format!(", job {id}")).unwrap_or_default();
            let Decision {
                binding_id,
                verdict,
                reason,
                ..
            } = decision;
            let says = format!("binding {binding_id}: {verdict} ({reason}){job}");
            facts.push(("decision", says.into()));
        }
        facts
    }
}

/// `bindery deliveries`
pub(in crate::cli) async fn list(mut args: DeliveriesArgs) -> anyhow::Result<()> {
    let reach = std::mem::take(&mut args.listing.common.reach);
    let api = reach.connect().await?;
    let query = args.listing.query("/deliveries");
    let query = query
        .with("state", args.state)
        .with("event", args.event)
        .with("guid", args.guid)
        .with("repository", args.repository)
        .with("sha", args.sha);
    let pages = api.list(query);
    args.listing.print_history::<Delivery>(pages).await
}

/// `bindery delivery`
pub(in crate::cli) async fn get(args: DeliveryArgs) -> anyhow::Result<()> {
    let api = args.common.reach.connect().await?;
    let ids = ids(&args.delivery, &api).await?;
    let [id] = ids.as_slice() else {
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        bail!(
            "{}: several Apps were told of it, so give one of the ids: {}",
            args.delivery,
            ids.join(", ")
        );
    };
    let delivery = api.get(&format!("/deliveries/{id}")).await;
    let delivery = delivery.with_context(|| args.delivery.clone())?;
    args.common.output.say_one::<Delivery>(delivery)
}

/// `bindery replay`
pub(in crate::cli) async fn replay(args: ReplayArgs) -> anyhow::Result<()> {
    let api = args.common.reach.connect().await?;
    let mut replayed = Vec::new();
    for delivery in &args.deliveries {
        for id in ids(delivery, &api).await? {
            let asked = api.post(&format!("/deliveries/{id}/replay"), None).await;
            replayed.push(asked.with_context(|| delivery.clone())?);
        }
    }
    args.common.output.say_list::<Replayed>(replayed)
}

#[derive(Debug, Deserialize)]
struct Replayed {
    delivery_id: i64,
    guid: String,
}

impl Row for Replayed {
    const HEADER: &'static [&'static str] = &["delivery", "guid", ""];

    fn cells(self, _: DateTime<Utc>) -> Vec<Cell> {
        vec![
            self.delivery_id.into(),
            self.guid.into(),
            "will be processed again".into(),
        ]
    }
}

/// At least one: a GUID may be of several deliveries, one of each App.
async fn ids(delivery: &str, api: &Api) -> anyhow::Result<Vec<i64>> {
    #[derive(Deserialize)]
    struct WithId {
        id: i64,
    }
    if let Ok(id) = delivery.parse() {
        return Ok(vec![id]);
    }
    let query = Query::of("/deliveries").with("guid", Some(delivery));
    let found: Vec<Value> = api.list(query.paged(None)).all().await?;
    let ids: Result<Vec<_>, _> = found
        .into_iter()
        .map(|item| read::<WithId>(item).map(|delivery| delivery.id))
        .collect();
    match ids? {
        none if none.is_empty() => bail!("{delivery}: there is no such delivery"),
        ids => Ok(ids),
    }
}
