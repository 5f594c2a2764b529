//! What has to be done for the service to be as a file says.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::document::{Bound, Document, Organization, Project};
use super::print::Row;
use super::table::{Cell, Tone};
use crate::binding::{Written, always_required};
use crate::explain::BindingPlace;

/// What is done to one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verb {
    Make,
    Change,
    Delete,
}

/// One step: in the order of the plan, each finds what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    #[serde(rename = "action")]
    pub(super) verb: Verb,
    /// `acme`, `acme/docs`, or a binding's place.
    pub(super) place: String,
    /// In the API.
    pub(super) path: String,
    before: Option<String>,
    after: Option<String>,
    /// What to send; null where something is deleted.
    #[serde(skip)]
    pub(super) body: Value,
}

impl Row for Step {
    const HEADER: &'static [&'static str] = &["", "place", "before", "after"];

    fn cells(self, _: DateTime<Utc>) -> Vec<Cell> {
        let sign = match self.verb {
            Verb::Make => Cell::toned("+", Tone::Good),
            Verb::Change => Cell::toned("~", Tone::Open),
            Verb::Delete => Cell::toned("-", Tone::Bad),
        };
        vec![
            sign,
            self.place.into(),
            Cell::maybe(self.before),
            Cell::maybe(self.after),
        ]
    }
}

/// What is there, of the organisations that a file names.
#[derive(Debug, Default)]
pub(super) struct There {
    pub(super) document: Document,
    /// What repositories are called now, by the places of their bindings: to ask for that changes nothing.
    pub(super) called: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// Bindings that are as they should be.
    pub(super) as_they_are: usize,
}

impl Plan {
    /// `prune`: what the organisations have besides is deleted. An organisation never is.
    pub(super) fn new(wanted: &Document, there: &There, prune: bool) -> anyhow::Result<Self> {
        let mut plan = Self::default();
        let mut pruned = Vec::new();
        for (org, wanted) in &wanted.organizations {
            let found = there.document.organizations.get(org);
            plan.titled(
                org,
                &format!("/orgs/{org}"),
                wanted.title.as_deref(),
                found.map(|found| found.title.as_deref()),
            );
            let nothing = Organization::default();
            let found = found.unwrap_or(&nothing);
            for (project, wanted) in &wanted.projects {
                let found = found.projects.get(project);
                plan.titled(
                    &format!("{org}/{project}"),
                    &format!("/orgs/{org}/projects/{project}"),
                    wanted.title.as_deref(),
                    found.map(|found| found.title.as_deref()),
                );
            }
            plan.bindings(org, &wanted.bindings, &found.bindings, &there.called)?;
            for (project, wanted) in &wanted.projects {
                let nothing = Project::default();
                let found = found.projects.get(project).unwrap_or(&nothing);
                let place = format!("{org}/{project}");
                plan.bindings(&place, &wanted.bindings, &found.bindings, &there.called)?;
            }
            if prune {
                pruned.extend(superfluous(org, wanted, found)?);
            }
        }
        plan.steps.append(&mut pruned);
        Ok(plan)
    }

    /// `found`: the title of what is there.
    fn titled(
        &mut self,
        place: &str,
        path: &str,
        title: Option<&str>,
        found: Option<Option<&str>>,
    ) {
        // A file that says nothing of the title leaves it.
        let verb = match found {
            None => Verb::Make,
            Some(found) if title.is_some() && title != found => Verb::Change,
            Some(_) => return,
        };
        self.steps.push(Step {
            verb,
            place: place.to_owned(),
            path: path.to_owned(),
            before: found.flatten().map(ToOwned::to_owned),
            after: title.map(ToOwned::to_owned),
            body: json!({ "title": title }),
        });
    }

    fn bindings(
        &mut self,
        within: &str,
        wanted: &BTreeMap<String, Bound>,
        found: &BTreeMap<String, Bound>,
        called: &BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        for (name, wanted) in wanted {
            let place: BindingPlace = format!("{within}/{name}").parse()?;
            let found = found.get(name);
            if let Some(found) = found {
                let called = called.get(&place.short()).map(String::as_str);
                if is_same(&place, wanted, found, called)? {
                    self.as_they_are += 1;
                    continue;
                }
            }
            self.steps.push(Step {
                verb: match found {
                    Some(_) => Verb::Change,
                    None => Verb::Make,
                },
                place: place.short(),
                path: place.to_string(),
                before: found.map(shown),
                after: Some(shown(wanted)),
                body: wanted.body()?,
            });
        }
        Ok(())
    }
}

/// As the service compares them: by the name that was requested or the present one, whose case does not count.
fn is_same(
    place: &BindingPlace,
    wanted: &Bound,
    found: &Bound,
    called: Option<&str>,
) -> anyhow::Result<bool> {
    let (one, other) = (
        wanted.source.parse::<Written>()?,
        found.source.parse::<Written>()?,
    );
    let name = one.repository.to_string();
    let is_named = one.repository == other.repository
        || called.is_some_and(|called| called.eq_ignore_ascii_case(&name));
    let is_on = wanted.host.is_none() || wanted.host == found.host;
    let all = |files: &[String]| -> BTreeSet<String> {
        let always = always_required(&place.name).iter();
        let always = always.map(|file| (*file).to_owned());
        always.chain(files.iter().cloned()).collect()
    };
    Ok(is_named
        && is_on
        && one.git_ref == other.git_ref
        && one.root_path == other.root_path
        && all(&wanted.required_files) == all(&found.required_files))
}

fn shown(bound: &Bound) -> String {
    match bound.required_files.as_slice() {
        [] => bound.source.clone(),
        files => format!("{} with {}", bound.source, files.join(", ")),
    }
}

/// What the file does not name: the bindings first, as a project that has some cannot be deleted.
fn superfluous(
    org: &str,
    wanted: &Organization,
    found: &Organization,
) -> anyhow::Result<Vec<Step>> {
    let mut steps = Vec::new();
    let nothing = Project::default();
    let mut gone =
        |within: String, wanted: &BTreeMap<String, Bound>, found: &BTreeMap<String, Bound>| {
            for (name, bound) in found {
                if !wanted.contains_key(name) {
                    let place: BindingPlace = format!("{within}/{name}").parse()?;
                    let before = Some(shown(bound));
                    steps.push(Step::delete(place.short(), place.to_string(), before));
                }
            }
            anyhow::Ok(())
        };
    gone(org.to_owned(), &wanted.bindings, &found.bindings)?;
    for (project, found) in &found.projects {
        let wanted = wanted.projects.get(project).unwrap_or(&nothing);
        gone(
            format!("{org}/{project}"),
            &wanted.bindings,
            &found.bindings,
        )?;
    }
    for (project, found) in &found.projects {
        if !wanted.projects.contains_key(project) {
            let path = format!("/orgs/{org}/projects/{project}");
            steps.push(Step::delete(
                format!("{org}/{project}"),
                path,
                found.title.clone(),
            ));
        }
    }
    Ok(steps)
}

impl Step {
    fn delete(place: String, path: String, before: Option<String>) -> Self {
        Self {
            verb: Verb::Delete,
            place,
            path,
            before,
            after: None,
            body: Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(bindings: &[(&str, &str)]) -> Document {
        let mut text = "organizations:\n  acme:\n    bindings:\n".to_owned();
        for (name, source) in bindings {
            text += &format!("      {name}: {{source: \"{source}\"}}\n");
        }
        Document::parse(&text).expect("a document")
    }

    fn planned(wanted: &[(&str, &str)], there: &There, prune: bool) -> Vec<(Verb, String)> {
        let plan = Plan::new(&document(wanted), there, prune).expect("a plan");
        plan.steps
            .into_iter()
            .map(|step| (step.verb, step.place))
            .collect()
    }

    #[test]
    fn what_is_so_already_is_left_alone() {
        let there = There {
            document: document(&[("a", "octo/old@main"), ("b", "octo/b"), ("c", "octo/c")]),
            called: [("acme/a".to_owned(), "octo/new".to_owned())].into(),
        };
        let same = [("a", "Octo/New@refs/heads/main"), ("b", "OCTO/B:/")];
        assert!(planned(&same, &there, false).is_empty());
        let wanted = [
            ("a", "octo/other@main"),
            ("b", "octo/b:/x"),
            ("d", "octo/d"),
        ];
        let step = |verb, place: &str| (verb, place.to_owned());
        let changes = [
            step(Verb::Change, "acme/a"),
            step(Verb::Change, "acme/b"),
            step(Verb::Make, "acme/d"),
        ];
        assert_eq!(planned(&wanted, &there, false), changes);
        let pruned = planned(&wanted, &there, true);
        assert_eq!(pruned[..3], changes);
        assert_eq!(pruned[3..], [step(Verb::Delete, "acme/c")]);
    }

    #[test]
    fn what_is_needed_comes_first_and_a_project_goes_after_what_is_in_it() {
        let text = "organizations:\n  acme:\n    projects:\n      docs:\n        bindings:\n          site: {source: octo/x}\n";
        let with_project = Document::parse(text).expect("a document");
        let empty = Document::parse("organizations: {acme: {}}").expect("a document");
        let places = |wanted, there: Document, prune| {
            let there = There {
                document: there,
                ..There::default()
            };
            let plan = Plan::new(wanted, &there, prune).expect("a plan");
            let places = plan.steps.into_iter().map(|step| step.place);
            places.collect::<Vec<_>>()
        };
        let made = places(&with_project, Document::default(), true);
        assert_eq!(made, ["acme", "acme/docs", "acme/docs/site"]);
        let gone = places(&empty, Document::parse(text).expect("a document"), true);
        assert_eq!(gone, ["acme/docs/site", "acme/docs"]);
    }
}
