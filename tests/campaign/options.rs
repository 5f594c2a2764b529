use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Breaks what can break around a running Bindery, and checks what it promises.
#[derive(Debug, Clone, Parser)]
#[command(name = "./dev campaign")]
pub struct Options {
    /// Minutes instead of seconds; the counts that the report of the project has.
    #[arg(long, conflicts_with = "short")]
    pub full: bool,
    /// The short form, which is what runs without `--full`.
    #[arg(long)]
    pub short: bool,
    /// How much of the full form's counts, from 0.01 to 1.
    #[arg(long, default_value_t = 1.0, value_parser = share)]
    pub share: f64,
    /// Decides which faults come when; the report has it.
    #[arg(long)]
    pub seed: Option<u64>,
    #[arg(long, value_enum, default_value_t = Databases::Both)]
    pub database: Databases,
    /// Pushes a second while everything is broken at once: 30 in the short form, 75 in the full one.
    #[arg(long)]
    pub rate: Option<u32>,
    /// Only these, by the beginning of their names: `f01,f13`.
    #[arg(long, value_delimiter = ',')]
    pub steps: Vec<String>,
    /// Where `report.md` and `report.json` are written.
    #[arg(long, value_name = "FOLDER")]
    pub report: Option<PathBuf>,
    /// Another binary than the one that was built with the campaign.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_bindery"), hide_default_value = true)]
    pub binary: PathBuf,
    /// What the processes write to their logs, kept there; otherwise it is read and forgotten.
    #[arg(long, value_name = "FOLDER")]
    pub logs: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Databases {
    Postgres,
    Sqlite,
    Both,
}

impl Databases {
    pub fn has_postgres(self) -> bool {
        self != Self::Sqlite
    }

    pub fn has_sqlite(self) -> bool {
        self != Self::Postgres
    }
}

impl Options {
    /// `short`, or how much of the full form.
    pub fn form(&self) -> String {
        match (self.full, self.share < 1.0) {
            (false, _) => "short".to_owned(),
            (true, false) => "full".to_owned(),
            (true, true) => format!("full, with {} of the counts", self.share),
        }
    }

    pub fn rate(&self) -> u32 {
        self.rate.unwrap_or(if self.full { 75 } else { 30 })
    }

    pub fn wants(&self, step: &str) -> bool {
        let chosen = |begin: &String| step.starts_with(begin.as_str());
        self.steps.is_empty() || self.steps.iter().any(chosen)
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.01..=1.0).contains(&share) => Ok(share),
        _ => Err("give a number from 0.01 to 1".to_owned()),
    }
}
