//! "Why did my push not arrive?", answered from rows of the database alone: nobody is asked, and nothing is
//! written. What is told is in the order in which a push travels, and ends in one verdict.
//!
//! A push is asked about by the GUID of a delivery, by its commit, or by the binding that should have it.
//! `case` gathers what is known, a `subject` is one binding of it, and `standing` decides.

mod answer;
mod by_commit;
mod case;
mod code;
mod failure;
mod healing;
mod place;
mod question;
mod standing;
mod subject;
mod tale;
mod told;
mod waiting;

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryResult;

pub use answer::{Explanation, Step, StepCode, Verdict};
pub use code::{Code, Weight};
pub use place::{BindingPlace, ParsePlaceError};
pub use question::{ParseSoughtError, Question, Sought};

use crate::config::{Config, Grants};
use crate::db::Conn;
use crate::github::ids::AppId;
use crate::ids::OrganizationId;
use answer::Finding;
use case::Case;

/// What may be told to whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    All,
    /// What one organisation may know: its own bindings and their jobs, and of deliveries those of
    /// repositories that it may read.
    Of(OrganizationId),
}

/// For whom, and by which settings.
#[derive(Debug, Clone)]
pub struct Options {
    pub sight: Sight,
    pub grants: Grants,
    /// The Apps that are configured, each with its host.
    pub apps: Vec<(String, AppId)>,
    /// `None`: it is switched off.
    pub sweep_interval: Option<Duration>,
    pub poll_interval: Option<Duration>,
}

impl Options {
    /// For who sees all.
    pub fn of(config: &Config) -> Self {
        let apps = config.github.iter();
        Self {
            sight: Sight::All,
            grants: config.access.grants,
            apps: apps.map(|app| (app.host.clone(), app.app_id)).collect(),
            sweep_interval: config.healing.sweep_interval.get(),
            poll_interval: config.healing.poll_interval.get(),
        }
    }
}

/// Reads all of it in one snapshot.
pub async fn explain(
    question: &Question,
    options: &Options,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Explanation> {
    conn.snapshot(async |conn| {
        let case = Case::load(question, options, now, conn).await?;
        answer(question, case, options, now, conn).await
    })
    .await
}

async fn answer(
    question: &Question,
    mut case: Case,
    options: &Options,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Explanation> {
    let is_of_binding = matches!(question, Question::Binding(_));
    let is_told = !case.chains.is_empty();
    let known = is_told || !case.subjects.is_empty();
    let looks = healing::look(&case.apps, &case.subjects, options, now, conn).await?;
    let mut steps: Vec<Step> = Vec::new();
    let mut findings = Vec::new();
    for chain in &case.chains {
        steps.extend(chain.steps(options.sight));
        if options.sight == Sight::All && !is_of_binding {
            findings.extend(chain.finding(options, now));
        }
    }
    steps.append(&mut case.more);
    for subject in &case.subjects {
        let finding = if is_of_binding {
            Some(standing::of_binding(subject, now))
        } else {
            standing::of_push(subject, case.was_processed(subject), now)
        };
        steps.extend(tale::steps(subject, finding.as_ref()));
        findings.extend(finding);
    }
    if !is_told || is_of_binding {
        steps.extend(looks.steps);
    }
    if !is_told {
        findings.push(untold(question, known, looks.finding));
    }
    let verdict = Finding::gravest(findings).unwrap_or_else(|| Finding::new(Code::Ignored));
    Ok(Explanation {
        asked: match (question, case.subjects.first()) {
            (Question::Binding(_), Some(subject)) => {
                format!("the binding {}", subject.view.place())
            }
            _ => question.to_string(),
        },
        known,
        steps,
        verdict: verdict.into(),
    })
}

/// What it comes to where no delivery tells of a push, unless a binding says more.
fn untold(question: &Question, known: bool, looked: Finding) -> Finding {
    let found = match question {
        Question::Delivery(_) if looked.code == Code::NotSeenYet => {
            Finding::new(Code::DeliveryUnknown)
        }
        Question::Commit { .. } if !known => Finding::new(Code::NoBinding),
        Question::Binding(_) if !known => Finding::new(Code::NoSuchBinding),
        _ => looked,
    };
    found.weighing(Weight::Untold)
}

impl Explanation {
    /// Of a place where no binding is.
    pub fn no_such_binding(place: &str) -> Self {
        Self {
            asked: format!("the binding {place}"),
            known: false,
            steps: Vec::new(),
            verdict: Finding::new(Code::NoSuchBinding).into(),
        }
    }
}
