use bytes::Bytes;
use reqwest::StatusCode;
use serde::Deserialize;

use super::GitHub;
use super::etag::{Conditional, ETag};
use super::request::{Cap, RAW, Request};
use super::transport::Answer;
use crate::git::{GitRef, Oid};
use crate::github::error::GitHubError;
use crate::github::ids::{InstallationId, RepositoryId};

/// The commit that a ref holds, and its root tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "ShownCommit")]
pub struct Commit {
    pub sha: Oid,
    pub tree: Oid,
}

#[derive(Deserialize)]
struct ShownCommit {
    sha: Oid,
    commit: CommitBody,
}

#[derive(Deserialize)]
struct CommitBody {
    tree: TreeName,
}

#[derive(Deserialize)]
struct TreeName {
    sha: Oid,
}

impl From<ShownCommit> for Commit {
    fn from(shown: ShownCommit) -> Self {
        Self {
            sha: shown.sha,
            tree: shown.commit.tree.sha,
        }
    }
}

/// How deep a tree is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// The tree's own entries.
    Shallow,
    /// All that is below it, with paths: up to about 100,000 entries or 7 MB, then truncated.
    Recursive,
}

/// A tree as GitHub lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tree {
    pub sha: Oid,
    #[serde(rename = "tree")]
    pub entries: Vec<TreeItem>,
    /// Entries are missing, and nothing says which: never to be taken for the whole.
    pub truncated: bool,
}

/// One entry of a listing, as GitHub writes it; nothing of it is checked but its types.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TreeItem {
    /// Relative to the tree listed.
    pub path: String,
    /// Six octal digits.
    pub mode: String,
    /// `blob`, `tree` or `commit` (a submodule).
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(rename = "sha")]
    pub oid: Oid,
    /// Bytes; of blobs only.
    pub size: Option<u64>,
}

impl GitHub {
    /// What a branch or a tag holds; an annotated tag is followed to its commit.
    ///
    /// # Errors
    /// `NoSuchRef`, `EmptyRepository`; `NotFound` when the repository itself is out of reach.
    pub async fn commit(
        &self,
        installation: InstallationId,
        repository: RepositoryId,
        git_ref: &GitRef,
        etag: Option<&ETag>,
    ) -> Result<Conditional<Commit>, GitHubError> {
        let route = "/repositories/{repository_id}/commits/{ref}";
        // One file per page: the list of changed files is not wanted.
        let request = Request::get(route, &[&repository, &git_ref.short()], self.json_cap())
            .query("per_page", 1);
        let answered = self.as_installation(installation, &request, etag).await?;
        answered.conditional(etag, |answer| match answer.status {
            StatusCode::UNPROCESSABLE_ENTITY => Err(GitHubError::NoSuchRef),
            StatusCode::NOT_FOUND if answer.message().starts_with("No commit found") => {
                Err(GitHubError::NoSuchRef)
            }
            _ => read(answer),
        })
    }

    /// Whether exactly this branch or tag exists, whatever it points to.
    ///
    /// `false` also when the repository is out of reach: GitHub answers the same 404.
    pub async fn has_ref(
        &self,
        installation: InstallationId,
        repository: RepositoryId,
        git_ref: &GitRef,
    ) -> Result<bool, GitHubError> {
        #[derive(Deserialize)]
        struct Found {
            #[serde(rename = "ref")]
            git_ref: String,
        }
        let route = "/repositories/{repository_id}/git/ref/{ref}";
        let request = Request::get(route, &[&repository, &git_ref.short()], self.json_cap());
        let answered = self.as_installation(installation, &request, None).await?;
        let answer = &answered.answer;
        if answer.is_missing() || answer.status == StatusCode::CONFLICT {
            return Ok(false);
        }
        let found: Found = answer.json()?;
        Ok(found.git_ref == git_ref.full())
    }

    pub async fn tree(
        &self,
        installation: InstallationId,
        repository: RepositoryId,
        tree: Oid,
        listing: Listing,
    ) -> Result<Tree, GitHubError> {
        let route = "/repositories/{repository_id}/git/trees/{tree_sha}";
        let mut request = Request::get(route, &[&repository, &tree], self.large_json_cap());
        if listing == Listing::Recursive {
            request = request.query("recursive", 1);
        }
        let answered = self.as_installation(installation, &request, None).await?;
        read(&answered.answer)
    }

    /// A file's bytes, not yet checked against `blob`.
    ///
    /// # Errors
    /// `TooLarge` when it has more than `max_bytes`, or more than the 100 MB that GitHub's API hands out.
    pub async fn blob(
        &self,
        installation: InstallationId,
        repository: RepositoryId,
        blob: Oid,
        max_bytes: u64,
    ) -> Result<Bytes, GitHubError> {
        const WHAT: &str = "file";
        let route = "/repositories/{repository_id}/git/blobs/{file_sha}";
        let cap = Cap {
            what: WHAT,
            bytes: max_bytes,
            is_of_a_thing: true,
        };
        let request = Request::get(route, &[&repository, &blob], cap).accept(RAW);
        let answer = self
            .as_installation(installation, &request, None)
            .await?
            .answer;
        if answer.is_too_large() {
            return Err(GitHubError::TooLarge {
                what: WHAT,
                limit: max_bytes.min(GITHUBS_LARGEST_BLOB),
            });
        }
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            status if status.is_success() => Err(answer.unexpected()),
            _ => Err(refusal(&answer)),
        }
    }
}

const GITHUBS_LARGEST_BLOB: u64 = 100_000_000;

fn read<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<T, GitHubError> {
    if answer.status.is_success() {
        answer.json()
    } else {
        Err(refusal(answer))
    }
}

/// To git's own calls, a 409 says that there is nothing in the repository yet.
fn refusal(answer: &Answer) -> GitHubError {
    match answer.status {
        StatusCode::CONFLICT => GitHubError::EmptyRepository,
        _ => answer.refusal(),
    }
}
