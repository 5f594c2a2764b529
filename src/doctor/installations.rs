//! Where the App is installed, and what of this hour's requests each installation has left.

use std::future::ready;

use super::app::Patient;
use super::code::Code;
use super::report::{Findings, Found, told};
use crate::github::client::{App, HourlyBudget, Installation};
use crate::github::{GitHubError, needed};

/// Installations that are named.
const NAMED: usize = 5;

/// Installations whose budget is asked for: each takes a token.
const ASKED: usize = 20;

pub(super) async fn look(patient: &Patient<'_>, app: Option<&App>, findings: &mut Findings) {
    let of = Some(patient.label);
    if !findings.is_fine(Code::AppKey, of) {
        return;
    }
    let all = list(patient).await;
    findings
        .check(Code::Installations, of, ready(judge(&all, app)))
        .await;
    let all = all.unwrap_or_default();
    findings
        .check(Code::RateLimit, of, budgets(patient, &all))
        .await;
}

async fn list(patient: &Patient<'_>) -> Result<Vec<Installation>, GitHubError> {
    let mut all = Vec::new();
    for number in 1.. {
        let page = patient.github.installations(number).await?;
        all.extend(page.installations);
        if !page.more {
            break;
        }
    }
    Ok(all)
}

fn judge(all: &Result<Vec<Installation>, GitHubError>, app: Option<&App>) -> Found {
    let all = match all {
        Ok(all) => all,
        Err(error) => return Found::unanswered(error),
    };
    if all.is_empty() {
        let found = Found::wrong("it is installed nowhere");
        return match app.and_then(|app| app.html_url.as_ref()) {
            Some(page) => found.with_fix(format!("Install it: {page}/installations/new")),
            None => found,
        };
    }
    let lacking: Vec<String> = all.iter().filter_map(lacks).collect();
    match lacking.is_empty() {
        true => Found::fine(named(all.iter().map(shown).collect())),
        false => Found::wrong(named(lacking)),
    }
}

fn lacks(installation: &Installation) -> Option<String> {
    let mut needed = needed::PERMISSIONS.into_iter();
    let missing = needed.find(|name| !installation.permissions.contains_key(*name))?;
    let account = &installation.account.login;
    Some(format!("{account} has not accepted {missing}: read"))
}

fn shown(installation: &Installation) -> String {
    let account = &installation.account.login;
    match installation.suspended_at {
        None => format!("{account} ({})", installation.repository_selection),
        Some(_) => format!("{account} (suspended)"),
    }
}

/// The first few, and how many there are besides.
pub(super) fn named(all: Vec<String>) -> String {
    let more = all.len().saturating_sub(NAMED);
    let named: Vec<String> = all.into_iter().take(NAMED).collect();
    match more {
        0 => named.join(", "),
        more => format!("{}, and {more} more", named.join(", ")),
    }
}

async fn budgets(patient: &Patient<'_>, all: &[Installation]) -> Found {
    let active = || all.iter().filter(|it| it.suspended_at.is_none());
    let (mut left, mut short) = (Vec::new(), Vec::new());
    for installation in active().take(ASKED) {
        let account = &installation.account.login;
        match patient.github.hourly_budget(installation.id).await {
            Ok(budget) => {
                let HourlyBudget { limit, remaining } = budget;
                let shown = format!("{account} {remaining} of {limit}");
                if is_short(budget) {
                    short.push(shown);
                } else {
                    left.push(shown);
                }
            }
            Err(GitHubError::NotFound) => return Found::fine("this GitHub counts no requests"),
            Err(error) => short.push(format!("{account}: {}", told(&error))),
        }
    }
    if !short.is_empty() {
        return Found::wrong(named(short));
    }
    let beyond = match active().count().saturating_sub(ASKED) {
        0 => String::new(),
        more => format!("; {more} others were not asked for"),
    };
    match left.is_empty() {
        true => Found::fine("every installation is suspended: none is used"),
        false => Found::fine(named(left) + &beyond),
    }
}

fn is_short(budget: HourlyBudget) -> bool {
    budget.remaining.saturating_mul(20) <= budget.limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twentieth_of_the_hour_is_short() {
        let short = |remaining| {
            is_short(HourlyBudget {
                limit: 5_000,
                remaining,
            })
        };
        assert_eq!([short(0), short(250), short(251)], [true, true, false]);
    }

    #[test]
    fn the_first_five_are_named() {
        let all = |count: usize| (1..=count).map(|n| n.to_string()).collect();
        assert_eq!(named(all(5)), "1, 2, 3, 4, 5");
        assert_eq!(named(all(7)), "1, 2, 3, 4, 5, and 2 more");
    }
}
