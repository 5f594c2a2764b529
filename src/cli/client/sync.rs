//! `sync`: asks for syncs, and waits for them where that is wanted.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::api::Api;
use super::binding::{self, Binding};
use super::job::Job;
use super::print::{Common, Row, read};
use super::progress::Progress;
use super::table::Cell;
use crate::explain::BindingPlace;

#[derive(Debug, Args)]
pub(in crate::cli) struct SyncArgs {
    /// The bindings: acme/site, or acme/docs/site in a project.
    #[arg(required_unless_present_any = ["all", "org"], value_name = "PLACE")]
    places: Vec<BindingPlace>,
    /// All that the token sees.
    #[arg(long, conflicts_with_all = ["places", "org"])]
    all: bool,
    /// All of this organisation and its projects.
    #[arg(long, value_name = "ORG", conflicts_with = "places")]
    org: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Waiting {
    /// Wait until it has been synced; exit with status 1 if that failed.
    #[arg(long)]
    wait: bool,
    /// The longest to wait.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

impl Waiting {
    pub(super) fn is_asked(&self) -> bool {
        self.wait
    }
}

/// What was asked for, and what came of it.
#[derive(Debug, Serialize, Deserialize)]
struct Synced {
    place: String,
    job_id: i64,
    /// It was waiting already.
    coalesced: bool,
    /// The job's, when it was waited for.
    state: Option<String>,
    commit_sha: Option<String>,
    error: Option<String>,
}

/// What `POST …/sync` answers.
#[derive(Debug, Deserialize)]
struct Asked {
    queue_job_id: i64,
    coalesced: bool,
}

impl Row for Synced {
    const HEADER: &'static [&'static str] = &["place", "job", "state", "commit", "error"];

    fn cells(self, _: DateTime<Utc>) -> Vec<Cell> {
        let state = match (&self.state, self.coalesced) {
            (Some(state), _) => Cell::state(state),
            (None, true) => "was waiting already".into(),
            (None, false) => "on its way".into(),
        };
        vec![
            self.place.into(),
            self.job_id.into(),
            state,
            Cell::sha(self.commit_sha.as_deref()),
            Cell::maybe(self.error),
        ]
    }
}

/// `bindery sync`
pub(in crate::cli) async fn run(args: SyncArgs) -> anyhow::Result<()> {
    let api = args.common.reach.connect().await?;
    let places = match args.org {
        Some(org) => places_of(&org, &api).await?,
        None if args.all => everywhere(&api).await?,
        None => args.places,
    };
    let progress = Progress::new(places.len() * if args.waiting.wait { 2 } else { 1 });
    let mut synced = Vec::with_capacity(places.len());
    for place in &places {
        progress.doing(place.short());
        synced.push(ask(place, &progress, &api).await?);
        progress.advance();
    }
    let mut failed = 0;
    if args.waiting.wait {
        let until = Instant::now() + args.waiting.timeout;
        for (place, one) in places.iter().zip(&mut synced) {
            settle(place, one, until, &progress, &api).await?;
            failed += usize::from(one.error.is_some());
            progress.advance();
        }
    }
    drop(progress);
    let items: Result<Vec<_>, _> = synced.iter().map(serde_json::to_value).collect();
    args.common.output.say_list::<Synced>(items?)?;
    ensure!(failed == 0, "{failed} of {} were not synced", places.len());
    Ok(())
}

async fn everywhere(api: &Api) -> anyhow::Result<Vec<BindingPlace>> {
    let mut places = Vec::new();
    for org in binding::organizations(api).await? {
        places.extend(places_of(&org, api).await?);
    }
    Ok(places)
}

async fn places_of(org: &str, api: &Api) -> anyhow::Result<Vec<BindingPlace>> {
    let bindings = binding::of_organization(org, api).await;
    let bindings = bindings.with_context(|| org.to_owned())?;
    bindings
        .iter()
        .map(|binding| Ok(binding.path().parse()?))
        .collect()
}

/// As often as the service admits.
async fn ask(place: &BindingPlace, progress: &Progress, api: &Api) -> anyhow::Result<Synced> {
    loop {
        let asked = api.post(&format!("{place}/sync"), None).await;
        let asked = match asked {
            Err(failure) if failure.is("too-many-syncs") => {
                let wait = failure.wait().unwrap_or(Duration::from_secs(60));
                progress.doing(format_args!("waits {} s: {failure}", wait.as_secs()));
                tokio::time::sleep(wait).await;
                continue;
            }
            asked => asked.with_context(|| place.short())?,
        };
        let Asked {
            queue_job_id,
            coalesced,
        } = read(asked)?;
        return Ok(Synced {
            place: place.short(),
            job_id: queue_job_id,
            coalesced,
            state: None,
            commit_sha: None,
            error: None,
        });
    }
}

/// Waits for the newest sync of a binding, and fails if it did.
pub(super) async fn wait_for(
    place: &BindingPlace,
    job: Option<i64>,
    waiting: &Waiting,
    api: &Api,
) -> anyhow::Result<()> {
    let Some(job_id) = job else {
        return Ok(());
    };
    let mut synced = Synced {
        place: place.short(),
        job_id,
        coalesced: false,
        state: None,
        commit_sha: None,
        error: None,
    };
    let progress = Progress::new(1);
    let until = Instant::now() + waiting.timeout;
    settle(place, &mut synced, until, &progress, api).await?;
    match synced.error {
        None => Ok(()),
        Some(error) => bail!("{}: {error}", place.short()),
    }
}

/// Between two looks at a job: the first soon, as most syncs take less than a second.
const LOOKS: [u64; 4] = [100, 250, 500, 1000];

/// Writes down what came of it.
async fn settle(
    place: &BindingPlace,
    synced: &mut Synced,
    until: Instant,
    progress: &Progress,
    api: &Api,
) -> anyhow::Result<()> {
    let mut looks = LOOKS.into_iter();
    let mut pause = 0;
    loop {
        let job: Job = read(api.get(&format!("/jobs/{}", synced.job_id)).await?)?;
        if job.is_final() {
            let binding: Binding = read(binding::find(place, api).await?)?;
            match binding.last_job() {
                // Called off because another one does its work.
                Some(other) if job.state == "cancelled" && other > job.id => {
                    synced.job_id = other;
                    continue;
                }
                _ => {
                    synced.end(&job, &binding);
                    return Ok(());
                }
            }
        }
        if Instant::now() >= until {
            synced.error = Some(still_waits(&job));
            synced.state = Some(job.state);
            return Ok(());
        }
        progress.doing(doing(&synced.place, &job));
        pause = looks.next().unwrap_or(pause);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

impl Synced {
    fn end(&mut self, job: &Job, binding: &Binding) {
        self.state = Some(job.state.clone());
        if job.state == "completed" {
            self.commit_sha = binding.commit_sha().map(ToOwned::to_owned);
            return;
        }
        let said = binding.last_sync_error.as_deref().or(job.last_error());
        let otherwise = match job.state.as_str() {
            "cancelled" => "the job was called off",
            _ => "the job was given up",
        };
        self.error = Some(said.unwrap_or(otherwise).to_owned());
    }
}

fn doing(place: &str, job: &Job) -> String {
    match job.last_error() {
        Some(error) => format!("{place}: job {} is {} ({error})", job.id, job.state),
        None => format!("{place}: job {} is {}", job.id, job.state),
    }
}

fn still_waits(job: &Job) -> String {
    let due = job.scheduled_at.format("%Y-%m-%d %H:%M:%S UTC");
    let said = job.last_error().map(|error| format!(": {error}"));
    format!(
        "not yet: job {} is {}, due {due}{} (`bindery explain --binding` says why)",
        job.id,
        job.state,
        said.unwrap_or_default()
    )
}
