//! The queue: general over kinds of jobs, kept in the database, enqueued in the transaction that decided.
//!
//! A job names a *target*, not a change ("make binding 42 hold what its ref holds"), so a duplicate
//! costs nothing. Four rules follow, and each is held by the table itself where it can be:
//!
//! 1. One **waiting** job a target. A request that finds one joins it.
//! 2. One **running** job a target: a claim skips a target that has one. What is requested meanwhile
//!    waits, and later requests join that.
//! 3. A failing job that finds a waiting sibling is superseded by it (cancelled), and hands it its
//!    attempt count and its backoff, so that a steady stream of requests does not undo the backoff.
//! 4. A fresh request that meets a backed-off job pulls it forward: a person's to now, an event's as
//!    far as the backoff floor, which lags one step behind the backoff itself.
//!
//! A claim commits before the work begins; the work runs with no transaction open; its settlement and
//! everything it publishes are one transaction, fenced by the claim.

mod attempt;
mod backoff;
mod claim;
mod command;
mod depth;
mod enqueue;
mod history;
mod job;
mod kind;
mod prune;
mod put_back;
mod request;
mod rescue;
mod settle;
mod tally;
mod worker;

pub use backoff::Backoff;
pub use claim::{Claim, Limits, assign_installation};
pub use command::{cancel, retry};
pub use depth::{Depth, count_lost, depth};
pub use enqueue::{Enqueued, NewJob, cancel_waiting, enqueue, forget_waiting};
pub use history::{JobEvent, JobEventKind, events_of};
pub use job::{
    Attempt, Cause, Job, JobFilter, JobState, Lane, find, list, newest_of_repository,
    running_or_waiting,
};
pub use kind::{Effect, Finish, JobKind, Outcome, Registry};
pub use prune::{prune, prune_completed};
pub use request::Request;
pub use settle::{Settled, annotate};
pub use tally::{Ended, count_ended};
pub use worker::{Worker, WorkerSettings};
