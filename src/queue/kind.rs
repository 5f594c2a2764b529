//! What a kind of job is to the queue: how it runs, how it ends, what it publishes.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryResult;

use super::job::Job;
use super::settle::Settled;
use crate::db::Conn;

/// One kind of work. A capability adds its kinds to the [`Registry`]; the queue knows none of them.
#[async_trait]
pub trait JobKind: Send + Sync + 'static {
    /// As in `jobs.kind`.
    fn name(&self) -> &'static str;

    /// One attempt. No transaction is open, and none may be while it talks to the network.
    /// An `Err` is retried, until the attempts are used up.
    async fn run(&self, job: &Job) -> anyhow::Result<Finish>;

    /// Writes down for people that the job was given up, in the transaction that gives it up. A kind that
    /// has learnt nothing by then, and is asked for again by a timer, has nothing to say.
    async fn discarded(
        &self,
        _job: &Job,
        _error: &str,
        _proof: &Settled,
        _conn: &mut Conn,
    ) -> QueryResult<()> {
        Ok(())
    }
}

/// How an attempt ended, as a decision.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The target is as it should be; what was done, for people.
    Completed(serde_json::Value),
    /// Not now, and not this job's fault; the attempt is not counted.
    Snoozed {
        until: DateTime<Utc>,
        reason: String,
    },
    /// GitHub is out of order: tried again with backoff, the attempt not counted.
    Deferred { error: String },
    /// No further attempt would help.
    Discarded { error: String },
    /// There is nothing left to do it for.
    Cancelled { reason: String },
}

/// An outcome, and what else is written when it is settled.
pub struct Finish {
    pub outcome: Outcome,
    pub effect: Option<Box<dyn Effect>>,
}

impl Finish {
    pub fn with(outcome: Outcome, effect: impl Effect + 'static) -> Self {
        Self {
            outcome,
            effect: Some(Box::new(effect)),
        }
    }
}

impl From<Outcome> for Finish {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            effect: None,
        }
    }
}

impl std::fmt::Debug for Finish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finish")
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

/// What an attempt publishes. Applied in the settling transaction, after the fence has been checked:
/// the proof cannot be had otherwise.
#[async_trait]
pub trait Effect: Send {
    async fn apply(self: Box<Self>, proof: &Settled, conn: &mut Conn) -> QueryResult<()>;
}

/// The kinds that a process can work on.
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<&'static str, Arc<dyn JobKind>>);

impl Registry {
    #[must_use]
    pub fn with(mut self, kind: impl JobKind) -> Self {
        self.0.insert(kind.name(), Arc::new(kind));
        self
    }

    pub fn names(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<dyn JobKind>> {
        self.0.get(name).cloned()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
