use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use super::GitHub;
use super::request::Request;
use crate::github::RepositoryName;
use crate::github::error::GitHubError;
use crate::github::ids::{AppId, InstallationId, OwnerId, RepositoryId};

/// The App as GitHub knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct App {
    pub id: AppId,
    /// Enterprise Server may have none.
    pub slug: Option<String>,
    pub name: String,
    /// Its page, from where it is installed.
    pub html_url: Option<String>,
    /// Name of a permission → `read` or `write`.
    #[serde(default, deserialize_with = "texts")]
    pub permissions: BTreeMap<String, String>,
    /// The events that the App subscribed to.
    #[serde(default)]
    pub events: Vec<String>,
}

/// The App on one account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Installation {
    pub id: InstallationId,
    pub account: Account,
    pub suspended_at: Option<DateTime<Utc>>,
    /// What the account granted: name of a permission → `read` or `write`.
    #[serde(default, deserialize_with = "texts")]
    pub permissions: BTreeMap<String, String>,
    /// `all` or `selected`.
    pub repository_selection: String,
}

/// A user or an organisation, and what it is called at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    pub id: OwnerId,
    /// An enterprise has a slug instead.
    #[serde(alias = "slug")]
    pub login: String,
}

pub(super) const ROUTE_BY_NAME: &str = "/repos/{owner}/{repo}/installation";

/// One page of the App's installations.
#[derive(Debug, Clone, Default)]
pub struct Installations {
    pub installations: Vec<Installation>,
    /// Entries of the page that could not be read, and must not hide the others.
    pub unreadable: usize,
    /// Whether another page may follow.
    pub more: bool,
}

/// GitHub's largest page.
const PER_PAGE: u32 = 100;

impl GitHub {
    /// The App itself: proof that the id and the key belong together.
    pub async fn app(&self) -> Result<App, GitHubError> {
        let request = Request::get("/app", &[], self.json_cap());
        self.as_app(&request).await?.json()
    }

    /// Page `page`, from 1, of everywhere that the App is installed, suspended or not.
    pub async fn installations(&self, page: u32) -> Result<Installations, GitHubError> {
        let request = Request::get("/app/installations", &[], self.json_cap())
            .query("per_page", PER_PAGE)
            .query("page", page);
        let answer = self.as_app(&request).await?;
        let (installations, unreadable) = answer.json_list()?;
        Ok(Installations {
            more: installations.len() + unreadable >= PER_PAGE as usize,
            installations,
            unreadable,
        })
    }

    /// `NotFound` when the App was uninstalled there.
    pub async fn installation(&self, id: InstallationId) -> Result<Installation, GitHubError> {
        let route = "/app/installations/{installation_id}";
        let request = Request::get(route, &[&id], self.json_cap());
        self.as_app(&request).await?.json()
    }

    /// The installation that covers a repository, by its id. `NotFound` both when there is none and when there is no such repository.
    pub async fn repository_installation(
        &self,
        id: RepositoryId,
    ) -> Result<Installation, GitHubError> {
        let route = "/repositories/{repository_id}/installation";
        let request = Request::get(route, &[&id], self.json_cap());
        self.as_app(&request).await?.json()
    }

    /// The installation that covers the repository now called so. `NotFound` both when there is none and when there is no such repository.
    pub async fn repository_installation_by_name(
        &self,
        name: &RepositoryName,
    ) -> Result<Installation, GitHubError> {
        let request = Request::get(ROUTE_BY_NAME, &[&name.owner, &name.name], self.json_cap());
        self.as_app(&request).await?.json()
    }
}

/// GitHub adds permissions at any time; one that is no text is left out.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values = BTreeMap::<String, serde_json::Value>::deserialize(deserializer)?;
    let text = |(name, value): (String, serde_json::Value)| match value {
        serde_json::Value::String(text) => Some((name, text)),
        _ => None,
    };
    Ok(values.into_iter().filter_map(text).collect())
}
