//! A push: which bindings it concerns, and the sync jobs that follow.

mod path_filter;
mod rule;

use diesel::QueryResult;

pub use rule::{BindingFacts, Decision, Skip, decide};

use super::{Processing, Verdict};
use crate::binding::{self, Binding};
use crate::db::Conn;
use crate::git::GitRef;
use crate::github::event::Push;
use crate::grant;
use crate::inbox::{self, NewDecision};
use crate::queue::Cause;
use crate::repository::{self, Repository};
use crate::sync::{self, PushHint};

pub(super) async fn process(
    push: &Push,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    tracing::Span::current().record("repository.id", push.repository.id.get());
    let mut verdict = match &push.parsed_ref {
        Some(git_ref) => match_bindings(push, git_ref, processing, conn).await?,
        None => Verdict::ignored("ref_cannot_be_bound")
            .because(format!("{} is no branch and no tag", push.git_ref)),
    };
    verdict.about.git_ref = Some(push.git_ref.clone());
    verdict.about.head_sha = (!push.after.is_zero()).then(|| push.after.to_string());
    Ok(verdict)
}

async fn match_bindings(
    push: &Push,
    git_ref: &GitRef,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    let host = &processing.app.host;
    let known = repository::find_by_github_id(host, push.repository.id, conn).await?;
    let considered = binding::considered_for(
        host,
        known.as_ref().map(|row| row.id),
        &push.repository.name,
        conn,
    )
    .await?;
    let granted_to = match push.installation_id {
        Some(installation) => grant::holder(host, installation, conn).await?,
        None => None,
    };
    let mut decisions = Vec::with_capacity(considered.len());
    let mut skips = Vec::new();
    for (binding, synced_to) in &considered {
        let holds_grant = granted_to == Some(binding.organization_id);
        let granted = processing.grants.allow(holds_grant);
        let facts = BindingFacts::of(binding, synced_to.as_ref(), granted);
        let decision = match decide(push, git_ref, &facts) {
            Decision::Enqueue(by) => enqueue(push, binding, by.as_str(), processing, conn).await?,
            Decision::Skip(skip) => {
                skips.push(skip);
                skipped(binding, skip, synced_to.as_ref())
            }
        };
        decisions.push(decision);
    }
    let enqueued = decisions.len() > skips.len();
    let verdict = if enqueued {
        Verdict::processed()
    } else {
        nothing_to_do(push, &skips)
    };
    Ok(Verdict {
        decisions,
        ..verdict
    })
}

async fn enqueue(
    push: &Push,
    binding: &Binding,
    reason: &str,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<NewDecision> {
    let delivery = processing.delivery;
    let cause = Cause::Delivery {
        id: delivery.id,
        guid: delivery.guid.clone(),
    };
    let hint = PushHint {
        git_ref: push.git_ref.clone(),
        before: push.before,
        after: push.after,
        received_at: delivery.received_at,
        installation_id: push.installation_id,
    };
    let (attempts, now) = (processing.job_max_attempts, processing.now);
    let job = sync::request(binding, cause, Some(&hint), attempts, now, conn).await?;
    binding::record_delivery(binding.id, delivery.id, conn).await?;
    let verdict = if job.coalesced {
        inbox::Verdict::Joined
    } else {
        inbox::Verdict::Enqueued
    };
    Ok(NewDecision {
        binding: binding.id,
        verdict,
        reason: reason.to_owned(),
        job: Some(job.id),
    })
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
fn nothing_to_do(push: &Push, skips: &[Skip]) -> Verdict {
    let name = &push.repository.name;
    let Some(nearest) = skips.iter().max() else {
        return Verdict::ignored("no_binding").because(format!(
            "no binding on repository {} ({name})",
            push.repository.id
        ));
    };
    let detail = match nearest {
        Skip::OtherRepository => format!(
            "what is bound as {name} is another repository than {}",
            push.repository.id
        ),
        Skip::NotGranted => format!(
            "no organisation that bound {name} and has not synced it has a grant for the delivery's installation"
        ),
        Skip::OtherRef => format!("no binding of {name} is on {}", push.git_ref),
        Skip::OutsideRoot => "nothing changed under the root path of any binding".to_owned(),
    };
    Verdict::ignored(nearest.as_str()).because(detail)
}
