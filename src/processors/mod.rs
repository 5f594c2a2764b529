//! What an event means for our rows. A processor decides, from rows alone; what has to be confirmed at
//! GitHub it enqueues. The next capability adds its processors here, beside these.

mod account;
mod installation;
mod ping;
mod push;
mod repository;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::QueryResult;

use crate::apps::App;
use crate::binding::{self, Binding};
use crate::config::Grants;
use crate::db::Conn;
use crate::github::event::{Event, PushRepository};
use crate::github::ids::InstallationId;
use crate::grant;
use crate::inbox::{self, About, Delivery, DeliveryState, NewDecision};
use crate::queue::{Cause, Lane, Request};
use crate::sync::{self, PushHint};

pub use push::{BindingFacts, Decision, Skip, decide, rehearse};

/// What a processor may know besides the event.
#[derive(Debug, Clone, Copy)]
pub struct Processing<'a> {
    pub delivery: &'a Delivery,
    /// The App that the delivery was sent to: identities are of its host.
    pub app: &'a Arc<App>,
    pub now: DateTime<Utc>,
    pub job_max_attempts: i32,
    pub grants: Grants,
}

/// What became of a delivery, and why. Written in the same transaction as the jobs that it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub state: DeliveryState,
    /// A stable code; always there when the delivery was ignored.
    pub reason: Option<&'static str>,
    /// The same for people.
    pub detail: Option<String>,
    pub about: About,
    pub decisions: Vec<NewDecision>,
}

impl Verdict {
    pub fn processed() -> Self {
        Self {
            state: DeliveryState::Processed,
            reason: None,
            detail: None,
            about: About::default(),
            decisions: Vec::new(),
        }
    }

    pub fn ignored(reason: &'static str) -> Self {
        Self {
            state: DeliveryState::Ignored,
            reason: Some(reason),
            ..Self::processed()
        }
    }

    #[must_use]
    pub fn because(self, detail: String) -> Self {
        Self {
            detail: Some(detail),
            ..self
        }
    }

    #[must_use]
    fn about(self, about: About) -> Self {
        Self { about, ..self }
    }
}

impl Processing<'_> {
    fn cause(&self) -> Cause {
        Cause::Delivery {
            id: self.delivery.id,
            guid: self.delivery.guid.clone(),
        }
    }

    /// What is asked for because of this delivery.
    fn request(&self) -> Request {
        Request {
            cause: self.cause(),
            lane: Lane::Prompt,
            max_attempts: self.job_max_attempts,
            at: self.now,
        }
    }
}

/// Of what has never synced, the bindings whose organisation may know of what the delivery's
/// installation covers: the jobs of others would tell them of private repositories.
async fn may_know(
    bindings: Vec<Binding>,
    installation: Option<InstallationId>,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Vec<Binding>> {
    let granted_to = match installation {
        Some(installation) => grant::holder(&processing.app.host, installation, conn).await?,
        None => None,
    };
    let may = |binding: &Binding| {
        let holds_grant = granted_to == Some(binding.organization_id);
        processing.grants.allow(holds_grant)
    };
    Ok(bindings.into_iter().filter(may).collect())
}

/// A sync of a binding that the delivery concerns.
async fn enqueue_sync(
    binding: &Binding,
    reason: &str,
    hint: Option<&PushHint>,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<NewDecision> {
    let (attempts, now) = (processing.job_max_attempts, processing.now);
    let job = sync::request(binding, processing.cause(), hint, attempts, now, conn).await?;
    binding::record_delivery(binding.id, processing.delivery.id, conn).await?;
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

/// Decides what an event asks for, in the caller's transaction.
pub async fn process(
    event: &Event,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    match event {
        Event::Push(push) => push::process(push, processing, conn).await,
        Event::Ping(ping) => ping::process(ping, processing, conn).await,
        Event::RefChange(change) => push::process_ref_change(change, processing, conn).await,
        Event::Repository(event) => repository::process(event, processing, conn).await,
        Event::Account(event) => account::process(event, processing, conn).await,
        Event::Installation(event) => installation::process(event, processing, conn).await,
        Event::InstallationRepositories(event) => {
            installation::process_selection(event, processing, conn).await
        }
        Event::Other { event, action } => Ok(not_used(event, action.as_deref())),
    }
}

fn not_used(event: &str, action: Option<&str>) -> Verdict {
    let action = action.map(|action| format!(", action {action}"));
    Verdict::ignored("event_not_used").because(format!(
        "nothing is done with the event {event}{}",
        action.unwrap_or_default()
    ))
}

/// What has to be there for an event to ask for anything: without it, its verdict is known.
#[derive(Debug)]
pub enum Concern<'a> {
    Nothing(Verdict),
    /// Something bound to this repository, or by the name that it has.
    Bound {
        repository: &'a PushRepository,
        otherwise: Verdict,
    },
    /// [`process`] knows.
    More,
}

impl<'a> Concern<'a> {
    pub fn of(event: &'a Event) -> Self {
        match event {
            Event::Push(push) => Self::moved(
                push.parsed_ref.is_some(),
                &push.repository,
                push::unbound(push),
            ),
            Event::RefChange(change) => {
                let otherwise = push::unbound_ref_change(change);
                Self::moved(change.parsed_ref.is_some(), &change.repository, otherwise)
            }
            Event::Other { event, action } => Self::Nothing(not_used(event, action.as_deref())),
            Event::Ping(_)
            | Event::Repository(_)
            | Event::Account(_)
            | Event::Installation(_)
            | Event::InstallationRepositories(_) => Self::More,
        }
    }

    fn moved(can_be_bound: bool, repository: &'a PushRepository, otherwise: Verdict) -> Self {
        if can_be_bound {
            Self::Bound {
                repository,
                otherwise,
            }
        } else {
            Self::Nothing(otherwise)
        }
    }
}
