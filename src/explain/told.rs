//! A delivery: how it came, what it says, and what was made of it.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::answer::{Finding, Step, StepCode, short, time};
use super::code::Code;
use super::waiting::PATIENCE;
use super::{Options, Sight};
use crate::github_app::GitHubApp;
use crate::inbox::{Decision, Delivery, DeliveryState, Verdict};
use crate::repository::Repository;

/// What is known of one delivery.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) delivery: Delivery,
    /// `None`: nobody remembers the App.
    pub(super) app: Option<GitHubApp>,
    pub(super) repository: Option<Repository>,
    pub(super) decisions: Vec<Decision>,
}

impl Chain {
    /// What was made of it as a whole tells of others' bindings: that is for who sees all.
    pub(super) fn steps(&self, sight: Sight) -> Vec<Step> {
        let mut steps = vec![self.received(), self.event()];
        if sight == Sight::All {
            steps.push(self.processed());
            steps.extend(self.of_repository());
        }
        steps
    }

    fn received(&self) -> Step {
        let Delivery {
            guid,
            signed_by,
            body_size,
            ..
        } = &self.delivery;
        let (at, sent_at) = (time(self.delivery.received_at), time(self.delivery.sent_at));
        let says = match signed_by {
            Some(secret) => {
                format!(
                    "{guid} was received from the webhook at {at}, signed by the {secret} secret."
                )
            }
            None if *body_size == 0 => format!(
                "{guid} did not arrive. GitHub lists it; the sweep wrote it down at {at}, without its body."
            ),
            None => format!(
                "{guid} did not arrive. GitHub lists it as sent at {sent_at}; the sweep fetched it at {at}."
            ),
        };
        let facts = json!({
            "delivery_id": self.delivery.id,
            "guid": guid,
            "github_host": self.app.as_ref().map(|app| &app.host),
            "github_app_id": self.app.as_ref().map(|app| app.app_id),
            "signed_by": signed_by,
            "sent_at": self.delivery.sent_at,
            "received_at": self.delivery.received_at,
            "body_size": body_size,
        });
        Step::new(StepCode::Received, says, facts)
    }

    fn event(&self) -> Step {
        let Delivery {
            event,
            action,
            git_ref,
            head_sha,
            ..
        } = &self.delivery;
        let mut says = format!("It is the event {event}");
        if let Some(action) = action {
            says += &format!(", action {action}");
        }
        if let Some(git_ref) = git_ref {
            says += &format!(", about {git_ref}");
        }
        if let Some(sha) = head_sha {
            says += &format!(", which it moved to {}", short(sha));
        }
        let facts = json!({
            "event": event,
            "action": action,
            "github_ref": git_ref,
            "head_sha": head_sha,
        });
        Step::new(StepCode::Event, format!("{says}."), facts)
    }

    fn processed(&self) -> Step {
        let delivery = &self.delivery;
        let at = delivery.processed_at.map(time).unwrap_or_default();
        let said = [&delivery.reason, &delivery.detail];
        let said: Vec<&str> = said.into_iter().flatten().map(String::as_str).collect();
        let said = match said.is_empty() {
            true => String::new(),
            false => format!(" ({})", said.join(": ")),
        };
        let says = match delivery.state {
            DeliveryState::Received => {
                let due = time(delivery.scheduled_at);
                format!("It waits to be processed, due at {due}{said}.")
            }
            DeliveryState::Processed => {
                let concerned = self.decisions.iter();
                let concerned = concerned
                    .filter(|one| one.verdict != Verdict::Skipped)
                    .count();
                let considered = self.decisions.len();
                format!(
                    "Processed at {at}: of {considered} bindings considered it concerns {concerned}."
                )
            }
            DeliveryState::Ignored => {
                format!("Processed at {at}, and nothing is to be done{said}.")
            }
            DeliveryState::Rejected => format!("Refused at {at}, and kept{said}."),
            DeliveryState::Failed => {
                let attempts = delivery.attempts;
                format!("Given up at {at} after {attempts} attempts{said}.")
            }
        };
        let facts = json!({
            "state": delivery.state,
            "reason": delivery.reason,
            "detail": delivery.detail,
            "attempts": delivery.attempts,
            "scheduled_at": delivery.scheduled_at,
            "processed_at": delivery.processed_at,
        });
        Step::new(StepCode::Processed, says, facts)
    }

    fn of_repository(&self) -> Option<Step> {
        let id = self.delivery.repository_github_id?;
        let says = match &self.repository {
            Some(found) => format!("Repository {id} is called {} now.", found.full_name()),
            None => format!("Repository {id} has never been synced here."),
        };
        let facts = json!({
            "github_repo_id": id,
            "github_installation_id": self.delivery.installation_github_id,
            "name": self.repository.as_ref().map(|found| found.full_name().to_string()),
            "reachability": self.repository.as_ref().map(|found| found.reachability),
        });
        Some(Step::new(StepCode::Repository, says, facts))
    }

    /// What it comes to where no binding says it.
    pub(super) fn finding(&self, options: &Options, now: DateTime<Utc>) -> Option<Finding> {
        let delivery = &self.delivery;
        match delivery.state {
            DeliveryState::Received => Some(self.waiting(options, now)),
            DeliveryState::Rejected => Some(self.because(Code::Rejected)),
            DeliveryState::Failed => Some(self.because(Code::ProcessingFailed)),
            _ if !self.decisions.is_empty() => None,
            DeliveryState::Ignored => {
                let reason = delivery.reason.as_deref().unwrap_or_default();
                Some(self.because(Code::find(reason).unwrap_or(Code::Ignored)))
            }
            DeliveryState::Processed if delivery.event == "push" => {
                Some(Finding::new(Code::BindingDeleted))
            }
            DeliveryState::Processed => Some(Finding::new(Code::NotAPush)),
        }
    }

    fn because(&self, code: Code) -> Finding {
        let finding = Finding::new(code);
        match &self.delivery.detail {
            Some(detail) => finding.with(format_args!("In detail: {detail}.")),
            None => finding,
        }
    }

    /// A process takes the deliveries of the Apps that it knows, and no other.
    fn waiting(&self, options: &Options, now: DateTime<Utc>) -> Finding {
        let is_configured = |app: &GitHubApp| {
            let mut configured = options.apps.iter();
            configured.any(|(host, id)| *host == app.host && *id == app.app_id)
        };
        if !self.app.as_ref().is_some_and(is_configured) {
            return Finding::new(Code::AppNotConfigured);
        }
        let due = self.delivery.scheduled_at;
        if due < now - PATIENCE {
            return Finding::new(Code::NobodyWorks).with(format_args!("Due since {}.", time(due)));
        }
        match self.delivery.detail {
            Some(_) => self.because(Code::ProcessingRetried),
            None => Finding::new(Code::WaitsToBeProcessed),
        }
    }
}
