//! What a ref holds now. One resolution serves every binding of the ref that was asked for before it.

use chrono::{DateTime, Utc};

use super::hint::{Lagging, PushHint, lagging, look_again_at, unsettled};
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
        let wanted = self.target.binding.wanted_ref();
        let wanted = wanted
            .map_err(|error| Stop::discard(error.to_string()))?
            .or(default);
        wanted.ok_or_else(|| Stop::Error(anyhow::anyhow!("GitHub named no default branch")))
    }

    pub(super) async fn resolve(&self, git_ref: &GitRef) -> Step<Resolved> {
        let stored = {
            let mut conn = self.context.db.read().await?;
            repository_ref::find(self.located.repository.id, git_ref, &mut conn).await?
        };
        let fresh = stored
            .clone()
            .filter(|stored| self.is_fresh(git_ref, stored));
        let resolution = match fresh {
            Some(fresh) => fresh,
            None => self.ask(git_ref, stored.clone()).await?,
        };
        let api_stale = self.wait_for_lag(git_ref, &resolution)?;
        if let Some(stored) = &stored {
            self.wait_for_one_mind(git_ref, stored, &resolution).await?;
        }
        let mut conn = self.context.db.write().await?;
        repository_ref::record(self.located.repository.id, git_ref, &resolution, &mut conn).await?;
        match resolution.commit {
            Some(commit) => Ok(Resolved { commit, api_stale }),
            None => Err(self.missing(git_ref)),
        }
    }

    /// What another sync found after this one was asked for is as good as asking again; but only at the
    /// first look, and only when no push says that it is old.
    fn is_fresh(&self, git_ref: &GitRef, stored: &Resolution) -> bool {
        stored.resolved_at > self.job.requested_at
            && self.job.is_first_claim()
            && self.lagging(git_ref, stored) == Lagging::No
    }

    async fn ask(&self, git_ref: &GitRef, stored: Option<Resolution>) -> Step<Resolution> {
        let resolved_at: DateTime<Utc> = self.context.clock.now();
        let etag = stored.as_ref().and_then(|stored| stored.etag.clone());
        let Located {
            app,
            installation,
            repository,
        } = self.located;
        // GitHub reads `heads/x` as git does: once `x` is gone, a branch called `heads/x` would answer.
        let said_deleted = self
            .pushes_of(git_ref)
            .iter()
            .any(|push| push.after.is_zero());
        if said_deleted && !self.is_there(git_ref).await? {
            return Ok(Resolution {
                commit: None,
                etag: None,
                resolved_at,
            });
        }
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

    async fn is_there(&self, git_ref: &GitRef) -> Step<bool> {
        let Located {
            app,
            installation,
            repository,
        } = self.located;
        let asked = app
            .github
            .has_ref(installation.github_id, repository.github_id, git_ref);
        let there = asked.await;
        there.map_err(|error| Stop::of(error, self.learnt(), "looking for the ref"))
    }

    /// A head that lags behind its push is not recorded: it would serve others.
    fn wait_for_lag(&self, git_ref: &GitRef, resolution: &Resolution) -> Step<bool> {
        match self.lagging(git_ref, resolution) {
            Lagging::No => Ok(false),
            Lagging::Stale => Ok(true),
            Lagging::Until(until) => {
                let reason =
                    "GitHub's API still shows the ref as it was before the push".to_owned();
                Err(Stop::Finish(Outcome::Snoozed { until, reason }.into()))
            }
        }
    }

    /// Nor is one believed that is not what the last sync found, while the push that led there is young.
    /// This sync may be one that knows of no push; but where a later one led to this head, it is so.
    async fn wait_for_one_mind(
        &self,
        git_ref: &GitRef,
        stored: &Resolution,
        resolution: &Resolution,
    ) -> Step<()> {
        let (known, head) = (head_of(stored), head_of(resolution));
        if known == head {
            return Ok(());
        }
        let Located {
            app, repository, ..
        } = self.located;
        let (id, now) = (repository.github_id, self.context.clock.now());
        let mut conn = self.context.db.read().await?;
        let told = unsettled(known, head, app.row, id, git_ref, now, &mut conn).await?;
        let Some(told) = told else {
            return Ok(());
        };
        let until = look_again_at(told.sent_at, now);
        let reason =
            "GitHub's API shows the ref otherwise than the push that was synced".to_owned();
        Err(Stop::Finish(Outcome::Snoozed { until, reason }.into()))
    }

    fn lagging(&self, git_ref: &GitRef, resolution: &Resolution) -> Lagging {
        lagging(
            head_of(resolution),
            &self.pushes_of(git_ref),
            self.context.clock.now(),
        )
    }

    fn pushes_of(&self, git_ref: &GitRef) -> Vec<PushHint> {
        let of_this_ref = |hint: &&PushHint| hint.git_ref == git_ref.full();
        self.hints.iter().filter(of_this_ref).cloned().collect()
    }

    fn missing(&self, git_ref: &GitRef) -> Stop {
        let kind = if git_ref.is_tag() { "tag" } else { "branch" };
        let name = self.located.repository.full_name();
        let error = format!(
            "{name} has no {kind} {}: push it, or bind another ref",
            git_ref.name()
        );
        Stop::discard_with(
            error,
            Learnt {
                finding: Some(Some(Finding::RefMissing)),
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

/// As pushes write it: zero where there is no such ref.
fn head_of(resolution: &Resolution) -> Oid {
    resolution.commit.map_or(Oid::ZERO, |commit| commit.sha)
}
