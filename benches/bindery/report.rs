//! What a run found, for people and for programs.

use std::fmt;

use serde::Serialize;

use crate::asked::Asked;
use crate::database::Engine;
use crate::facts::Machine;
use crate::figures::Figures;
use crate::goals::{self, Goal};
use crate::growth::Growth;
use crate::options::{Options, Section};
use crate::plan::Case;
use crate::start::{self, Start};
use crate::sustained::Sustained;
use crate::table;

#[derive(Debug, Serialize)]
pub struct Report {
    /// By UTC.
    pub date: String,
    pub command: String,
    pub version: &'static str,
    pub machine: Machine,
    pub rounds: usize,
    /// That each was measured for, and warmed up before.
    pub seconds: f64,
    pub warm_seconds: f64,
    pub quick: bool,
    pub cases: Vec<Measured>,
    pub sustained: Vec<Rounds<Sustained>>,
    pub growths: Vec<Growth>,
    pub asked: Vec<Asked>,
    pub starts: Vec<Rounds<Start>>,
    pub binary_mb: Option<f64>,
    pub goals: Vec<Goal>,
    /// Lost deliveries and wrong answers: then nothing else counts.
    pub wrong: Vec<String>,
}

/// What the rounds have found.
#[derive(Default)]
pub struct Found {
    pub cases: Vec<Measured>,
    pub sustained: Vec<Rounds<Sustained>>,
    pub growths: Vec<Growth>,
    pub asked: Vec<Asked>,
    pub starts: Vec<Rounds<Start>>,
    pub wrong: Vec<String>,
}

impl Found {
    pub fn started(&mut self, engine: Engine, one: Start) {
        push(&mut self.starts, engine, one);
    }

    pub fn sustained(&mut self, engine: Engine, one: Sustained) {
        push(&mut self.sustained, engine, one);
    }
}

fn push<T>(all: &mut Vec<Rounds<T>>, engine: Engine, one: T) {
    match all.iter_mut().find(|rounds| rounds.engine == engine) {
        Some(found) => found.rounds.push(one),
        None => all.push(Rounds {
            engine,
            median: None,
            rounds: vec![one],
        }),
    }
}

/// A case and all its rounds.
#[derive(Debug, Serialize)]
pub struct Measured {
    #[serde(flatten)]
    pub case: Case,
    pub median: Option<Figures>,
    pub rounds: Vec<Figures>,
}

/// What was measured on one database.
#[derive(Debug, Serialize)]
pub struct Rounds<T> {
    pub engine: Engine,
    pub median: Option<T>,
    pub rounds: Vec<T>,
}

impl Measured {
    pub fn of(case: Case) -> Self {
        Self {
            case,
            median: None,
            rounds: Vec::new(),
        }
    }
}

impl Report {
    pub fn new(options: &Options, machine: Machine, found: Found) -> anyhow::Result<Self> {
        let Found {
            mut cases,
            mut sustained,
            growths,
            asked,
            mut starts,
            wrong,
        } = found;
        for measured in &mut cases {
            measured.median = Figures::median(&measured.rounds);
        }
        for one in &mut sustained {
            one.median = Sustained::median(&one.rounds);
        }
        for one in &mut starts {
            one.median = Start::median(&one.rounds);
        }
        let binary = options.wants(Section::G).then(start::binary_mb);
        let mut report = Self {
            date: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
            command: options.command(),
            version: env!("CARGO_PKG_VERSION"),
            machine,
            rounds: options.rounds(),
            seconds: options.measured().as_secs_f64(),
            warm_seconds: options.warm().as_secs_f64(),
            quick: options.quick,
            cases,
            sustained,
            growths,
            asked,
            starts,
            binary_mb: binary.transpose()?,
            goals: Vec::new(),
            wrong,
        };
        report.goals = goals::all(&report);
        Ok(report)
    }

    pub fn holds(&self) -> bool {
        self.wrong.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rounds, seconds, warm) = (self.rounds, self.seconds, self.warm_seconds);
        writeln!(
            f,
            "`{}`, {}, Bindery {}.",
            self.command, self.date, self.version
        )?;
        writeln!(f, "{}.", self.machine)?;
        writeln!(
            f,
            "Medians of {rounds} rounds, {seconds:.1} s each after {warm:.1} s of warm-up."
        )?;
        if self.quick {
            writeln!(f, "\n**Quick: it works; these are no measurements.**")?;
        }
        let tables = [
            (self.cases.is_empty(), table::of_cases(&self.cases)),
            (
                self.sustained.is_empty(),
                table::of_sustained(&self.sustained),
            ),
            (self.growths.is_empty(), table::of_growths(&self.growths)),
            (self.asked.is_empty(), table::of_asked(&self.asked)),
            (
                self.starts.is_empty(),
                table::of_starts(&self.starts, self.binary_mb),
            ),
            (self.goals.is_empty(), table::of_goals(&self.goals)),
        ];
        for (is_empty, table) in tables {
            if !is_empty {
                writeln!(f, "\n{table}")?;
            }
        }
        if self.wrong.is_empty() {
            return write!(
                f,
                "\nEvery answer was the right one, and every acknowledged delivery is in the ledger."
            );
        }
        writeln!(f, "\n**Wrong:**\n")?;
        self.wrong
            .iter()
            .try_for_each(|what| writeln!(f, "* {what}"))
    }
}
