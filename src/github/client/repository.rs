use serde::Deserialize;

use super::GitHub;
use super::etag::{Conditional, ETag};
use super::installation::Account;
use super::request::{Cap, Request};
use super::transport::Answer;
use crate::github::RepositoryName;
use crate::github::error::GitHubError;
use crate::github::ids::{InstallationId, OwnerId, RepositoryId};

/// How a repository is asked for: by what it is, or by what somebody called it.
#[derive(Debug, Clone, Copy)]
pub enum RepositoryKey<'a> {
    Id(RepositoryId),
    /// Follows GitHub's redirect of an old name, so the answer may be called otherwise.
    Name(&'a RepositoryName),
}

/// A repository as GitHub shows it at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Shown")]
pub struct Repository {
    pub id: RepositoryId,
    pub name: RepositoryName,
    pub owner_id: OwnerId,
    pub default_branch: String,
    /// `public`, `private` or `internal`.
    pub visibility: String,
    pub archived: bool,
    pub disabled: bool,
}

/// One page of the repositories that an installation covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repositories {
    /// On all pages together.
    pub total_count: u64,
    /// On this one, readable or not.
    pub entries: u64,
    pub repositories: Vec<Repository>,
}

#[derive(Deserialize)]
struct Shown {
    id: RepositoryId,
    name: String,
    owner: Account,
    default_branch: String,
    visibility: Option<String>,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    disabled: bool,
}

impl From<Shown> for Repository {
    fn from(shown: Shown) -> Self {
        let private = if shown.private { "private" } else { "public" };
        Self {
            id: shown.id,
            name: RepositoryName::new(shown.owner.login, shown.name),
            owner_id: shown.owner.id,
            default_branch: shown.default_branch,
            // Older Enterprise Servers say `private` only.
            visibility: shown.visibility.unwrap_or_else(|| private.to_owned()),
            archived: shown.archived,
            disabled: shown.disabled,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("asked for repository {asked}, GitHub answered with {answered}")]
struct OtherRepository {
    asked: RepositoryId,
    answered: RepositoryId,
}

/// GitHub's largest page.
const PER_PAGE: u32 = 100;

impl GitHub {
    /// # Errors
    /// `NotFound` when it is gone, when it was never there, and when this installation does not cover it.
    pub async fn repository(
        &self,
        installation: InstallationId,
        key: RepositoryKey<'_>,
        etag: Option<&ETag>,
    ) -> Result<Conditional<Repository>, GitHubError> {
        let request = key.request(self.json_cap());
        let answered = self.as_installation(installation, &request, etag).await?;
        answered.conditional(etag, |answer| key.read(answer))
    }

    /// Page `page`, from 1, of the repositories that the installation covers, 100 on each.
    pub async fn installation_repositories(
        &self,
        installation: InstallationId,
        page: u32,
    ) -> Result<Repositories, GitHubError> {
        let request = Request::get("/installation/repositories", &[], self.json_cap())
            .query("per_page", PER_PAGE)
            .query("page", page);
        #[derive(Deserialize)]
        struct Page {
            total_count: u64,
            repositories: Vec<serde_json::Value>,
        }
        let answered = self.as_installation(installation, &request, None).await?;
        let page: Page = answered.answer.json()?;
        // One odd entry must not hide the others of its page.
        let readable = |entry| serde_json::from_value(entry).ok();
        Ok(Repositories {
            total_count: page.total_count,
            entries: page.repositories.len() as u64,
            repositories: page.repositories.into_iter().filter_map(readable).collect(),
        })
    }
}

impl RepositoryKey<'_> {
    fn request(self, cap: Cap) -> Request {
        match self {
            Self::Id(id) => Request::get("/repositories/{repository_id}", &[&id], cap),
            Self::Name(name) => {
                Request::get("/repos/{owner}/{repo}", &[&name.owner, &name.name], cap)
            }
        }
    }

    fn read(self, answer: &Answer) -> Result<Repository, GitHubError> {
        let repository: Repository = answer.json()?;
        match self {
            Self::Id(asked) if asked != repository.id => {
                Err(GitHubError::unexpected(OtherRepository {
                    asked,
                    answered: repository.id,
                }))
            }
            _ => Ok(repository),
        }
    }
}
