//! What was found, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Invariant, Options, Rule};

/// Something that should not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    #[serde(flatten)]
    pub rule: &'static Rule,
    /// Where: ids, a path, a line.
    pub place: String,
    pub what: String,
}

/// How far an invariant could be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    Whole,
    /// By what the given sources say; the rest needs what `missing` names.
    Partly,
    Not,
}

/// What was seen of one invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    pub invariant: Invariant,
    pub title: &'static str,
    pub extent: Extent,
    /// What it takes to say more.
    pub missing: Option<&'static str>,
    pub holds: Option<bool>,
}

/// The findings of one rule that are kept; how many more there are is counted.
const KEPT: u64 = 100;

/// What has been found so far, and how much was looked at.
#[derive(Debug, Default)]
pub struct Findings {
    found: Vec<Finding>,
    times: BTreeMap<&'static str, u64>,
    looked_at: BTreeMap<&'static str, u64>,
    notes: Vec<String>,
}

impl Findings {
    pub fn add(&mut self, rule: &'static Rule, place: impl Into<String>, what: impl Into<String>) {
        let times = self.times.entry(rule.name).or_default();
        *times += 1;
        if *times <= KEPT {
            self.found.push(Finding {
                rule,
                place: place.into(),
                what: what.into(),
            });
        }
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.found.iter()
    }

    pub(super) fn looked_at(&mut self, what: &'static str, count: usize) {
        *self.looked_at.entry(what).or_default() += count as u64;
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

/// The verdict.
#[derive(Debug, Serialize)]
pub struct Report {
    pub at: DateTime<Utc>,
    pub holds: bool,
    pub invariants: Vec<Seen>,
    pub findings: Vec<Finding>,
    /// How often each rule was broken: of each the first hundred are among the findings.
    pub times: BTreeMap<&'static str, u64>,
    pub looked_at: BTreeMap<&'static str, u64>,
    /// What is as it may be, and worth knowing.
    pub notes: Vec<String>,
}

impl Report {
    pub(super) fn new(options: &Options, findings: Findings, at: DateTime<Utc>) -> Self {
        let Findings {
            mut found,
            times,
            looked_at,
            notes,
        } = findings;
        found.sort_by_key(|finding| finding.rule.invariant);
        let seen = |invariant| {
            let broken = found
                .iter()
                .any(|finding| finding.rule.invariant == invariant);
            let (extent, missing) = extent(invariant, options);
            Seen {
                invariant,
                title: invariant.title(),
                extent,
                missing,
                holds: (broken || extent != Extent::Not).then_some(!broken),
            }
        };
        Self {
            at,
            holds: found.is_empty(),
            invariants: Invariant::ALL.map(seen).into(),
            findings: found,
            times,
            looked_at,
            notes,
        }
    }
}

fn extent(invariant: Invariant, options: &Options) -> (Extent, Option<&'static str>) {
    let (record, logs) = (options.record.is_some(), !options.logs.is_empty());
    match invariant {
        Invariant::Durable if record => (Extent::Whole, None),
        Invariant::Durable => (
            Extent::Partly,
            Some("whether every answer has its row: a sender's record (--record)"),
        ),
        Invariant::Complete if record => (Extent::Whole, None),
        Invariant::Complete => (Extent::Not, Some("a sender's record (--record)")),
        Invariant::Convergent => (
            Extent::Not,
            Some("GitHub's own word of each ref, so GitHub or a simulator"),
        ),
        Invariant::NeverBack => (
            Extent::Partly,
            Some("whether a ref itself went back: GitHub or a simulator"),
        ),
        Invariant::Identity => (Extent::Whole, None),
        Invariant::Live => (
            Extent::Partly,
            Some(
                "whether the healing runs: GET /healing, or the time of its last success in the metrics",
            ),
        ),
        Invariant::Atomic if options.bytes => (
            Extent::Partly,
            Some("what readers saw meanwhile: readers, while faults are made"),
        ),
        Invariant::Atomic => (
            Extent::Partly,
            Some("whether the stored bytes are the files': a look without --quick"),
        ),
        Invariant::Secret if logs => (
            Extent::Partly,
            Some("answers, metrics and dumps: a run with known secrets"),
        ),
        Invariant::Secret | Invariant::NoPanic if !logs => (Extent::Not, Some("logs (--log-file)")),
        Invariant::Secret | Invariant::NoPanic => (Extent::Whole, None),
        Invariant::Bounded => (
            Extent::Not,
            Some("the running processes, observed under load"),
        ),
        Invariant::Authorised => (
            Extent::Partly,
            Some("what was synced before the audit log begins (BINDERY_KEEP_AUDIT)"),
        ),
        Invariant::Schema if options.bytes => (Extent::Whole, None),
        Invariant::Schema => (
            Extent::Partly,
            Some(
                "whether the file of SQLite is whole and its references lead somewhere: a look without --quick",
            ),
        ),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for seen in &self.invariants {
            let verdict = match (seen.holds, seen.extent) {
                (Some(false), _) => "BROKEN",
                (Some(true), Extent::Whole) => "holds",
                (Some(true), _) => "holds in part",
                (None, _) => "not checked",
            };
            writeln!(f, "{:6} {verdict:13} {}", seen.invariant.id(), seen.title)?;
            if let Some(missing) = seen.missing {
                writeln!(f, "{:21}not told: {missing}", "")?;
            }
        }
        for finding in &self.findings {
            let Finding { rule, place, what } = finding;
            writeln!(
                f,
                "\n{} {}: {place}: {what}",
                rule.invariant.id(),
                rule.name
            )?;
            writeln!(f, "    {}\n    To do: {}", rule.means, rule.remedy)?;
        }
        for (rule, times) in self.times.iter().filter(|(_, times)| **times > KEPT) {
            writeln!(
                f,
                "\n{rule}: {times} times, of which the first {KEPT} are shown"
            )?;
        }
        for note in &self.notes {
            writeln!(f, "\nNote: {note}")?;
        }
        let looked = self
            .looked_at
            .iter()
            .map(|(what, count)| format!("{count} {what}"));
        write!(f, "\nLooked at {}.", looked.collect::<Vec<_>>().join(", "))
    }
}
