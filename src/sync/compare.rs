//! What a binding serves against what GitHub has now. GitHub is asked through the installation that is known,
//! and nothing is written down: a sync finds out for itself.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use serde::Serialize;
use utoipa::ToSchema;

use super::listing::{Entry, Lister};
use super::locate::Located;
use super::stop::{Learnt, Stop};
use crate::binding::{Access, BindingView};
use crate::content::{self, Content};
use crate::context::Context;
use crate::git::{GitRef, Oid};
use crate::github::client::{Commit, Conditional};
use crate::ids::ContentId;
use crate::queue::Outcome;

/// What GitHub has, and where that is not what is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub commit: Oid,
    pub tree: Oid,
    /// By path.
    pub differences: Vec<Difference>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Difference {
    #[schema(example = "css/site.css")]
    pub path: String,
    pub change: Change,
}

/// What a sync would do to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Added,
    Removed,
    /// Its bytes or its mode.
    Changed,
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum NotCompared {
    /// As things are.
    #[error("{0}")]
    Never(String),
    /// It may be otherwise in a while.
    #[error("{0}")]
    NotNow(String),
    #[error(transparent)]
    Failed(anyhow::Error),
}

/// Of the content that a binding serves.
pub async fn compare(
    view: &BindingView,
    served: &Content,
    context: &Context,
) -> Result<Comparison, NotCompared> {
    let located = located(view, context)?;
    let commit = commit(view, &located).await?;
    let root = view.binding.root();
    let root = root.map_err(|error| NotCompared::Never(error.to_string()))?;
    let lister = Lister {
        located: &located,
        limits: &context.config.sync,
        learnt: &Learnt::default(),
    };
    let tree = lister.tree_under(commit, &root).await?;
    let differences = if served.tree_sha == tree.to_string() {
        Vec::new()
    } else {
        let entries = lister.entries_of(tree).await?;
        differences(held(served.id, context).await?, &entries)
    };
    Ok(Comparison {
        commit: commit.sha,
        tree,
        differences,
    })
}

/// As it is known. What is in doubt, or out of reach, a sync has to look for.
fn located(view: &BindingView, context: &Context) -> Result<Located, NotCompared> {
    let access = view.access(context.config.access.grants);
    let known = matches!(access, Access::Reachable | Access::RefMissing);
    let repository = view
        .repository
        .clone()
        .filter(|repository| known && repository.installation_doubted_at.is_none());
    let (Some(repository), Some(installation)) = (repository, view.installation.clone()) else {
        return Err(NotCompared::Never(format!(
            "GitHub is not asked while the binding's access is {access} or in doubt; sync it, and see what it shows then"
        )));
    };
    let app = context.apps.of_row(installation.github_app_id);
    let app = app.cloned().ok_or_else(|| {
        NotCompared::Never(
            "the GitHub App that the repository is read through is not configured here".to_owned(),
        )
    })?;
    if let Some(until) = installation.paused_until {
        app.github.pause(installation.github_id, until);
    }
    Ok(Located {
        app,
        installation,
        repository,
    })
}

async fn commit(view: &BindingView, located: &Located) -> Result<Commit, NotCompared> {
    let Located {
        app,
        installation,
        repository,
    } = located;
    let never = |why: String| NotCompared::Never(why);
    let wanted = view.binding.wanted_ref();
    let wanted = wanted.map_err(|error| never(error.to_string()))?;
    let default = repository.default_branch.clone().map(GitRef::Branch);
    let git_ref = wanted
        .or(default)
        .ok_or_else(|| never("the repository's default branch is not known".to_owned()))?;
    let asked = app
        .github
        .commit(installation.github_id, repository.github_id, &git_ref, None);
    match asked.await {
        Ok(Conditional::Modified { value, .. }) => Ok(value),
        Ok(Conditional::NotModified) => Err(NotCompared::Failed(anyhow::anyhow!(
            "GitHub answered 304 to a question without a condition"
        ))),
        Err(error) => Err(Stop::of(error, Learnt::default(), "reading the ref").into()),
    }
}

type Held = BTreeMap<String, (String, String)>;

/// Rows in one statement.
const ROWS: i64 = 1000;

/// The mode and the sha of each path.
async fn held(content: ContentId, context: &Context) -> Result<Held, NotCompared> {
    let mut held = Held::new();
    loop {
        let last = held.last_key_value().map(|(path, _)| path.clone());
        let rows = async {
            let mut conn = context.db.read().await?;
            Ok::<_, Stop>(content::files(content, last.as_deref(), ROWS, &mut conn).await?)
        };
        let rows = rows.await?;
        if rows.is_empty() {
            return Ok(held);
        }
        held.extend(rows.into_iter().map(|row| (row.path, (row.mode, row.sha))));
    }
}

fn differences(mut held: Held, entries: &[Entry]) -> Vec<Difference> {
    let mut found = Vec::new();
    for entry in entries {
        let now = (entry.mode.as_str().to_owned(), entry.oid.to_string());
        let change = match held.remove(&entry.path) {
            None => Change::Added,
            Some(was) if was != now => Change::Changed,
            Some(_) => continue,
        };
        found.push(Difference {
            path: entry.path.clone(),
            change,
        });
    }
    found.extend(held.into_keys().map(|path| Difference {
        path,
        change: Change::Removed,
    }));
    found.sort();
    found
}

impl From<Stop> for NotCompared {
    fn from(stop: Stop) -> Self {
        let outcome = match stop {
            Stop::Error(error) => return Self::Failed(error),
            Stop::Finish(finish) => finish.outcome,
        };
        match outcome {
            Outcome::Discarded { error } => Self::Never(error),
            Outcome::Cancelled { reason } => Self::Never(reason),
            Outcome::Deferred { error } => Self::NotNow(error),
            Outcome::Snoozed { until, reason } => {
                let until = until.to_rfc3339_opts(SecondsFormat::Secs, true);
                Self::NotNow(format!("{reason}, until {until}"))
            }
            Outcome::Completed(_) => {
                Self::Failed(anyhow::anyhow!("a comparison ended as a sync does"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::EntryMode;

    fn entry(path: &str, mode: EntryMode, digit: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            mode,
            oid: digit.repeat(40).parse().expect("a sha"),
            size: 1,
        }
    }

    #[test]
    fn what_was_added_removed_and_changed_is_told_by_path() {
        let plain = |digit: &str| ("100644".to_owned(), digit.repeat(40));
        let held: Held = [("a", "1"), ("b", "1"), ("c", "1"), ("e", "1")]
            .map(|(path, digit)| (path.to_owned(), plain(digit)))
            .into();
        let entries = [
            entry("b", EntryMode::File, "2"),
            entry("c", EntryMode::Executable, "1"),
            entry("d", EntryMode::File, "1"),
            entry("e", EntryMode::GroupWritable, "1"),
        ];
        let told = differences(held, &entries).into_iter();
        let told: Vec<_> = told.map(|one| (one.path, one.change)).collect();
        let expected = [
            ("a", Change::Removed),
            ("b", Change::Changed),
            ("c", Change::Changed),
            ("d", Change::Added),
        ];
        assert_eq!(
            told,
            expected.map(|(path, change)| (path.to_owned(), change))
        );
    }
}
