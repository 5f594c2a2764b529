//! A push: which bindings it concerns, and the sync jobs that follow.

mod path_filter;
mod rule;

use diesel::QueryResult;

pub use rule::{BindingFacts, Decision, Skip, decide};

use super::{Processing, Verdict};
use crate::binding::{self, Binding};
use crate::config::Grants;
use crate::db::Conn;
use crate::git::GitRef;
use crate::github::event::{Push, PushRepository, RefChange};
use crate::github::ids::InstallationId;
use crate::grant;
use crate::inbox::{self, About, NewDecision};
use crate::queue::{self, JobState};
use crate::repository::{self, Repository};
use crate::sync::{self, PushHint};

/// A ref that moved, came or went.
#[derive(Debug, Clone, Copy)]
struct Moved<'a> {
    repository: &'a PushRepository,
    git_ref: &'a GitRef,
    /// Which installation the delivery was for.
    installation_id: Option<InstallationId>,
    /// `None`: the event says no more than that.
    push: Option<&'a Push>,
}

pub(super) async fn process(
    push: &Push,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    let moved = push.parsed_ref.as_ref().map(|git_ref| Moved {
        repository: &push.repository,
        git_ref,
        installation_id: push.installation_id,
        push: Some(push),
    });
    let verdict = process_moved(moved, &push.repository, &push.git_ref, processing, conn).await?;
    Ok(verdict.about(about(push)))
}

/// What becomes of it when nothing is bound to its repository or by its name.
pub(super) fn unbound(push: &Push) -> Verdict {
    let verdict = match &push.parsed_ref {
        Some(_) => no_binding(&push.repository),
        None => cannot_be_bound(&push.git_ref),
    };
    verdict.about(about(push))
}

fn about(push: &Push) -> About {
    About {
        git_ref: Some(push.git_ref.clone()),
        head_sha: (!push.after.is_zero()).then(|| push.after.to_string()),
        ..About::default()
    }
}

/// `create` and `delete`: whether the ref is there is GitHub's to answer, and the sync asks.
pub(super) async fn process_ref_change(
    change: &RefChange,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    let moved = change.parsed_ref.as_ref().map(|git_ref| Moved {
        repository: &change.repository,
        git_ref,
        installation_id: change.installation_id,
        push: None,
    });
    let verdict = process_moved(moved, &change.repository, &change.name, processing, conn).await?;
    Ok(verdict.about(about_change(change)))
}

/// The same as of a push.
pub(super) fn unbound_ref_change(change: &RefChange) -> Verdict {
    let verdict = match &change.parsed_ref {
        Some(_) => no_binding(&change.repository),
        None => cannot_be_bound(&change.name),
    };
    verdict.about(about_change(change))
}

fn about_change(change: &RefChange) -> About {
    About {
        git_ref: change.parsed_ref.as_ref().map(GitRef::full),
        ..About::default()
    }
}

async fn process_moved(
    moved: Option<Moved<'_>>,
    repository: &PushRepository,
    sent_ref: &str,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    tracing::Span::current().record("repository.id", repository.id.get());
    match moved {
        Some(moved) => match_bindings(&moved, processing, conn).await,
        None => Ok(cannot_be_bound(sent_ref)),
    }
}

fn cannot_be_bound(sent_ref: &str) -> Verdict {
    Verdict::ignored("ref_cannot_be_bound").because(format!("{sent_ref} is no branch and no tag"))
}

fn no_binding(repository: &PushRepository) -> Verdict {
    Verdict::ignored("no_binding").because(format!(
        "no binding on repository {} ({})",
        repository.id, repository.name
    ))
}

/// A binding that is on the repository or goes by its name, and whether a push concerns it.
#[derive(Debug)]
struct Considered {
    binding: Binding,
    synced_to: Option<Repository>,
    decision: Decision,
}

async fn match_bindings(
    moved: &Moved<'_>,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    let considered = consider(moved, &processing.app.host, processing.grants, conn).await?;
    let mut decisions = Vec::with_capacity(considered.len());
    for one in &considered {
        decisions.push(match one.decision {
            Decision::Enqueue(by) => {
                enqueue(moved, &one.binding, by.as_str(), processing, conn).await?
            }
            Decision::Skip(skip) => skipped(&one.binding, skip, one.synced_to.as_ref()),
        });
    }
    Ok(verdict(moved, &considered, decisions))
}

/// Reads, and no more.
async fn consider(
    moved: &Moved<'_>,
    host: &str,
    grants: Grants,
    conn: &mut Conn,
) -> QueryResult<Vec<Considered>> {
    let known = repository::find_by_github_id(host, moved.repository.id, conn).await?;
    let considered = binding::considered_for(
        host,
        known.as_ref().map(|row| row.id),
        &moved.repository.name,
        conn,
    )
    .await?;
    let granted_to = match moved.installation_id {
        Some(installation) => grant::holder(host, installation, conn).await?,
        None => None,
    };
    let decide = |(binding, synced_to): (Binding, Option<Repository>)| {
        let holds_grant = granted_to == Some(binding.organization_id);
        let granted = grants.allow(holds_grant);
        let facts = BindingFacts::of(&binding, synced_to.as_ref(), granted);
        Considered {
            decision: moved.decide(&facts),
            binding,
            synced_to,
        }
    };
    Ok(considered.into_iter().map(decide).collect())
}

fn verdict(moved: &Moved<'_>, considered: &[Considered], decisions: Vec<NewDecision>) -> Verdict {
    let skips: Vec<Skip> = considered
        .iter()
        .filter_map(|one| match one.decision {
            Decision::Enqueue(_) => None,
            Decision::Skip(skip) => Some(skip),
        })
        .collect();
    let enqueued = decisions.len() > skips.len();
    let verdict = if enqueued {
        Verdict::processed()
    } else {
        nothing_to_do(moved, &skips)
    };
    Verdict {
        decisions,
        ..verdict
    }
}

/// What would become of a push if it came now, without any of it being done: a job that waits already would do
/// it too.
pub async fn rehearse(
    push: &Push,
    host: &str,
    grants: Grants,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    let Some(git_ref) = &push.parsed_ref else {
        return Ok(unbound(push));
    };
    let moved = Moved {
        repository: &push.repository,
        git_ref,
        installation_id: push.installation_id,
        push: Some(push),
    };
    let considered = consider(&moved, host, grants, conn).await?;
    let mut decisions = Vec::with_capacity(considered.len());
    for one in &considered {
        decisions.push(match one.decision {
            Decision::Enqueue(by) => would_enqueue(&one.binding, by.as_str(), conn).await?,
            Decision::Skip(skip) => skipped(&one.binding, skip, one.synced_to.as_ref()),
        });
    }
    Ok(verdict(&moved, &considered, decisions).about(about(push)))
}

async fn would_enqueue(
    binding: &Binding,
    reason: &str,
    conn: &mut Conn,
) -> QueryResult<NewDecision> {
    let jobs = queue::running_or_waiting(sync::KIND, binding.id.get(), conn).await?;
    let waits = jobs.into_iter().find(|job| job.state != JobState::Running);
    Ok(NewDecision {
        binding: binding.id,
        verdict: match &waits {
            Some(_) => inbox::Verdict::Joined,
            None => inbox::Verdict::Enqueued,
        },
        reason: reason.to_owned(),
        job: waits.map(|job| job.id),
    })
}

impl Moved<'_> {
    fn decide(&self, binding: &BindingFacts) -> Decision {
        match self.push {
            Some(push) => decide(push, self.git_ref, binding),
            None => rule::concerns(self.repository, self.git_ref, binding),
        }
    }

    fn hint(&self, processing: &Processing<'_>) -> Option<PushHint> {
        self.push.map(|push| PushHint {
            git_ref: push.git_ref.clone(),
            before: push.before,
            after: push.after,
            sent_at: processing.delivery.sent_at,
            installation_id: push.installation_id,
        })
    }
}

async fn enqueue(
    moved: &Moved<'_>,
    binding: &Binding,
    reason: &str,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<NewDecision> {
    let hint = moved.hint(processing);
    super::enqueue_sync(binding, reason, hint.as_ref(), processing, conn).await
}

fn skipped(binding: &Binding, skip: Skip, synced_to: Option<&Repository>) -> NewDecision {
    let reason = match (skip, synced_to) {
        (Skip::OtherRepository, Some(repository)) => {
            format!(
                "{}: bound to repository {}",
                skip.as_str(),
                repository.github_id
            )
        }
        _ => skip.as_str().to_owned(),
    };
    NewDecision {
        binding: binding.id,
        verdict: inbox::Verdict::Skipped,
        reason,
        job: None,
    }
}

/// The reason that says most: what came nearest to a match.
fn nothing_to_do(moved: &Moved<'_>, skips: &[Skip]) -> Verdict {
    let Moved {
        repository,
        git_ref,
        ..
    } = moved;
    let name = &repository.name;
    let Some(nearest) = skips.iter().max() else {
        return no_binding(repository);
    };
    let detail = match nearest {
        Skip::OtherRepository => format!(
            "what is bound as {name} is another repository than {}",
            repository.id
        ),
        Skip::NotGranted => format!(
            "no organisation that bound {name} and has not synced it has a grant for the delivery's installation"
        ),
        Skip::OtherRef => format!("no binding of {name} is on {}", git_ref.full()),
        Skip::OutsideRoot => "nothing changed under the root path of any binding".to_owned(),
    };
    Verdict::ignored(nearest.as_str()).because(detail)
}
