//! What a campaign found, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::check::{Deliveries, Findings};
use crate::options::Options;
use crate::step::{Outcome, Step};

#[derive(Debug, Serialize)]
pub struct Report {
    pub seed: u64,
    pub form: String,
    pub cores: usize,
    pub memory_mib: u64,
    pub version: &'static str,
    pub holds: bool,
    pub seconds: u64,
    pub parts: Vec<Part>,
}

/// One scene with its steps.
#[derive(Debug, Default, Serialize)]
pub struct Part {
    pub name: String,
    pub database: String,
    pub steps: Vec<StepReport>,
    pub notes: Vec<String>,
    pub findings: Findings,
    pub pushes: u64,
    pub deliveries: Deliveries,
    pub posts: u64,
    /// By status; 0 is no answer.
    pub answers: BTreeMap<u16, u64>,
    pub slowest_answer: f64,
    pub kills: u64,
    /// Starts that ended at once, because the database was away.
    pub refused_starts: u64,
    pub publishes: u64,
    pub reads: u64,
    pub reads_a_second: f64,
    pub fenced: u64,
    pub log_lines: u64,
    pub errors_logged: BTreeMap<String, u64>,
    pub peak_rss_kib: u64,
    pub peak_files: usize,
}

#[derive(Debug, Serialize)]
pub struct StepReport {
    pub name: &'static str,
    pub rows: Vec<String>,
    pub what: &'static str,
    pub times: u64,
    pub recovery: Option<Recovery>,
    pub notes: Vec<String>,
    pub failures: Vec<String>,
    pub not_run: Option<String>,
}

/// Seconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Recovery {
    pub median: f64,
    pub p99: f64,
    pub max: f64,
}

impl Recovery {
    fn of(times: &[Duration]) -> Option<Self> {
        let mut sorted = times.to_vec();
        sorted.sort();
        let at = |percent: usize| {
            let index = (sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?);
            Some(sorted[index].as_secs_f64())
        };
        Some(Self {
            median: at(50)?,
            p99: at(99)?,
            max: at(100)?,
        })
    }
}

impl Part {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    pub fn push(&mut self, step: &Step, outcome: &Outcome) {
        self.steps.push(StepReport {
            name: step.name,
            rows: step.rows(),
            what: step.what,
            times: outcome.times,
            recovery: Recovery::of(&outcome.recoveries),
            notes: outcome.notes.clone(),
            failures: outcome.failures.clone(),
            not_run: outcome.not_run.clone(),
        });
    }

    fn holds(&self) -> bool {
        self.findings.wrong.is_empty() && self.steps.iter().all(|step| step.failures.is_empty())
    }
}

impl Report {
    pub fn new(options: &Options, seed: u64) -> Self {
        Self {
            seed,
            form: options.form(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mib: memory_mib().unwrap_or(0),
            version: env!("CARGO_PKG_VERSION"),
            holds: false,
            seconds: 0,
            parts: Vec::new(),
        }
    }

    pub fn holds(&self) -> bool {
        !self.parts.is_empty() && self.parts.iter().all(Part::holds)
    }

    pub fn print(&self) {
        println!("{}", self.markdown());
    }

    pub fn write(&mut self, folder: &Path) -> anyhow::Result<()> {
        self.holds = self.holds();
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("report.md"), self.markdown())?;
        let json = serde_json::to_string_pretty(self)?;
        std::fs::write(folder.join("report.json"), json + "\n")?;
        Ok(())
    }

    fn markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_markdown(&mut text);
        text
    }

    fn write_markdown(&self, text: &mut String) -> std::fmt::Result {
        let verdict = if self.holds() {
            "Everything held"
        } else {
            "Not everything held"
        };
        writeln!(text, "# Report of a campaign\n\n**{verdict}.**\n")?;
        writeln!(
            text,
            "Form: {}. Seed: {}. {} s on {} cores with {} MiB of memory. Bindery {}.",
            self.form, self.seed, self.seconds, self.cores, self.memory_mib, self.version
        )?;
        for part in &self.parts {
            part.write_markdown(text)?;
        }
        Ok(())
    }
}

impl Part {
    fn write_markdown(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "\n## {}\n\nDatabase: {}.\n", self.name, self.database)?;
        writeln!(
            text,
            "| step | what was done | times | recovery, s: median, p99, max | |"
        )?;
        writeln!(text, "|---|---|---|---|---|")?;
        for step in &self.steps {
            step.write_row(text)?;
        }
        writeln!(text)?;
        self.write_figures(text)?;
        for note in &self.notes {
            writeln!(text, "* {note}")?;
        }
        let checked = self.findings.checked.iter();
        let checked: Vec<String> = checked
            .map(|(invariant, times)| format!("{invariant} {times}"))
            .collect();
        writeln!(text, "\nChecked, how often: {}.", checked.join(", "))?;
        if self.findings.wrong.is_empty() {
            writeln!(text, "\nNothing was found wrong.")?;
        } else {
            writeln!(text, "\nFound wrong:\n")?;
        }
        for wrong in &self.findings.wrong {
            writeln!(text, "* {wrong}")?;
        }
        Ok(())
    }

    fn write_figures(&self, text: &mut String) -> std::fmt::Result {
        let Deliveries {
            made,
            acknowledged,
            lost,
            swept,
            recorded_unanswered,
            unrecorded_unanswered,
        } = self.deliveries;
        let answers: Vec<String> = self
            .answers
            .iter()
            .map(|(status, times)| match status {
                0 => format!("{times} without an answer"),
                status => format!("{times} × {status}"),
            })
            .collect();
        writeln!(
            text,
            "* {made} deliveries made by {} pushes and the steps; {} POSTs: {}",
            self.pushes,
            self.posts,
            answers.join(", ")
        )?;
        writeln!(
            text,
            "* {acknowledged} acknowledged, of which **{lost} lost**; {swept} found by the sweep alone"
        )?;
        writeln!(
            text,
            "* without any answer: {recorded_unanswered} were recorded (F02), {unrecorded_unanswered} were not and were found later (F01, F26)"
        )?;
        writeln!(text, "* slowest answer {:.2} s", self.slowest_answer)?;
        writeln!(
            text,
            "* {} processes killed; {} starts ended at once because the database was away",
            self.kills, self.refused_starts
        )?;
        writeln!(
            text,
            "* {} publishes; {} late settlements or leases refused by the fence",
            self.publishes, self.fenced
        )?;
        writeln!(
            text,
            "* {} reads, {:.0} a second while the database was there",
            self.reads, self.reads_a_second
        )?;
        writeln!(
            text,
            "* at most {} MiB and {} files in a process; {} lines of log",
            self.peak_rss_kib / 1024,
            self.peak_files,
            self.log_lines
        )?;
        for (message, times) in &self.errors_logged {
            writeln!(text, "* logged as an error, {times} times: {message}")?;
        }
        Ok(())
    }
}

impl StepReport {
    fn write_row(&self, text: &mut String) -> std::fmt::Result {
        let recovery = self.recovery.map_or_else(String::new, |recovery| {
            format!(
                "{:.2}, {:.2}, {:.2}",
                recovery.median, recovery.p99, recovery.max
            )
        });
        let mut said = self.notes.clone();
        said.extend(
            self.not_run
                .iter()
                .map(|why| format!("**not run here**: {why}")),
        );
        said.extend(
            self.failures
                .iter()
                .map(|failure| format!("**failed**: {failure}")),
        );
        let said = said.join("; ").replace('|', "\\|").replace('\n', " ");
        let (name, what, times) = (self.name, self.what, self.times);
        writeln!(
            text,
            "| `{name}` | {what} | {times} | {recovery} | {said} |"
        )
    }
}

fn memory_mib() -> Option<u64> {
    let file = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = file.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024)
}
