//! What a ref holds now. One resolution serves every binding of the ref that was asked for before it.

use chrono::{DateTime, Utc};

use super::hint::{Lagging, PushHint, lagging};
use super::locate::Located;
use super::stop::{Learnt, Step, Stop};
use crate::binding::{BindingView, Finding};
use crate::context::Context;
use crate::git::{GitRef, Oid};
use crate::github::GitHubError;
use crate::github::client::{Commit, Conditional};
use crate::queue::{Job, Outcome};
use crate::repository_ref::{self, Resolution};

/// The commit of a ref, and whether it was taken although a push says that it should be newer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolved {
    pub(super) commit: Commit,
    pub(super) api_stale: bool,
}

pub(super) struct Resolver<'a> {
    pub(super) context: &'a Context,
    pub(super) job: &'a Job,
    pub(super) target: &'a BindingView,
    pub(super) hints: &'a [PushHint],
    pub(super) located: &'a Located,
}

impl Resolver<'_> {
    /// The ref that the binding wants: its own, or the default branch as it is now.
    pub(super) fn git_ref(&self) -> Step<GitRef> {
        let default = self
            .located
            .repository
            .default_branch
            .clone()
            .map(GitRef::Branch);
        let wanted = self.target.binding.wanted_ref().or(default);
        wanted.ok_or_else(|| Stop::Error(anyhow::anyhow!("GitHub named no default branch")))
    }

    pub(super) async fn resolve(&self, git_ref: &GitRef) -> Step<Resolved> {
        let stored = {
            let mut conn = self.context.db.read().await?;
            repository_ref::find(self.located.repository.id, git_ref, &mut conn).await?
        };
        let fresh = stored
            .clone()
            .filter(|stored| stored.resolved_at > self.job.requested_at);
        let resolution = match fresh {
            Some(fresh) => fresh,
            None => self.ask(git_ref, stored).await?,
        };
        let api_stale = self.wait_for_lag(&resolution)?;
        let mut conn = self.context.db.write().await?;
        repository_ref::record(self.located.repository.id, git_ref, &resolution, &mut conn).await?;
        match resolution.commit {
            Some(commit) => Ok(Resolved { commit, api_stale }),
            None => Err(self.missing(git_ref)),
        }
    }

    async fn ask(&self, git_ref: &GitRef, stored: Option<Resolution>) -> Step<Resolution> {
        let resolved_at: DateTime<Utc> = self.context.clock.now();
        let etag = stored.as_ref().and_then(|stored| stored.etag.clone());
        let Located {
            app,
            installation,
            repository,
        } = self.located;
        let asked = app.github.commit(
            installation.github_id,
            repository.github_id,
            git_ref,
            etag.as_ref(),
        );
        match asked.await {
            Ok(Conditional::Modified { value, etag }) => Ok(Resolution {
                commit: Some(value),
                etag,
                resolved_at,
            }),
            Ok(Conditional::NotModified) => Ok(Resolution {
                commit: stored.and_then(|stored| stored.commit),
                etag,
                resolved_at,
            }),
            Err(GitHubError::NoSuchRef | GitHubError::EmptyRepository) => Ok(Resolution {
                commit: None,
                etag: None,
                resolved_at,
            }),
            Err(error) => Err(Stop::of(error, self.learnt(), "reading the ref")),
        }
    }

    /// A head that lags behind its push is not recorded: it would serve others.
    fn wait_for_lag(&self, resolution: &Resolution) -> Step<bool> {
        let head = resolution.commit.map_or(Oid::ZERO, |commit| commit.sha);
        match lagging(head, self.hints, self.context.clock.now()) {
            Lagging::No => Ok(false),
            Lagging::Stale => Ok(true),
            Lagging::Until(until) => {
                let reason =
                    "GitHub's API still shows the ref as it was before the push".to_owned();
                Err(Stop::Finish(Outcome::Snoozed { until, reason }.into()))
            }
        }
    }

    fn missing(&self, git_ref: &GitRef) -> Stop {
        let kind = if git_ref.is_tag() { "tag" } else { "branch" };
        let name = self.located.repository.full_name();
        let error = format!("{name} has no {kind} {}", git_ref.name());
        Stop::discard_with(
            error,
            Learnt {
                finding: Some(Finding::RefMissing),
                ..self.learnt()
            },
        )
    }

    fn learnt(&self) -> Learnt {
        Learnt {
            job: Some(self.job.id),
            binding: Some(self.target.binding.clone()),
            installation: Some(self.located.installation.id),
            at: self.context.clock.now(),
            ..Learnt::default()
        }
    }
}
