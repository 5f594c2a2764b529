//! `bindery simulate-push`: what a push would do, by the same rule as the inbox, and without doing it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;

use super::out::Output;
use super::{logging, tables};
use crate::binding;
use crate::config::{Config, Flags, Sources};
use crate::db::{Conn, Db};
use crate::github::event::{Event, Push};
use crate::ids::{BindingId, JobId};
use crate::inbox::{DeliveryState, NewDecision, Verdict};
use crate::processors;

#[derive(Debug, Args)]
pub(super) struct SimulatePushArgs {
    /// The payload of the push as GitHub sends it; - is standard input.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// The GitHub that it is of. Otherwise the first configured App's.
    #[arg(long)]
    host: Option<String>,
    /// How the answer is printed.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    flags: Flags,
}

/// What would become of a push.
#[derive(Debug, Serialize)]
struct Rehearsal {
    github_host: String,
    github_repo_id: i64,
    repository: String,
    github_ref: String,
    before: String,
    after: String,
    /// `processed`: it concerns a binding; `ignored` otherwise.
    state: DeliveryState,
    reason: Option<&'static str>,
    detail: Option<String>,
    bindings: Vec<Concerned>,
}

/// One binding that was considered.
#[derive(Debug, Serialize)]
struct Concerned {
    place: String,
    /// `enqueued`, `joined` or `skipped`.
    verdict: Verdict,
    reason: String,
    /// The job that waits already, and would do it.
    queue_job_id: Option<i64>,
}

/// `bindery simulate-push`
pub(super) async fn run(args: SimulatePushArgs) -> anyhow::Result<ExitCode> {
    let output = args.output;
    let payload =
        read(&args.file).with_context(|| format!("{} cannot be read", args.file.display()))?;
    let event = Event::parse("push", &payload)
        .with_context(|| format!("{} is no payload of a push", args.file.display()))?;
    let Event::Push(push) = event else {
        bail!("{} is no payload of a push", args.file.display());
    };
    let config = Config::load(&Sources::process(args.flags))?;
    logging::start(&config.log);
    let mut settings = config.database.settings();
    settings.pool_size = 1;
    let db = Db::open_to_look(&settings).await?;
    let mut conn = db.read().await?;
    tables::check(&mut conn).await?;
    let host = args.host.map(|host| host.to_ascii_lowercase());
    let first = config.github.first().map(|app| app.host.clone());
    let host = host.or(first).unwrap_or_else(|| "github.com".to_owned());
    let rehearsal = rehearse(&push, host, &config, &mut conn).await?;
    output.say(&rehearsal)?;
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path.as_os_str() == "-" {
        true => std::io::stdin().read_to_end(&mut bytes)?,
        false => std::fs::File::open(path)?.read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

/// In one snapshot.
async fn rehearse(
    push: &Push,
    host: String,
    config: &Config,
    conn: &mut Conn,
) -> anyhow::Result<Rehearsal> {
    let (verdict, places) = conn
        .snapshot(async |conn| {
            let grants = config.access.grants;
            let verdict = processors::rehearse(push, &host, grants, conn).await?;
            let mut places = BTreeMap::new();
            for NewDecision { binding, .. } in &verdict.decisions {
                let view = binding::view(*binding, conn).await?;
                places.extend(view.map(|view| (*binding, view.place())));
            }
            diesel::QueryResult::Ok((verdict, places))
        })
        .await?;
    let decisions = verdict.decisions.into_iter();
    Ok(Rehearsal {
        github_host: host,
        github_repo_id: push.repository.id.get(),
        repository: push.repository.name.to_string(),
        github_ref: push.git_ref.clone(),
        before: push.before.to_string(),
        after: push.after.to_string(),
        state: verdict.state,
        reason: verdict.reason,
        detail: verdict.detail,
        bindings: decisions
            .map(|decision| Concerned::new(decision, &places))
            .collect(),
    })
}

impl Concerned {
    fn new(decision: NewDecision, places: &BTreeMap<BindingId, String>) -> Self {
        let place = places.get(&decision.binding).cloned();
        Self {
            place: place.unwrap_or_else(|| format!("binding {}", decision.binding)),
            verdict: decision.verdict,
            reason: decision.reason,
            queue_job_id: decision.job.map(JobId::get),
        }
    }
}

/// For people: the push, a line a binding, and what it comes to.
impl fmt::Display for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            repository,
            github_repo_id,
            github_host,
            github_ref,
            ..
        } = self;
        writeln!(
            f,
            "push       {} of {} ({github_repo_id} on {github_host}) to {}",
            line(github_ref),
            line(repository),
            self.after
        )?;
        for one in &self.bindings {
            writeln!(f, "binding    {}: {}", one.place, one.says())?;
        }
        match (self.state, &self.detail) {
            (DeliveryState::Processed, _) => {
                let concerned = self.bindings.iter();
                let concerned = concerned
                    .filter(|one| one.verdict != Verdict::Skipped)
                    .count();
                write!(
                    f,
                    "verdict    it concerns {concerned} of {} bindings that were considered",
                    self.bindings.len()
                )
            }
            (_, detail) => write!(
                f,
                "verdict    nothing would be done ({}): {}",
                self.reason.unwrap_or("ignored"),
                line(detail.as_deref().unwrap_or_default())
            ),
        }
    }
}

impl Concerned {
    fn says(&self) -> String {
        match (self.verdict, self.queue_job_id) {
            (Verdict::Enqueued, _) => format!("would sync ({})", self.reason),
            (Verdict::Joined, Some(job)) => {
                format!(
                    "would sync ({}), with job {job}, which waits already",
                    self.reason
                )
            }
            (Verdict::Joined, None) => format!("would sync ({})", self.reason),
            (Verdict::Skipped, _) => format!("not concerned ({})", self.reason),
        }
    }
}

/// Others' words are among them: none ends the line or moves the cursor.
fn line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).collect()
}
