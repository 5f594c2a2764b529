use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::report::Summary;
use super::screen::Screen;
use super::script::Script;
use super::stage::Stage;
use super::table::{Header, Note, Published, Row, count, short};
use super::{Source, watch};
use crate::git::Oid;
use crate::github::ids::RepositoryId;
use crate::ids::BindingId;
use crate::inbox::{self, Decision, Delivery};
use crate::queue::Job;
use crate::simulator::{Guid, Selection, Sent};

const OWNER: &str = "octo-org";
const BRANCH: &str = "main";
const ORGANIZATION: &str = "/orgs/demo";
pub(super) const BINDING: &str = "/orgs/demo/bindings/replay";

/// The commits being pushed, and what was seen of it so far.
pub(super) struct Replay<'a> {
    stage: &'a Stage,
    source: &'a Source,
    script: Script,
    screen: Screen,
    pub(super) repository: RepositoryId,
    /// What it is called by now.
    pub(super) name: String,
    binding: BindingId,
    /// The first delivery that arrived, with the number of its push.
    first: Option<(usize, Guid)>,
    summary: Summary,
    /// Why what came twice was not harmless; `None` while it was.
    pub(super) duplicate_problem: Option<String>,
}

impl<'a> Replay<'a> {
    /// Sets the world up, binds the folder and waits for the first sync.
    pub(super) async fn begin(stage: &'a Stage, source: &'a Source) -> anyhow::Result<Self> {
        let (first, commits) = source.split();
        let screen = Screen::new(commits.len());
        screen.line(format_args!(
            "{}: folder {}, to push: {} after {}\n",
            source.name,
            source.root.as_str(),
            count(commits.len(), "commit"),
            short(&first.to_string())
        ))?;
        screen.doing("setting up");
        let repository = set_up(stage, source, first).await?;
        let binding = bind(stage, source).await?;
        let mut replay = Self {
            stage,
            source,
            script: Script::of(commits.len()),
            screen,
            repository,
            name: source.name.clone(),
            binding,
            first: None,
            summary: Summary::default(),
            duplicate_problem: None,
        };
        replay.first_sync().await?;
        Ok(replay)
    }

    async fn first_sync(&mut self) -> anyhow::Result<()> {
        self.screen.doing("first sync");
        let begun = Instant::now();
        let jobs = self.jobs().await?;
        let job = jobs.last().context("a new binding has no job")?;
        let job = watch::finished(&self.stage.context, job.id, watch::FIRST_PATIENCE).await?;
        let took = begun.elapsed().as_millis();
        let requests = self.count_requests();
        let result = match watch::failure(&job) {
            None => count(usize_of(&result(&job)["files"]), "file"),
            Some(failure) => failure,
        };
        self.screen.line(Note(&format!(
            "first sync of {OWNER}/{} (repository {}): {result}, {}, {took} ms",
            self.name,
            self.repository,
            count(requests, "request")
        )))?;
        if self.source.split().1.is_empty() {
            return self
                .screen
                .line(Note("there is no commit after the first to be pushed"));
        }
        self.screen.line(Header)
    }

    pub(super) async fn push_all(&mut self) -> anyhow::Result<()> {
        let (_, commits) = self.source.split();
        // Held, so that what GitHub needs to make a delivery is not taken for the service's time.
        self.stage.github.hold_deliveries();
        for (index, commit) in commits.iter().enumerate() {
            if index == self.script.renamed_before {
                self.rename().await?;
            }
            let row = self.push(index, *commit).await?;
            self.screen.line(&row)?;
            self.screen.advance();
            if index >= self.script.redelivered_after && self.summary.duplicates == 0 {
                self.redeliver().await?;
            }
        }
        Ok(())
    }

    async fn push(&mut self, index: usize, commit: Oid) -> anyhow::Result<Row> {
        let subject = self.source.git.subject(commit).await?;
        self.screen.doing(short(&commit.to_string()));
        let github = &self.stage.github;
        let pushed = github.push_existing(self.repository, BRANCH, commit).await;
        let guid = pushed.delivery;
        let guid = guid.with_context(|| format!("GitHub tells nobody of the push of {commit}"))?;
        self.summary.pushes += 1;
        let mut row = Row {
            number: index + 1,
            commit,
            subject,
            delivery: "lost",
            matched: None,
            job: None,
            published: None,
            requests: 0,
            latency: None,
        };
        if self.script.lost == Some(index) {
            github.drop_delivery(&guid);
            self.summary.lost += 1;
        } else {
            self.deliver(&guid, &mut row).await?;
            self.first.get_or_insert((row.number, guid));
        }
        row.requests = self.count_requests();
        Ok(row)
    }

    /// Sends a delivery and watches what it does.
    async fn deliver(&mut self, guid: &Guid, row: &mut Row) -> anyhow::Result<()> {
        let sent_at = Instant::now();
        let sent = self.stage.github.deliver(guid).await;
        row.delivery = match status(&sent)?.as_str() {
            "received" => "received",
            other => anyhow::bail!("a new delivery was answered {other}"),
        };
        let delivery = watch::processed(&self.stage.context, guid).await?;
        let decision = self.decision(&delivery).await?;
        let (matched, job) = match &decision {
            Some(decision) => (decision.reason.clone(), decision.job_id),
            None => (delivery.reason.unwrap_or_default(), None),
        };
        row.matched = Some(matched.trim_start_matches("matched_by_").to_owned());
        let Some(job) = job else {
            self.summary.skipped += 1;
            return Ok(());
        };
        let job = watch::finished(&self.stage.context, job, watch::PATIENCE).await?;
        self.note_job(&job, sent_at.elapsed(), row);
        Ok(())
    }

    fn note_job(&mut self, job: &Job, latency: Duration, row: &mut Row) {
        let result = result(job);
        let text = |key: &str| result[key].as_str().map(str::to_owned);
        row.latency = Some(latency);
        row.job = Some(match text("outcome") {
            Some(outcome) => format!("{} {}, {outcome}", job.id, job.state),
            None => format!("{} {}", job.id, job.state),
        });
        if text("outcome").as_deref() == Some("published") {
            self.summary.latencies.push(latency);
        }
        row.published = text("commit")
            .zip(text("tree"))
            .map(|(commit, tree)| Published { commit, tree });
    }

    /// Why the service did or did not do something for our binding.
    async fn decision(&self, delivery: &Delivery) -> anyhow::Result<Option<Decision>> {
        let mut conn = self.stage.context.db.read().await?;
        let decisions = inbox::decisions_of(delivery.id, &mut conn).await?;
        let ours = |decision: &Decision| decision.binding_id == self.binding;
        Ok(decisions.into_iter().find(ours))
    }

    async fn rename(&mut self) -> anyhow::Result<()> {
        let to = format!("{}-renamed", self.name);
        let github = &self.stage.github;
        for told in github.rename(self.repository, &to).await {
            status(&github.deliver(&told.guid).await)?;
            watch::processed(&self.stage.context, &told.guid).await?;
        }
        self.screen.line(Note(&format!(
            "GitHub renames {OWNER}/{} to {OWNER}/{to}",
            self.name
        )))?;
        self.name = to;
        Ok(())
    }

    /// The first delivery once more: same GUID, same bytes.
    async fn redeliver(&mut self) -> anyhow::Result<()> {
        let Some((number, guid)) = self.first.clone() else {
            return Ok(());
        };
        let before = self.jobs().await?.len();
        let status = status(&self.stage.github.redeliver(&guid).await)?;
        let made = self.jobs().await?.len() - before;
        self.summary.duplicates += 1;
        if status != "duplicate" || made > 0 {
            self.duplicate_problem = Some(format!(
                "the delivery of push {number} came twice: answered {status}, {made} more jobs"
            ));
        }
        self.screen.line(Note(&format!(
            "the delivery of push {number} comes again: {status}, {} made",
            count(made, "job")
        )))
    }

    async fn jobs(&self) -> anyhow::Result<Vec<Job>> {
        watch::jobs_of(&self.stage.context, self.binding.get()).await
    }

    fn count_requests(&mut self) -> usize {
        let requests = self.stage.github.take_requests();
        self.summary.requests.add(&requests)
    }

    pub(super) fn into_summary(mut self) -> Summary {
        self.count_requests();
        std::mem::take(&mut self.summary)
    }
}

/// An organisation on GitHub that has the repository, and installs the App.
async fn set_up(stage: &Stage, source: &Source, first: Oid) -> anyhow::Result<RepositoryId> {
    let github = &stage.github;
    github.create_organization(OWNER);
    let repository = github.create_repository(OWNER, &source.name).await;
    github.import(repository, &source.disk);
    github.push_existing(repository, BRANCH, first).await;
    github.install(OWNER, Selection::All).await;
    for delivery in github.deliveries() {
        watch::processed(&stage.context, &delivery.guid).await?;
    }
    Ok(repository)
}

/// What an operator does: an organisation of ours, and a binding in it.
async fn bind(stage: &Stage, source: &Source) -> anyhow::Result<BindingId> {
    stage.api.put(ORGANIZATION, &json!({})).await?;
    let body = json!({
        "github_owner": OWNER,
        "github_repo": source.name,
        "github_ref": BRANCH,
        "root_path": source.root.as_str(),
    });
    let binding = stage.api.put(BINDING, &body).await?;
    let id = binding["id"].as_i64().context("a binding without an id")?;
    Ok(BindingId::new(id))
}

fn usize_of(number: &Value) -> usize {
    number
        .as_u64()
        .and_then(|number| number.try_into().ok())
        .unwrap_or_default()
}

/// What the webhook answered: `received` or `duplicate`.
fn status(sent: &Sent) -> anyhow::Result<String> {
    let code = sent.status;
    ensure!(
        code == Some(202),
        "the delivery of a {} was answered {code:?}: {}",
        sent.event,
        sent.body
    );
    let answer: Value = serde_json::from_str(&sent.body)?;
    let status = answer["status"].as_str();
    Ok(status.context("an answer without a status")?.to_owned())
}

fn result(job: &Job) -> Value {
    job.result
        .as_ref()
        .map_or(Value::Null, |result| result.0.clone())
}
