//! The steps of a binding: whether it was considered, what its sync did, and what it serves.

use serde_json::json;

use super::answer::{Finding, Step, StepCode, short, time};
use super::subject::{Subject, said};
use crate::inbox::Verdict;
use crate::queue::{Job, JobState};

pub(super) fn steps(subject: &Subject, finding: Option<&Finding>) -> Vec<Step> {
    let mut steps = vec![considered(subject, finding)];
    let unfinished = subject
        .unfinished
        .as_ref()
        .map(|unfinished| &unfinished.job);
    let mut jobs: Vec<&Job> = Vec::new();
    for job in [subject.job.as_ref(), subject.brought.as_ref(), unfinished] {
        jobs.extend(job.filter(|job| jobs.iter().all(|other| other.id != job.id)));
    }
    steps.extend(jobs.into_iter().map(of_job));
    steps.push(published(subject));
    steps
}

fn considered(subject: &Subject, finding: Option<&Finding>) -> Step {
    let (place, binding) = (subject.view.place(), &subject.view.binding);
    let bound = format!(
        "{place} is bound to {} at {}, under {}",
        subject.repository_name(),
        binding.git_ref.as_deref().unwrap_or("its default branch"),
        binding.root_path
    );
    let decision = subject.told.as_ref().map(|told| &told.decision);
    let job = decision.and_then(|decision| decision.job_id);
    let verdict = match (decision, job) {
        (None, _) => "no delivery that is known told it of this".to_owned(),
        (Some(told), Some(job)) => match told.verdict {
            Verdict::Joined => format!("joined job {job} ({})", told.reason),
            _ => format!("job {job} was made for it ({})", told.reason),
        },
        (Some(told), None) if told.verdict == Verdict::Skipped => {
            format!("skipped ({})", told.reason)
        }
        (Some(told), None) => format!("a job that is not kept any more was made ({})", told.reason),
    };
    let facts = json!({
        "binding": place,
        "binding_id": binding.id,
        "verdict": decision.map(|told| told.verdict),
        "reason": decision.map(|told| &told.reason),
        "queue_job_id": job,
        "standing": finding.map(|finding| finding.code),
        "access": subject.access,
        "github_ref": binding.git_ref,
        "root_path": binding.root_path,
    });
    Step::new(StepCode::Binding, format!("{bound}: {verdict}."), facts)
}

fn of_job(job: &Job) -> Step {
    let (id, state) = (job.id, job.state);
    let when = match job.finalized_at {
        Some(at) => format!("at {}", time(at)),
        None if state == JobState::Running => "now".to_owned(),
        None => format!("until {}", time(job.scheduled_at)),
    };
    let attempts = format!("attempt {} of {}", job.attempt, job.max_attempts);
    let error = job.errors.0.last().map(|attempt| attempt.error.as_str());
    let outcome = match (said(job, "outcome"), said(job, "commit"), error) {
        (Some(outcome), Some(commit), _) => {
            format!(" Its outcome: {outcome}, at {}.", short(commit))
        }
        (_, _, Some(error)) => format!(" It says: {error}."),
        _ => String::new(),
    };
    let facts = json!({
        "queue_job_id": id,
        "state": state,
        "lane": job.lane,
        "cause": job.cause.0,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "deferrals": job.deferrals,
        "scheduled_at": job.scheduled_at,
        "attempted_at": job.attempted_at,
        "finalized_at": job.finalized_at,
        "errors": job.errors.0,
        "result": job.result.as_ref().map(|result| &result.0),
    });
    let says = format!("Job {id} is {state} {when}, {attempts}.{outcome}");
    Step::new(StepCode::Job, says, facts)
}

fn published(subject: &Subject) -> Step {
    let (place, binding) = (subject.view.place(), &subject.view.binding);
    let content = subject.view.current_content();
    let says = match (subject.serves(), content) {
        (Some(commit), Some(content)) => format!(
            "{place} serves {}, tree {}; its last sync {}.",
            short(commit),
            short(&content.tree_sha),
            binding.status
        ),
        _ => format!(
            "{place} serves nothing yet; its last sync: {}.",
            binding.status
        ),
    };
    let facts = json!({
        "binding": place,
        "commit_sha": subject.serves(),
        "tree_sha": content.map(|content| &content.tree_sha),
        "date_synced": binding.synced_at,
        "last_sync_status": binding.status,
        "last_sync_error": binding.error,
        "access": subject.access,
    });
    Step::new(StepCode::Published, says, facts)
}
