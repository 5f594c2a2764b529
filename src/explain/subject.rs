//! One binding, with all that its part of the chain is told from.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use serde_json::Value;

use super::waiting::Unfinished;
use super::{Options, Sight};
use crate::binding::{Access, BindingView, Status};
use crate::content::{self, Content};
use crate::db::Conn;
use crate::git::GitRef;
use crate::inbox::{Decision, Delivery};
use crate::installation::{self, Installation};
use crate::queue::{self, Job, JobFilter, JobState};
use crate::repository_ref::{self, Resolution};
use crate::sync;

/// What a delivery meant for a binding.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) decision: Decision,
    pub(super) delivery: Delivery,
}

/// A ref as it was last seen.
#[derive(Debug, Clone)]
pub(super) struct SeenRef {
    pub(super) git_ref: GitRef,
    pub(super) resolution: Resolution,
    pub(super) polled_next: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub(super) view: BindingView,
    pub(super) access: Access,
    /// Whether whoever asks may know what the repository is by now.
    pub(super) is_shown: bool,
    pub(super) told: Option<Told>,
    /// The commit that it is about.
    pub(super) commit: Option<String>,
    /// The job of the decision, or the one that took its place.
    pub(super) job: Option<Job>,
    pub(super) unfinished: Option<Unfinished>,
    /// The newest that ended at the commit.
    pub(super) brought: Option<Job>,
    /// What was published at the commit, if it is still kept.
    pub(super) kept: Option<Content>,
    pub(super) seen: Option<SeenRef>,
}

/// Jobs of a binding that are looked through, the newest.
const JOBS: i64 = 50;

impl Subject {
    pub(super) async fn load(
        view: BindingView,
        told: Option<Told>,
        commit: Option<String>,
        options: &Options,
        conn: &mut Conn,
    ) -> QueryResult<Self> {
        let jobs = jobs_of(&view, options, conn).await?;
        // One may run while another waits: it is the one to tell of.
        let open = jobs.iter().filter(|job| job.finalized_at.is_none());
        let unfinished = match open.min_by_key(|job| job.state != JobState::Running) {
            Some(job) => Some(unfinished(job.clone(), conn).await?),
            None => None,
        };
        let decided = told.as_ref().and_then(|told| told.decision.job_id);
        let mut job = match decided {
            Some(id) => queue::find(id, conn).await?,
            None => None,
        };
        while let Some(next) = job.as_ref().and_then(|job| superseded_by(job, &jobs)) {
            job = Some(next);
        }
        let ended_at = |job: &&Job| {
            job.state == JobState::Completed && said(job, "commit") == commit.as_deref()
        };
        let brought = commit
            .as_ref()
            .and_then(|_| jobs.iter().find(ended_at).cloned());
        let kept = match &commit {
            Some(commit) => content::of_commit(view.binding.id, commit, conn).await?,
            None => None,
        };
        let is_shown = match options.sight {
            Sight::All => true,
            Sight::Of(_) => view.shown_repository(options.grants).is_some(),
        };
        let seen = match is_shown {
            true => seen_ref(&view, conn).await?,
            false => None,
        };
        Ok(Self {
            access: view.access(options.grants),
            is_shown,
            told,
            commit,
            job,
            unfinished,
            brought,
            kept,
            seen,
            view,
        })
    }

    /// What the last sync that was given up failed of, unless one has succeeded since.
    pub(super) fn error(&self) -> Option<&str> {
        let binding = &self.view.binding;
        let failed = binding.status == Status::Failed;
        binding.error.as_deref().filter(|_| failed)
    }

    /// Through which the repository is read, if whoever asks may know.
    pub(super) fn installation(&self) -> Option<&Installation> {
        self.view.installation.as_ref().filter(|_| self.is_shown)
    }

    /// The commit that it serves.
    pub(super) fn serves(&self) -> Option<&str> {
        self.view.current_content()?;
        self.view.binding.commit_sha.as_deref()
    }

    /// What the repository is called, as far as whoever asks may know.
    pub(super) fn repository_name(&self) -> String {
        let repository = self.view.repository.as_ref().filter(|_| self.is_shown);
        match repository {
            Some(repository) => repository.full_name().to_string(),
            None => self.view.binding.requested_name().to_string(),
        }
    }
}

/// A word of what came of a job.
pub(super) fn said<'j>(job: &'j Job, key: &str) -> Option<&'j str> {
    job.result.as_ref()?.0.get(key)?.as_str()
}

fn superseded_by(job: &Job, jobs: &[Job]) -> Option<Job> {
    let by = job
        .result
        .as_ref()?
        .0
        .get("superseded_by")
        .and_then(Value::as_i64)?;
    let later = |other: &&Job| other.id.get() == by && other.id > job.id;
    jobs.iter().find(later).cloned()
}

/// The newest first.
async fn jobs_of(view: &BindingView, options: &Options, conn: &mut Conn) -> QueryResult<Vec<Job>> {
    let filter = JobFilter {
        kind: Some(sync::KIND.to_owned()),
        target: Some(view.binding.id.get()),
        organization: match options.sight {
            Sight::All => None,
            Sight::Of(organization) => Some(organization),
        },
        ..JobFilter::default()
    };
    queue::list(&filter, JOBS, conn).await
}

async fn unfinished(job: Job, conn: &mut Conn) -> QueryResult<Unfinished> {
    let installation = match job.installation_id {
        Some(id) => installation::find(id, conn).await?,
        None => None,
    };
    Ok(Unfinished {
        events: queue::events_of(job.id, conn).await?,
        paused_until: installation.and_then(|installation| installation.paused_until),
        job,
    })
}

/// What its ref was last seen to hold; unsynced, it has none to look at.
async fn seen_ref(view: &BindingView, conn: &mut Conn) -> QueryResult<Option<SeenRef>> {
    let Some(repository) = &view.repository else {
        return Ok(None);
    };
    let default = repository.default_branch.clone().map(GitRef::Branch);
    let wanted = view.binding.wanted_ref().ok().flatten().or(default);
    let Some(git_ref) = wanted else {
        return Ok(None);
    };
    let Some(resolution) = repository_ref::find(repository.id, &git_ref, conn).await? else {
        return Ok(None);
    };
    let polled_next = repository_ref::polled_next(repository.id, &git_ref, conn).await?;
    Ok(Some(SeenRef {
        git_ref,
        resolution,
        polled_next,
    }))
}
