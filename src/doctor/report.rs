//! What was found, a line a check, for people and for programs.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::code::{Code, Of};
use crate::github::GitHubError;

/// All that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    pub at: DateTime<Utc>,
    /// Whether no check failed.
    pub ok: bool,
    pub checks: Vec<Check>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub code: Code,
    /// The App that it is about, `github.com/4242`; null: it is about the service.
    pub app: Option<String>,
    pub outcome: Outcome,
    /// What was seen, for people.
    pub says: String,
    /// What to do; null unless it failed.
    pub fix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Ok,
    Failed,
    /// It could not be looked at, or was not to be.
    NotMade,
}

/// What one look comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Fine(String),
    Wrong {
        says: String,
        /// What to do, where that can be said better than in general.
        fix: Option<String>,
    },
    NotMade(String),
}

impl Found {
    pub(super) fn fine(says: impl Into<String>) -> Self {
        Self::Fine(says.into())
    }

    pub(super) fn wrong(says: impl Into<String>) -> Self {
        Self::Wrong {
            says: says.into(),
            fix: None,
        }
    }

    pub(super) fn with_fix(self, better: impl Into<String>) -> Self {
        match self {
            Self::Wrong { says, .. } => Self::Wrong {
                says,
                fix: Some(better.into()),
            },
            found => found,
        }
    }

    pub(super) fn not_made(why: impl Into<String>) -> Self {
        Self::NotMade(why.into())
    }

    /// GitHub was asked, and gave no answer to go by.
    pub(super) fn unanswered(error: &GitHubError) -> Self {
        Self::wrong(format!("GitHub did not say: {}", told(error)))
    }
}

/// An error with all that led to it.
pub(super) fn told(error: &GitHubError) -> String {
    format!("{:#}", anyhow::Error::new(error.clone()))
}

/// The checks so far.
#[derive(Debug)]
pub(super) struct Findings {
    checks: Vec<Check>,
    left_out: Vec<Code>,
}

impl Findings {
    pub(super) fn new(left_out: &[Code]) -> Self {
        Self {
            checks: Vec::new(),
            left_out: left_out.to_vec(),
        }
    }

    /// Looks, unless something else comes first.
    pub(super) async fn check(
        &mut self,
        code: Code,
        app: Option<&str>,
        look: impl Future<Output = Found>,
    ) {
        if self.left_out.contains(&code) {
            return;
        }
        let found = match self.unmet(code, app) {
            Some(first) => Found::not_made(format!("not looked at: `{first}` comes first")),
            None => look.await,
        };
        self.add(code, app, found);
    }

    pub(super) fn add(&mut self, code: Code, app: Option<&str>, found: Found) {
        let (outcome, says, fix) = match found {
            Found::Fine(says) => (Outcome::Ok, says, None),
            Found::Wrong { says, fix } => {
                let fix = fix.unwrap_or_else(|| code.fix().to_owned());
                (Outcome::Failed, says, Some(fix))
            }
            Found::NotMade(says) => (Outcome::NotMade, says, None),
        };
        self.checks.push(Check {
            code,
            app: app.map(str::to_owned),
            outcome,
            says,
            fix,
        });
    }

    pub(super) fn is_fine(&self, code: Code, app: Option<&str>) -> bool {
        let of = app.filter(|_| code.of() == Of::EachApp);
        let is_it = |check: &&Check| check.code == code && check.app.as_deref() == of;
        let found = self.checks.iter().find(is_it);
        found.is_some_and(|check| check.outcome == Outcome::Ok)
    }

    fn unmet(&self, code: Code, app: Option<&str>) -> Option<Code> {
        let mut needs = code.needs().iter().copied();
        needs.find(|need| !self.is_fine(*need, app))
    }

    /// With a line for whatever could not be looked at, in the order of the codes.
    pub(super) fn end(mut self, apps: &[String], at: DateTime<Utc>) -> Report {
        for &code in Code::ALL {
            let made = self.checks.iter().any(|check| check.code == code);
            if made || self.left_out.contains(&code) {
                continue;
            }
            let of: Vec<Option<&str>> = match code.of() {
                Of::EachApp if !apps.is_empty() => {
                    apps.iter().map(|app| Some(app.as_str())).collect()
                }
                _ => vec![None],
            };
            for app in of {
                let first = self.unmet(code, app).unwrap_or(Code::Settings);
                let why = format!("not looked at: `{first}` comes first");
                self.add(code, app, Found::NotMade(why));
            }
        }
        self.checks.sort_by_key(|check| check.code);
        Report {
            at,
            ok: self
                .checks
                .iter()
                .all(|check| check.outcome != Outcome::Failed),
            checks: self.checks,
        }
    }
}

impl Outcome {
    const fn mark(self) -> char {
        match self {
            Self::Ok => '✓',
            Self::Failed => '✗',
            Self::NotMade => '–',
        }
    }
}

/// Columns of the longest code, and one more.
const CODE: usize = 21;

/// For people: a line a check, and under one that failed what to do.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut apps: Vec<&str> = self
            .checks
            .iter()
            .filter_map(|it| it.app.as_deref())
            .collect();
        apps.sort_unstable();
        apps.dedup();
        for check in &self.checks {
            let Check { code, says, .. } = check;
            write!(f, "{} {code:CODE$}", check.outcome.mark())?;
            if let Some(app) = check.app.as_ref().filter(|_| apps.len() > 1) {
                write!(f, "{app}: ")?;
            }
            writeln!(f, "{}", says.replace('\n', "\n  "))?;
            if let Some(fix) = &check.fix {
                writeln!(f, "  {:CODE$}→ {fix}", "")?;
            }
        }
        let count = |outcome| {
            self.checks
                .iter()
                .filter(|it| it.outcome == outcome)
                .count()
        };
        write!(
            f,
            "\n{} fine, {} to mend, {} not looked at",
            count(Outcome::Ok),
            count(Outcome::Failed),
            count(Outcome::NotMade)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(report: &Report, code: Code) -> &Check {
        let mut checks = report.checks.iter();
        checks.find(|check| check.code == code).expect("a check")
    }

    #[tokio::test]
    async fn what_fails_hides_nothing_and_is_named_by_what_needs_it() {
        let mut findings = Findings::new(&[Code::Disk]);
        findings.add(Code::Settings, None, Found::fine("read"));
        findings.add(Code::Database, None, Found::wrong("away"));
        let look = async { Found::fine("never looked at") };
        findings.check(Code::Migrations, None, look).await;
        let look = async { Found::fine("one App") };
        findings.check(Code::App, None, look).await;
        let report = findings.end(&["github.com/1".to_owned()], DateTime::UNIX_EPOCH);
        assert!(!report.ok);
        assert_eq!(of(&report, Code::Migrations).outcome, Outcome::NotMade);
        assert!(of(&report, Code::Migrations).says.contains("`database`"));
        assert_eq!(
            of(&report, Code::Database).fix.as_deref(),
            Some(Code::Database.fix())
        );
        assert_eq!(of(&report, Code::App).outcome, Outcome::Ok);
        assert_eq!(
            report.checks.len(),
            Code::ALL.len() - 1,
            "and none is left out unsaid"
        );
        let text = report.to_string();
        assert!(
            text.contains("✗ database") && text.contains("→ Set `DATABASE_URL`"),
            "{text}"
        );
    }
}
