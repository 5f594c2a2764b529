//! What one measurement comes to, and the median of several.

use serde::Serialize;

use crate::load::Measured;

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figures {
    /// Answers, or rows.
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    /// Answers of 503 to what was offered: not acknowledged, and in no other figure.
    pub refused: f64,
    /// CPU time an answer: of the service, and of PostgreSQL's processes.
    pub service_us: Option<f64>,
    pub database_us: Option<f64>,
    /// What others used of the machine meanwhile.
    pub others_percent: f64,
    /// At the end.
    pub resident_mb: Option<f64>,
    /// Of what the verify-only ceiling did with as many connections in the same round.
    pub of_verify: Option<f64>,
    /// Of what the database alone did on one connection in the same round.
    pub of_commits: Option<f64>,
}

impl Figures {
    /// # Errors
    /// When nothing was answered: then there is nothing to say.
    pub fn of(measured: Measured) -> anyhow::Result<Self> {
        let Measured { told, spent } = measured;
        let mut took = told.took;
        took.sort_unstable();
        let took: Vec<f64> = took
            .into_iter()
            .map(|micros| f64::from(micros) / 1000.0)
            .collect();
        anyhow::ensure!(
            !took.is_empty(),
            "nothing was answered; {}",
            told.examples.join("; ")
        );
        Ok(Self {
            per_second: spent.answers as f64 / spent.elapsed.as_secs_f64(),
            p50_ms: percentile(&took, 0.5),
            p99_ms: percentile(&took, 0.99),
            p999_ms: percentile(&took, 0.999),
            max_ms: percentile(&took, 1.0),
            refused: told.refused as f64,
            service_us: spent.of_the_service(),
            database_us: spent.of_the_database(),
            others_percent: spent.by_others(),
            resident_mb: None,
            of_verify: None,
            of_commits: None,
        })
    }

    /// Each figure by itself; `None` of none.
    pub fn median(rounds: &[Self]) -> Option<Self> {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure));
        let of_some = |figure: fn(&Self) -> Option<f64>| median(rounds.iter().filter_map(figure));
        Some(Self {
            per_second: of(|one| one.per_second)?,
            p50_ms: of(|one| one.p50_ms)?,
            p99_ms: of(|one| one.p99_ms)?,
            p999_ms: of(|one| one.p999_ms)?,
            max_ms: of(|one| one.max_ms)?,
            refused: of(|one| one.refused)?,
            service_us: of_some(|one| one.service_us),
            database_us: of_some(|one| one.database_us),
            others_percent: of(|one| one.others_percent)?,
            resident_mb: of_some(|one| one.resident_mb),
            of_verify: of_some(|one| one.of_verify),
            of_commits: of_some(|one| one.of_commits),
        })
    }

    /// CPU time an answer, of the service and its database together.
    pub fn cpu_us(&self) -> Option<f64> {
        Some(self.service_us? + self.database_us.unwrap_or(0.0))
    }
}

/// Of so many in ascending order, the first that this part of them does not exceed; 0 of none.
pub fn percentile(sorted: &[f64], part: f64) -> f64 {
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(0.0)
}

/// Of an even number the mean of the two in the middle.
pub fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}
