use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use serde::Serialize;

use crate::ceiling::Ceiling;
use crate::database::Engine;

/// Measures Bindery beside the ceilings of the machine it runs on.
#[derive(Debug, Clone, Parser)]
#[command(name = "./dev bench")]
pub struct Options {
    /// What is measured; everything unless said.
    #[arg(value_enum, value_name = "SECTION")]
    pub sections: Vec<Section>,
    /// How often each is measured, one after the other; the median is what counts [default: 5].
    #[arg(long)]
    pub rounds: Option<usize>,
    /// How long each is measured [default: 3].
    #[arg(long, value_parser = seconds)]
    pub seconds: Option<f64>,
    /// Less of everything, in half a minute: shows that it works, and is no measurement.
    #[arg(long)]
    pub quick: bool,
    #[arg(long, value_enum, default_value_t = Databases::Both)]
    pub database: Databases,
    /// Every round of everything, for programs.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Serves a ceiling instead: how this program starts itself.
    #[arg(long, value_enum, hide = true)]
    pub ceiling: Option<Ceiling>,
    /// What `cargo bench` says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// Two ceilings: HTTP alone, and HTTP with the proof
    A,
    /// Durable acknowledgement
    B,
    /// From push to publication under 2,000 deliveries a second
    C,
    /// Matching among 10³, 10⁵ and 10⁶ bindings
    D,
    /// Jobs among 10³ and 10⁶ finished ones
    E,
    /// Requests to GitHub
    F,
    /// Start, memory, size
    G,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Databases {
    Postgres,
    Sqlite,
    Both,
}

impl Options {
    pub fn wants(&self, section: Section) -> bool {
        self.sections.is_empty() || self.sections.contains(&section)
    }

    pub fn rounds(&self) -> usize {
        let unless_said = if self.quick { 1 } else { 5 };
        self.rounds.unwrap_or(unless_said).max(1)
    }

    pub fn measured(&self) -> Duration {
        let unless_said = if self.quick { 1.0 } else { 3.0 };
        Duration::from_secs_f64(self.seconds.unwrap_or(unless_said))
    }

    /// A third as long again, before each measurement.
    pub fn warm(&self) -> Duration {
        self.measured() / 3
    }

    pub fn engines(&self) -> Vec<Engine> {
        match self.database {
            Databases::Postgres => vec![Engine::Postgres],
            Databases::Sqlite => vec![Engine::Sqlite],
            Databases::Both => vec![Engine::Postgres, Engine::Sqlite],
        }
    }

    /// Without what it is run by and where.
    pub fn command(&self) -> String {
        let said = std::env::args().skip(1);
        let said = said.filter(|word| word != "--bench");
        let words: Vec<String> = ["./dev".to_owned(), "bench".to_owned()]
            .into_iter()
            .chain(said)
            .collect();
        words.join(" ")
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("give seconds from 0.1 to 600".to_owned()),
    }
}
