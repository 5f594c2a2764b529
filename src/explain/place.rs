//! Where a binding is, as the API writes it and as people do.

use std::fmt;
use std::str::FromStr;

use diesel::QueryResult;

use crate::binding::{self, Place};
use crate::db::Conn;
use crate::ids::BindingId;
use crate::slug::{ParseSlugError, Slug};
use crate::{organization, project};

/// `/orgs/{org}/bindings/{name}`, the same in a project, or Docverse's spelling; with or without the
/// service's address before it. People write `acme/site`, and in a project `acme/docs/site`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingPlace {
    pub organization: Slug,
    pub project: Option<Slug>,
    pub name: Slug,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParsePlaceError {
    #[error(
        "a binding's place is expected: acme/site, in a project acme/docs/site, or as the API writes it, /orgs/acme/bindings/site"
    )]
    Shape,
    #[error("{text:?} is no {part} of a place: {why}")]
    Slug {
        part: &'static str,
        text: String,
        why: ParseSlugError,
    },
}

const TEMPLATE: &str = "dashboard-template";

/// Of a part that is no slug, so many characters are repeated.
const SHOWN: usize = 80;

impl FromStr for BindingPlace {
    type Err = ParsePlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.trim_end_matches('/').split('/').collect();
        let (organization, project, name) = match parts.as_slice() {
            [.., "orgs", org, "projects", project, "bindings", name] => (org, Some(project), *name),
            [.., "orgs", org, "bindings", name] => (org, None, *name),
            [.., "orgs", org, "projects", project, TEMPLATE] => (org, Some(project), TEMPLATE),
            [.., "orgs", org, TEMPLATE] => (org, None, TEMPLATE),
            ["", ..] | [_, "", ..] => return Err(ParsePlaceError::Shape),
            [org, name] => (org, None, *name),
            [org, project, name] => (org, Some(project), *name),
            _ => return Err(ParsePlaceError::Shape),
        };
        Ok(Self {
            organization: slug("organisation", organization)?,
            project: project
                .map(|project| slug("project", project))
                .transpose()?,
            name: slug("name", name)?,
        })
    }
}

fn slug(part: &'static str, text: &str) -> Result<Slug, ParsePlaceError> {
    text.parse().map_err(|why| ParsePlaceError::Slug {
        part,
        text: text.chars().take(SHOWN).collect(),
        why,
    })
}

/// As the API writes it.
impl fmt::Display for BindingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/orgs/{}", self.organization)?;
        if let Some(project) = &self.project {
            write!(f, "/projects/{project}")?;
        }
        write!(f, "/bindings/{}", self.name)
    }
}

impl BindingPlace {
    /// As people write it.
    pub fn short(&self) -> String {
        match &self.project {
            Some(project) => format!("{}/{project}/{}", self.organization, self.name),
            None => format!("{}/{}", self.organization, self.name),
        }
    }

    pub async fn find(&self, conn: &mut Conn) -> QueryResult<Option<BindingId>> {
        let Some(found) = organization::find(self.organization.as_str(), conn).await? else {
            return Ok(None);
        };
        let project = match &self.project {
            Some(slug) => match project::find(found.id, slug.as_str(), conn).await? {
                Some(project) => Some(project.id),
                None => return Ok(None),
            },
            None => None,
        };
        let place = Place {
            organization: found.id,
            project,
        };
        let binding = binding::find_in(place, self.name.as_str(), conn).await?;
        Ok(binding.map(|binding| binding.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, Option<String>, String)> {
        let place: BindingPlace = text.parse().ok()?;
        let project = place.project.map(|project| project.to_string());
        Some((
            place.organization.to_string(),
            project,
            place.name.to_string(),
        ))
    }

    fn place(
        org: &str,
        project: Option<&str>,
        name: &str,
    ) -> Option<(String, Option<String>, String)> {
        Some((
            org.to_owned(),
            project.map(ToOwned::to_owned),
            name.to_owned(),
        ))
    }

    #[test]
    fn a_place_is_read_as_the_api_writes_it() {
        let site = place("acme", None, "site");
        for written in [
            "/orgs/acme/bindings/site",
            "orgs/acme/bindings/site/",
            "https://bindery.example/docverse/orgs/acme/bindings/site",
            "http://orgs/orgs/acme/bindings/site",
        ] {
            assert_eq!(read(written), site, "{written}");
        }
        assert_eq!(
            read("/orgs/orgs/bindings/orgs"),
            place("orgs", None, "orgs")
        );
        let in_project = place("acme", Some("handbook"), "site");
        assert_eq!(
            read("/orgs/acme/projects/handbook/bindings/site"),
            in_project
        );
        assert_eq!(
            read("/orgs/acme/dashboard-template"),
            place("acme", None, TEMPLATE)
        );
        let template = place("acme", Some("handbook"), TEMPLATE);
        assert_eq!(
            read("/orgs/acme/projects/handbook/dashboard-template"),
            template
        );
    }

    #[test]
    fn a_place_is_read_as_people_write_it() {
        for (text, expected) in [
            ("acme/site", place("acme", None, "site")),
            ("acme/docs/site", place("acme", Some("docs"), "site")),
            ("orgs/docs/site", place("orgs", Some("docs"), "site")),
        ] {
            assert_eq!(read(text), expected, "{text}");
            let place: BindingPlace = text.parse().expect("a place");
            assert_eq!(place.short(), text);
            assert_eq!(place.to_string().parse(), Ok(place));
        }
    }

    #[test]
    fn what_is_no_slug_is_named() {
        let error = "acme/My_Docs/site".parse::<BindingPlace>();
        let error = error.expect_err("no place").to_string();
        assert!(error.contains("\"My_Docs\" is no project"), "{error}");
    }

    #[test]
    fn anything_else_is_no_place() {
        for bad in [
            "",
            "/",
            "site",
            "/acme/site",
            "acme//site",
            "Acme/site",
            "a/b/c/d",
            "https://acme/site",
            "/orgs/acme",
            "/orgs/acme/bindings",
            "/orgs/Acme/bindings/site",
            "/orgs/acme/bindings/site/files",
            "/orgs/acme/bindings/..",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
