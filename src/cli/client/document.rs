//! Organisations, projects and bindings as a file: what `export` writes and `apply` reads.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::api::{Api, Query, encode};
use super::binding::{self, Binding};
use super::print::read;
use crate::binding::Written;
use crate::slug::Slug;

/// By their names.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) organizations: BTreeMap<String, Organization>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Organization {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) bindings: BTreeMap<String, Bound>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) projects: BTreeMap<String, Project>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Project {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) bindings: BTreeMap<String, Bound>,
}

/// What a binding is filled from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bound {
    /// `owner/repo@ref:/path`
    pub(super) source: String,
    /// Absent: the service's first GitHub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) host: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) required_files: Vec<String>,
}

impl Document {
    /// All that is wrong with it at once.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let document: Self =
            serde_saphyr::from_str(text).map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut wrong = Vec::new();
        for (org, organization) in &document.organizations {
            let of_org = organization
                .bindings
                .iter()
                .map(|bound| (org.clone(), bound));
            let of_projects = organization.projects.iter().flat_map(|(project, inner)| {
                let place = format!("{org}/{project}");
                inner
                    .bindings
                    .iter()
                    .map(move |bound| (place.clone(), bound))
            });
            let places = std::iter::once(org.clone()).chain(
                organization
                    .projects
                    .keys()
                    .map(|project| format!("{org}/{project}")),
            );
            wrong.extend(places.filter_map(|place| misnamed(&place)));
            for (place, (name, bound)) in of_org.chain(of_projects) {
                let place = format!("{place}/{name}");
                wrong.extend(misnamed(&place));
                let source = bound.source.parse::<Written>();
                wrong.extend(source.err().map(|why| format!("{place}: {why}")));
            }
        }
        match wrong.is_empty() {
            true => Ok(document),
            false => bail!("{}", wrong.join("\n  ")),
        }
    }

    /// What there is, of one organisation or of all that the token sees.
    pub(super) async fn of_service(org: Option<&Slug>, api: &Api) -> anyhow::Result<Self> {
        let orgs = match org {
            Some(org) => vec![org.to_string()],
            None => binding::organizations(api).await?,
        };
        let mut document = Self::default();
        for org in orgs {
            let there = Organization::find(&org, api).await?;
            let there = there.with_context(|| format!("{org}: there is no such organisation"))?;
            document.organizations.insert(org, there);
        }
        Ok(document)
    }
}

/// Its last part is what has not been looked at yet.
fn misnamed(place: &str) -> Option<String> {
    let name = place.rsplit('/').next().unwrap_or_default();
    let why = name.parse::<Slug>().err()?;
    Some(format!("{place}: {why}"))
}

#[derive(Debug, Deserialize)]
struct Titled {
    slug: String,
    title: Option<String>,
}

impl Organization {
    /// As it is now; `None`: it is not there.
    pub(super) async fn find(org: &str, api: &Api) -> anyhow::Result<Option<Self>> {
        let path = format!("/orgs/{}", encode(org));
        let Some(found) = api.find(&path).await? else {
            return Ok(None);
        };
        let mut organization = Self {
            title: read::<Titled>(found)?.title,
            ..Self::default()
        };
        let projects = Query::of(format!("{path}/projects")).paged(None);
        for project in api.list(projects).all().await? {
            let Titled { slug, title } = read(project)?;
            let project = Project {
                title,
                ..Project::default()
            };
            organization.projects.insert(slug, project);
        }
        for binding in binding::of_organization(org, api).await? {
            organization.add(binding);
        }
        Ok(Some(organization))
    }

    fn add(&mut self, binding: Binding) {
        let bound = Bound::of(&binding);
        let bindings = match binding.project {
            Some(project) => &mut self.projects.entry(project).or_default().bindings,
            None => &mut self.bindings,
        };
        bindings.insert(binding.name, bound);
    }
}

impl Bound {
    pub(super) fn of(binding: &Binding) -> Self {
        Self {
            source: binding.source(),
            host: Some(binding.github_host.clone()),
            required_files: binding.required_files.clone(),
        }
    }

    /// What a `PUT` is sent.
    pub(super) fn body(&self) -> anyhow::Result<Value> {
        let source: Written = self.source.parse()?;
        Ok(binding::body(
            &source,
            self.host.as_deref(),
            &self.required_files,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
organizations:
  acme:
    title: ACME
    bindings:
      site:
        source: octo/templates@main:/themes
    projects:
      docs:
        bindings:
          site:
            source: octo/docs@refs/tags/v1
            host: ghe.example
            required_files:
              - a b.html
  empty: {}
";

    #[test]
    fn what_is_written_reads_back() {
        let document = Document::parse(TEXT).expect("a document");
        let docs = &document.organizations["acme"].projects["docs"];
        assert_eq!(docs.bindings["site"].host.as_deref(), Some("ghe.example"));
        let written = serde_saphyr::to_string(&document).expect("YAML");
        assert_eq!(
            Document::parse(&written).expect("a document"),
            document,
            "{written}"
        );
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let bad = TEXT
            .replace("  acme:", "  Acme:")
            .replace("octo/docs", "octo");
        let said = Document::parse(&bad).expect_err("wrong").to_string();
        assert!(said.contains("Acme: a slug has"), "{said}");
        assert!(
            said.contains("Acme/docs/site: what to bind is written"),
            "{said}"
        );
        for bad in [
            TEXT.replace("source:", "sourse:"),
            TEXT.replace("  title:", "  titel:"),
            "organizations: 7".to_owned(),
            "nothing: {}".to_owned(),
        ] {
            assert!(Document::parse(&bad).is_err(), "{bad}");
        }
    }
}
