//! What an event means for our rows. A processor decides, from rows alone; what has to be confirmed at
//! GitHub it enqueues. The next capability adds its processors here, beside these.

mod ping;
mod push;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::QueryResult;

use crate::apps::App;
use crate::config::Grants;
use crate::db::Conn;
use crate::github::event::Event;
use crate::inbox::{About, Delivery, DeliveryState, NewDecision};

pub use push::{BindingFacts, Decision, Skip, decide};

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
        Event::Other { event, action } => {
            let action = action
                .as_deref()
                .map(|action| format!(", action {action}"))
                .unwrap_or_default();
            Ok(Verdict::ignored("event_not_used")
                .because(format!("nothing is done with the event {event}{action}")))
        }
    }
}
