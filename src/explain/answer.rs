//! The answer: what is known in the order in which a push travels, and one verdict.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::code::{Code, Weight};
use crate::db::text_enum;

/// Why a push did or did not arrive.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Explanation {
    /// What was asked about, as it was understood.
    pub asked: String,
    /// Whether anything is known of it.
    pub known: bool,
    /// In the order in which a push travels.
    pub steps: Vec<Step>,
    pub verdict: Verdict,
}

/// One thing that is known.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ExplanationStep)]
pub struct Step {
    pub code: StepCode,
    /// The same for people.
    pub says: String,
    #[schema(value_type = Object)]
    pub facts: Value,
}

text_enum! {
    /// What a step is about.
    pub enum StepCode {
        /// How a delivery came.
        Received = "received",
        /// What it says.
        Event = "event",
        /// What was made of it.
        Processed = "processed",
        /// Which repository that is.
        Repository = "repository",
        /// A binding, and why the push concerns it or not.
        Binding = "binding",
        /// A sync of that binding.
        Job = "job",
        /// What it serves now.
        Published = "published",
        /// What its ref was last seen to hold.
        Ref = "ref",
        /// When GitHub's list of deliveries was last compared with the ledger.
        Sweep = "sweep",
        /// When the bound refs of an installation were last asked for.
        HeadPoll = "head_poll",
        /// What there is more of, and is not told.
        More = "more",
    }
}

/// What it comes to.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ExplanationVerdict)]
pub struct Verdict {
    pub code: Code,
    /// The same for people, with what is particular about this push.
    pub says: String,
    pub to_do: String,
    /// The binding that it is about, by its place; null: it is about none.
    #[schema(example = "/orgs/octo/bindings/site")]
    pub binding: Option<String>,
}

/// What one part of the chain comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) code: Code,
    pub(super) weight: Weight,
    pub(super) says: String,
    pub(super) binding: Option<String>,
}

impl Step {
    pub(super) fn new(code: StepCode, says: impl Into<String>, facts: Value) -> Self {
        Self {
            code,
            says: says.into(),
            facts,
        }
    }
}

impl Finding {
    pub(super) fn new(code: Code) -> Self {
        Self {
            code,
            weight: code.weight(),
            says: code.means().to_owned(),
            binding: None,
        }
    }

    /// With what is particular: a sentence, or what somebody said.
    #[must_use]
    pub(super) fn with(mut self, more: impl fmt::Display) -> Self {
        self.says = format!("{} {more}", self.says);
        self
    }

    #[must_use]
    pub(super) fn of(mut self, binding: String) -> Self {
        self.binding = Some(binding);
        self
    }

    #[must_use]
    pub(super) fn weighing(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// The one that is told of several: the gravest, of equals the first.
    pub(super) fn gravest(findings: Vec<Self>) -> Option<Self> {
        let ranked = findings.into_iter();
        ranked.min_by_key(|finding| finding.code.rank(finding.weight))
    }
}

impl From<Finding> for Verdict {
    fn from(finding: Finding) -> Self {
        Self {
            code: finding.code,
            says: finding.says,
            to_do: finding.code.to_do().to_owned(),
            binding: finding.binding,
        }
    }
}

/// For people: a line a step, the verdict last.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{:10} {}", step.code, line(&step.says))?;
        }
        let Verdict {
            code,
            says,
            to_do,
            binding,
        } = &self.verdict;
        let of = binding.as_ref().map(|place| format!(" ({place})"));
        let of = of.unwrap_or_default();
        writeln!(f, "{:10} {code}{of}: {}", "verdict", line(says))?;
        write!(f, "{:10} {}", "to do", line(to_do))
    }
}

/// Others' words are among them: none ends the line or moves the cursor.
fn line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).collect()
}

/// As it is told to people.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Enough of a sha to know it by.
pub(super) fn short(sha: &str) -> &str {
    sha.get(..10).unwrap_or(sha)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_step_is_a_line_whatever_was_said() {
        let explanation = Explanation {
            asked: "delivery x".to_owned(),
            known: true,
            steps: vec![Step::new(StepCode::Job, "failed:\n\u{1b}[2J", json!({}))],
            verdict: Finding::new(Code::GaveUp).with("a\r\nb").into(),
        };
        let text = explanation.to_string();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn the_gravest_is_told_and_the_nearest_miss() {
        let told = |codes: &[Code]| {
            let findings = codes.iter().map(|code| Finding::new(*code)).collect();
            Finding::gravest(findings).map(|finding| finding.code)
        };
        let arrived_and_failed = [Code::Published, Code::TooLarge, Code::OtherRef];
        assert_eq!(told(&arrived_and_failed), Some(Code::TooLarge));
        assert_eq!(
            told(&[Code::OtherRef, Code::Published]),
            Some(Code::Published)
        );
        let missed = [Code::OtherRepository, Code::OutsideRootPath, Code::OtherRef];
        assert_eq!(told(&missed), Some(Code::OutsideRootPath));
        assert_eq!(told(&[]), None);
    }
}
