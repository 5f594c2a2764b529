//! How a binding stands to a push: decided from what was loaded, without another look.

use chrono::{DateTime, Utc};

use super::answer::{Finding, short};
use super::code::{Code, Weight};
use super::failure;
use super::subject::{Subject, Told, said};
use crate::binding::{Access, Status};
use crate::inbox::Verdict;
use crate::queue::{Cause, Job, JobState};

/// What became of the push at this binding; `None`: nothing tells of it. `was_processed`: a delivery of the
/// push was, with this binding among those considered or not.
pub(super) fn of_push(
    subject: &Subject,
    was_processed: bool,
    now: DateTime<Utc>,
) -> Option<Finding> {
    let finding = match &subject.told {
        Some(told) if told.decision.verdict == Verdict::Skipped => Some(skipped(subject, told)),
        Some(told) => Some(concerned(subject, told, now)),
        None => untold(subject, was_processed, now),
    };
    finding.map(|finding| finding.of(subject.view.place()))
}

/// How the binding stands whatever was pushed.
pub(super) fn of_binding(subject: &Subject, now: DateTime<Utc>) -> Finding {
    let waiting = subject
        .unfinished
        .as_ref()
        .map(|unfinished| unfinished.finding(now));
    let standing = match lost_grant(subject)
        .or(waiting)
        .or_else(|| failure::finding(subject))
    {
        Some(finding) => finding,
        None => settled(subject),
    };
    standing.of(subject.view.place())
}

/// Nothing is on its way, and nothing has failed.
fn settled(subject: &Subject) -> Finding {
    // The newest push that considered it is what people ask about.
    if let Some(told) = &subject.told
        && told.decision.verdict == Verdict::Skipped
    {
        return skipped(subject, told);
    }
    match subject.view.binding.status {
        Status::Succeeded => {
            let finding = Finding::new(Code::UpToDate);
            match subject.serves() {
                Some(commit) => finding.with(format_args!("That is {}.", short(commit))),
                None => finding,
            }
        }
        Status::Pending | Status::Failed => Finding::new(Code::CalledOff),
    }
}

/// What was published is kept then, and not served.
fn lost_grant(subject: &Subject) -> Option<Finding> {
    let is_lost = subject.access == Access::NotGranted && subject.view.repository.is_some();
    is_lost.then(|| Finding::new(Code::NotGranted))
}

fn serves_it(subject: &Subject) -> bool {
    subject.commit.is_some() && subject.serves() == subject.commit.as_deref()
}

fn skipped(subject: &Subject, told: &Told) -> Finding {
    let reason = &told.decision.reason;
    let code = reason.split(':').next().and_then(Code::find);
    let code = code.unwrap_or(Code::Ignored);
    if serves_it(subject) && code != Code::OutsideRootPath {
        return found(subject);
    }
    let finding = Finding::new(code).weighing(Weight::PassedOver);
    match reason.split_once(": ") {
        Some((_, more)) => finding.with(format_args!("It is {more}.")),
        None => finding,
    }
}

/// Whether it is bound to something else by now than what the delivery is about.
fn is_elsewhere(subject: &Subject, told: &Told) -> bool {
    let (binding, delivery) = (&subject.view.binding, &told.delivery);
    let bound = subject.view.repository.as_ref().map(|row| row.github_id);
    let is_another = |bound| {
        delivery
            .repository_github_id
            .is_some_and(|pushed| pushed != bound)
    };
    let wanted = binding.wanted_ref().ok().flatten();
    let is_of_another = |full: String| {
        delivery
            .git_ref
            .as_ref()
            .is_some_and(|pushed| *pushed != full)
    };
    bound.is_some_and(is_another) || wanted.is_some_and(|wanted| is_of_another(wanted.full()))
}

/// Jobs were made for it, or joined.
fn concerned(subject: &Subject, told: &Told, now: DateTime<Utc>) -> Finding {
    if let Some(finding) = lost_grant(subject) {
        return finding;
    }
    if serves_it(subject) {
        return arrived(subject);
    }
    if is_elsewhere(subject, told) {
        return Finding::new(Code::BindingChanged);
    }
    if let Some(unfinished) = &subject.unfinished {
        return unfinished.finding(now);
    }
    if let Some(finding) = replaced(subject) {
        return finding;
    }
    let ended = subject
        .job
        .as_ref()
        .filter(|job| job.state == JobState::Completed);
    if let Some(finding) = ended.and_then(|job| ended_elsewhere(subject, job)) {
        return finding;
    }
    if let Some(finding) = failure::finding(subject) {
        return finding;
    }
    match subject.view.binding.status {
        Status::Pending => Finding::new(Code::BindingChanged),
        Status::Succeeded if subject.commit.is_none() => arrived(subject),
        Status::Succeeded => overtaken(subject),
        Status::Failed => Finding::new(Code::CalledOff),
    }
}

/// No delivery told of the push to this binding.
fn untold(subject: &Subject, was_processed: bool, now: DateTime<Utc>) -> Option<Finding> {
    if let Some(finding) = lost_grant(subject) {
        return Some(finding.weighing(Weight::Hindered));
    }
    if serves_it(subject) {
        return Some(found(subject));
    }
    if let Some(finding) = replaced(subject) {
        return Some(finding);
    }
    if was_processed {
        return Some(Finding::new(Code::BoundLater));
    }
    // What it failed of may have nothing to do with the push, unless it was looked into.
    let tried = subject.view.binding.tried_commit.as_deref();
    let is_tried = tried.is_some() && tried == subject.commit.as_deref();
    let weighed = |finding: Finding| match is_tried {
        true => finding,
        false => finding.weighing(Weight::Hindered),
    };
    if let Some(unfinished) = &subject.unfinished {
        return Some(weighed(unfinished.finding(now)));
    }
    failure::finding(subject).map(weighed)
}

fn arrived(subject: &Subject) -> Finding {
    let by = subject.brought.as_ref().or(subject.job.as_ref());
    match by.and_then(|job| said(job, "outcome")) {
        Some("unchanged") => Finding::new(Code::NothingChanged),
        _ => Finding::new(Code::Published),
    }
}

/// It is served although the push was not told, or passed this binding by.
fn found(subject: &Subject) -> Finding {
    match subject.brought.as_ref().map(|job| &job.cause.0) {
        Some(Cause::Operator { token }) => Finding::new(Code::Published)
            .with(format_args!("The token {token:?} had asked for a sync.")),
        Some(Cause::Delivery { guid, .. }) => {
            Finding::new(Code::Published).with(format_args!("The delivery {guid} had it synced."))
        }
        Some(Cause::Timer { .. } | Cause::Other(_)) | None => Finding::new(Code::Healed),
    }
}

/// It was there once.
fn replaced(subject: &Subject) -> Option<Finding> {
    let was_there = subject.kept.is_some() || subject.brought.is_some();
    was_there.then(|| {
        let finding = Finding::new(Code::Overtaken);
        finding.with(format_args!(
            "It was synced, and replaced since. {}",
            now_serves(subject)
        ))
    })
}

/// Its job was done, at another commit.
fn ended_elsewhere(subject: &Subject, job: &Job) -> Option<Finding> {
    let result = job.result.as_ref().map(|result| &result.0);
    if let Some(why) = said(job, "not_published") {
        let code = match why.contains("grant") {
            true => Code::NotGranted,
            false => Code::BindingChanged,
        };
        // It has been synced since, for what it is bound to now.
        let settled = subject.view.binding.status == Status::Succeeded;
        return (!settled).then(|| Finding::new(code).with(format_args!("Of the sync: {why}.")));
    }
    let commit = said(job, "commit")?;
    let is_stale = result.is_some_and(|result| result["api_stale"] == true);
    if is_stale && subject.serves() == Some(commit) {
        return Some(Finding::new(Code::ApiStale));
    }
    subject.commit.as_ref().map(|_| overtaken(subject))
}

fn overtaken(subject: &Subject) -> Finding {
    Finding::new(Code::Overtaken).with(now_serves(subject))
}

fn now_serves(subject: &Subject) -> String {
    match subject.serves() {
        Some(commit) => format!("Now it serves {}.", short(commit)),
        None => "Now it serves nothing.".to_owned(),
    }
}
