//! What nobody told of is found by looking: when that was done last, with what, and when it is done next.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use serde_json::json;

use super::answer::{Finding, Step, StepCode, short, time};
use super::code::Code;
use super::subject::{SeenRef, Subject};
use super::{Options, Sight};
use crate::db::Conn;
use crate::github_app::GitHubApp;
use crate::healing::{self, Healing, Timed, TimerState};
use crate::ids::InstallationRowId;

/// How the looking stands, of the Apps and installations that it is about.
pub(super) struct Looks {
    pub(super) steps: Vec<Step>,
    /// What it comes to where no delivery tells of a push.
    pub(super) finding: Finding,
}

/// The sweeps of these Apps, and the polls of what the subjects are read through.
pub(super) async fn look(
    apps: &[GitHubApp],
    subjects: &[Subject],
    options: &Options,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Looks> {
    let mut steps: Vec<Step> = subjects.iter().filter_map(of_ref).collect();
    let mut states = Vec::new();
    for app in apps {
        let timed = Timed {
            healing: Healing::DeliverySweep,
            target: app.id.get(),
        };
        let state = healing::find(timed, conn).await?;
        let of = format!("the sweep of App {} on {}", app.app_id, app.host);
        let is_on = options.sweep_interval.is_some();
        steps.push(step(StepCode::Sweep, &of, state.as_ref(), is_on));
        states.extend(state.filter(|_| is_on));
    }
    let installations = match options.sight {
        Sight::All => subjects,
        // What looks is no tenant's.
        Sight::Of(_) => &[],
    };
    let installations = installations.iter().filter_map(Subject::installation);
    let installations: BTreeSet<(InstallationRowId, _)> = installations
        .map(|found| (found.id, found.github_id))
        .collect();
    for (row, id) in installations {
        let timed = Timed {
            healing: Healing::HeadPoll,
            target: row.get(),
        };
        let state = healing::find(timed, conn).await?;
        let of = format!("the poll of what the bound refs of installation {id} hold");
        let is_on = options.poll_interval.is_some();
        steps.push(step(StepCode::HeadPoll, &of, state.as_ref(), is_on));
        states.extend(state.filter(|_| is_on));
    }
    let finding = finding(&states, subjects, options, now);
    Ok(Looks { steps, finding })
}

fn step(code: StepCode, of: &str, state: Option<&TimerState>, is_on: bool) -> Step {
    let ended = match state.and_then(|state| state.finished_at) {
        Some(at) => format!("last ended at {}", time(at)),
        None => "has not ended yet".to_owned(),
    };
    let next = match state.map(|state| state.due_at) {
        _ if !is_on => "it is switched off".to_owned(),
        Some(at) => format!("next at {}", time(at)),
        None => "it has not been asked for".to_owned(),
    };
    let trouble = state.and_then(|state| state.error.as_deref());
    let trouble = trouble.map(|error| format!(" It went wrong: {error}."));
    let of = capitalised(of);
    let says = format!("{of} {ended}; {next}.{}", trouble.unwrap_or_default());
    let facts = json!({
        "is_on": is_on,
        "due_at": state.map(|state| state.due_at),
        "finished_at": state.and_then(|state| state.finished_at),
        "result": state.and_then(|state| state.result.as_ref()).map(|result| &result.0),
        "error": state.and_then(|state| state.error.as_ref()),
    });
    Step::new(code, says, facts)
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

fn of_ref(subject: &Subject) -> Option<Step> {
    let SeenRef {
        git_ref,
        resolution,
        polled_next,
    } = subject.seen.as_ref()?;
    let commit = resolution.commit.map(|commit| commit.sha.to_string());
    let held = match &commit {
        Some(commit) => format!("at {}", short(commit)),
        None => "missing".to_owned(),
    };
    let next = match polled_next {
        Some(at) => format!("the poll asks for it by {}", time(*at)),
        None => "the poll does not ask for it".to_owned(),
    };
    let name = subject.repository_name();
    let says = format!(
        "The sync that read {} of {name} at {} saw it {held}; {next}.",
        git_ref.full(),
        time(resolution.resolved_at)
    );
    let facts = json!({
        "binding": subject.view.place(),
        "github_ref": git_ref.full(),
        "commit_sha": commit,
        "resolved_at": resolution.resolved_at,
        "poll_at": polled_next,
    });
    Some(Step::new(StepCode::Ref, says, facts))
}

fn finding(
    states: &[TimerState],
    subjects: &[Subject],
    options: &Options,
    now: DateTime<Utc>,
) -> Finding {
    if options.sweep_interval.is_none() && options.poll_interval.is_none() {
        return Finding::new(Code::HealingOff);
    }
    let errors = states.iter().filter_map(|state| {
        let error = state.error.as_ref()?;
        Some(format!("The {} says: {error}.", state.name))
    });
    if let Some(error) = errors.min() {
        return Finding::new(Code::HealingFails).with(error);
    }
    let longest = options
        .sweep_interval
        .max(options.poll_interval)
        .unwrap_or_default();
    // A timer is asked for when something is due by it: within an interval, if anybody asks.
    let overdue = states.iter().find(|state| state.due_at + longest * 2 < now);
    if let Some(state) = overdue {
        let due = time(state.due_at);
        return Finding::new(Code::NobodyWorks)
            .with(format_args!("The {} was due at {due}.", state.name));
    }
    let seen = subjects.iter().filter_map(|subject| subject.seen.as_ref());
    let polled = seen.filter_map(|seen| seen.polled_next);
    let swept = states.iter().map(|state| state.due_at);
    let next = polled.chain(swept).filter(|at| *at >= now).min();
    let finding = Finding::new(Code::NotSeenYet);
    match next {
        Some(at) => finding.with(format_args!("The next look is at {}.", time(at))),
        None => finding,
    }
}
