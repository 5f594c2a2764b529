//! How each fault is brought about, and what is demanded while it lasts.

mod database;
mod github;
mod queue;
mod storm;
mod worker;

pub use queue::{forget_unknown, is_left_alone};

use crate::scene::Scene;
use crate::step::{Kind, Outcome, Step};

/// Pushes a second while one fault at a time is tried.
pub const CALM_RATE: u32 = 10;

/// A step on PostgreSQL.
pub async fn run(step: &Step, times: u32, scene: &Scene) -> anyhow::Result<Outcome> {
    match step.kind {
        Kind::ReceiversKilled => storm::receivers(scene, times).await,
        Kind::WorkersKilled => storm::workers(scene, times).await,
        Kind::PostgresBroken => storm::postgres(scene, times).await,
        Kind::Deliveries => storm::deliveries(scene, times).await,
        Kind::UnknownJob => queue::unknown_job(scene).await,
        Kind::PostgresFrozen => database::frozen(scene, times).await,
        Kind::PoolExhausted => database::exhausted(scene, times).await,
        Kind::ContentWiped => database::wiped(scene, times).await,
        Kind::WorkerCutOff => worker::cut_off(scene, times).await,
        Kind::WorkerFrozen => worker::frozen(scene, times).await,
        Kind::LongSync => worker::long_sync(scene, times).await,
        Kind::ClockWrong => worker::clock_wrong(scene, times).await,
        Kind::Unreachable => github::unreachable(scene, times).await,
        Kind::Failing => github::failing(scene, times).await,
        Kind::Limited => github::limited(scene, times).await,
        Kind::Partition => github::partition(scene, times).await,
        Kind::DoorClosed => github::door_closed(scene, times).await,
        Kind::Lying => github::lying(scene, times).await,
        Kind::Backlog => queue::backlog(scene, times).await,
        Kind::Soak => queue::soak(scene, times).await,
        Kind::VolumeFull | Kind::SqliteKilled => anyhow::bail!("not a step on this scene"),
    }
}
