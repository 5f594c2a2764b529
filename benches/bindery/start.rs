//! Start, memory and size: of a service whose database is there and has deliveries in it.

use std::time::Duration;

use serde::Serialize;

use crate::database::Engine;
use crate::figures::median;
use crate::options::Options;
use crate::plan;
use crate::run::Bench;
use crate::service::{BINARY, Service};

/// Connections of which the memory is shown.
const MANY: usize = 256;

/// MB are 1,000,000 bytes.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Start {
    pub ready_ms: f64,
    /// Resident: with both roles, when nothing has happened yet.
    pub idle_mb: f64,
    /// At the end of a load from many connections.
    pub loaded_mb: f64,
}

impl Start {
    pub fn median(rounds: &[Self]) -> Option<Self> {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure));
        Some(Self {
            ready_ms: of(|one| one.ready_ms)?,
            idle_mb: of(|one| one.idle_mb)?,
            loaded_mb: of(|one| one.loaded_mb)?,
        })
    }
}

pub async fn measure(
    bench: &Bench,
    options: &Options,
    engine: Engine,
    wrong: &mut Vec<String>,
) -> anyhow::Result<Start> {
    let database = bench.databases.make(engine).await?;
    let load = plan::load(options, MANY);
    // Whoever starts first makes the tables, and the load fills them.
    let loaded = bench.load(&database, &load, wrong).await?;
    let service = Service::start(&bench.recipe(&database, &[])).await?;
    tokio::time::sleep(at_rest(options)).await;
    let start = Start {
        ready_ms: service.ready_after.as_secs_f64() * 1000.0,
        idle_mb: service.resident_mb()?,
        loaded_mb: loaded.resident_mb.unwrap_or_default(),
    };
    service.stop().await?;
    bench.databases.remove(database).await?;
    Ok(start)
}

fn at_rest(options: &Options) -> Duration {
    Duration::from_millis(if options.quick { 200 } else { 3_000 })
}

pub fn binary_mb() -> anyhow::Result<f64> {
    Ok(std::fs::metadata(BINARY)?.len() as f64 / 1e6)
}
