//! What must not grow with what is stored: the same work among few rows and among many.

use serde::Serialize;

use crate::database::Engine;
use crate::figures::median;
use crate::options::Options;

#[derive(Debug, Serialize)]
pub struct Growth {
    pub what: &'static str,
    pub engine: Engine,
    /// The fewest first.
    pub sizes: Vec<Size>,
}

#[derive(Debug, Serialize)]
pub struct Size {
    pub rows: i64,
    /// Microseconds for one, on average over a round's.
    pub rounds_us: Vec<f64>,
}

impl Growth {
    pub fn new(what: &'static str, engine: Engine, rows: &[i64]) -> Self {
        let size = |rows: &i64| Size {
            rows: *rows,
            rounds_us: Vec::new(),
        };
        Self {
            what,
            engine,
            sizes: rows.iter().map(size).collect(),
        }
    }

    /// What it takes among most, of what it takes among fewest in the same round.
    pub fn ratio(&self) -> Option<f64> {
        let (few, many) = (self.sizes.first()?, self.sizes.last()?);
        let rounds = few.rounds_us.iter().zip(&many.rounds_us);
        median(rounds.map(|(few, many)| many / few))
    }
}

impl Size {
    pub fn median_us(&self) -> Option<f64> {
        median(self.rounds_us.iter().copied())
    }
}

/// From few to many.
pub fn rows(options: &Options, in_between: bool) -> Vec<i64> {
    match (options.quick, in_between) {
        (true, _) => vec![1_000, 10_000],
        (false, true) => vec![1_000, 100_000, 1_000_000],
        (false, false) => vec![1_000, 1_000_000],
    }
}
