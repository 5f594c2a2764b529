//! States as pills: a word each, and a tone that says the same again in colour.

use maud::{Markup, html};

use crate::binding::{Access, Status};
use crate::explain::Code;
use crate::inbox::{DeliveryState, Verdict};
use crate::queue::{JobState, Lane};
use crate::repository::{Reachability, Repository};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    /// Under way.
    Busy,
    /// Needs an eye, and perhaps nothing else.
    Warn,
    Quiet,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Busy => "busy",
            Self::Warn => "warn",
            Self::Quiet => "idle",
        }
    }
}

pub(super) fn pill(tone: Tone, word: &str) -> Markup {
    html! { span class={ "pill " (tone.class()) } { (word.replace('_', " ")) } }
}

pub(super) fn status(status: Status) -> Markup {
    let tone = match status {
        Status::Pending => Tone::Busy,
        Status::Succeeded => Tone::Good,
        Status::Failed => Tone::Bad,
    };
    pill(tone, status.as_str())
}

pub(super) fn access(access: Access) -> Markup {
    let tone = match access {
        Access::Unknown => Tone::Quiet,
        Access::Reachable => Tone::Good,
        Access::Suspended | Access::NotGranted | Access::RefMissing => Tone::Warn,
        Access::AccessLost | Access::Gone => Tone::Bad,
    };
    pill(tone, access.as_str())
}

pub(super) fn job(state: JobState) -> Markup {
    let tone = match state {
        JobState::Available | JobState::Running => Tone::Busy,
        JobState::Retryable => Tone::Warn,
        JobState::Completed => Tone::Good,
        JobState::Discarded => Tone::Bad,
        JobState::Cancelled => Tone::Quiet,
    };
    pill(tone, state.as_str())
}

pub(super) fn lane(lane: Lane) -> &'static str {
    match lane {
        Lane::Prompt => "prompt",
        Lane::Bulk => "bulk",
    }
}

pub(super) fn delivery(state: DeliveryState) -> Markup {
    let tone = match state {
        DeliveryState::Received => Tone::Busy,
        DeliveryState::Processed => Tone::Good,
        DeliveryState::Ignored => Tone::Quiet,
        DeliveryState::Rejected => Tone::Warn,
        DeliveryState::Failed => Tone::Bad,
    };
    pill(tone, state.as_str())
}

pub(super) fn verdict(verdict: Verdict) -> Markup {
    let tone = match verdict {
        Verdict::Enqueued | Verdict::Joined => Tone::Good,
        Verdict::Skipped => Tone::Quiet,
    };
    pill(tone, verdict.as_str())
}

pub(super) fn repository(repository: &Repository) -> Markup {
    let tone = match repository.reachability {
        Reachability::Reachable => Tone::Good,
        Reachability::AccessLost => Tone::Warn,
        Reachability::Gone => Tone::Bad,
    };
    pill(tone, repository.reachability.as_str())
}

pub(super) fn code(code: Code) -> Markup {
    use crate::explain::Weight;
    let tone = match code.weight() {
        Weight::Arrived => Tone::Good,
        Weight::Failed => Tone::Bad,
        Weight::Waiting => Tone::Busy,
        Weight::Hindered => Tone::Warn,
        Weight::PassedOver | Weight::Untold => Tone::Quiet,
    };
    pill(tone, code.as_str())
}

/// The status of an answer, in the audit log.
pub(super) fn http(status: i16) -> Markup {
    let (tone, word) = match status {
        ..400 => (Tone::Good, "done"),
        _ => (Tone::Bad, "refused"),
    };
    html! { (pill(tone, word)) " " span.quiet { (status) } }
}
