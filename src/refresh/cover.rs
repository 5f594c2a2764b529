//! Which installation covers a repository: GitHub is asked, and its answer is written down.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::outcome::Trouble;
use crate::apps::App;
use crate::context::Context;
use crate::github::client::{Conditional, ETag, Repositories, Repository, RepositoryKey};
use crate::github::ids::RepositoryId;
use crate::github::{GitHubError, RepositoryName};
use crate::installation::{self, Installation};

/// An installation that is asked through.
#[derive(Debug, Clone)]
pub struct Through {
    pub app: Arc<App>,
    pub installation: Installation,
}

/// An installation that GitHub named, and for what.
#[derive(Debug, Clone)]
pub struct Cover {
    pub through: Through,
    /// Asked by name although the id was known: at the name another repository may be by now.
    pub by_name: Option<RepositoryName>,
    pub asked_at: DateTime<Utc>,
}

/// Asks every App on the host, by the id where it is known. `None`: no installation covers it, or there
/// is no such repository.
pub async fn covering(
    context: &Context,
    host: &str,
    id: Option<RepositoryId>,
    name: &RepositoryName,
) -> Result<Option<Cover>, Trouble> {
    for app in context.apps.on_host(host) {
        let asked_at = context.clock.now();
        let by_id = match id {
            Some(id) => app.github.repository_installation(id).await,
            None => Err(GitHubError::NotFound),
        };
        let (seen, by_name) = match by_id {
            // An Enterprise Server may not know the path by id.
            Err(GitHubError::NotFound) => (
                app.github.repository_installation_by_name(name).await,
                id.map(|_| name.clone()),
            ),
            seen => (seen, None),
        };
        let seen = match seen {
            Err(GitHubError::NotFound) => continue,
            seen => seen?,
        };
        let mut conn = context.db.write().await?;
        let installation = installation::confirm(app.row, &seen, asked_at, &mut conn).await?;
        return Ok(Some(Cover {
            through: Through { app, installation },
            by_name,
            asked_at,
        }));
    }
    Ok(None)
}

/// Reads a repository by its id through an installation, whether that covers it or not.
pub async fn read_through(
    through: &Through,
    id: RepositoryId,
) -> Result<(Repository, Option<ETag>), GitHubError> {
    let installation = through.installation.github_id;
    let asked = through
        .app
        .github
        .repository(installation, RepositoryKey::Id(id), None);
    match asked.await? {
        Conditional::Modified { value, etag } => Ok((value, etag)),
        Conditional::NotModified => Err(GitHubError::NotFound),
    }
}

/// Whether the installation's own list has the repository: read to its end.
pub(super) async fn lists(through: &Through, id: RepositoryId) -> Result<bool, GitHubError> {
    let mut read = 0;
    for number in 1.. {
        let page = page_of(through, number).await?;
        if page.repositories.iter().any(|repository| repository.id == id) {
            return Ok(true);
        }
        read += page.repositories.len() as u64;
        if page.repositories.is_empty() || read >= page.total_count {
            break;
        }
    }
    Ok(false)
}

/// One page of the repositories that an installation covers, from 1.
pub(super) async fn page_of(through: &Through, number: u32) -> Result<Repositories, GitHubError> {
    let id = through.installation.github_id;
    through.app.github.installation_repositories(id, number).await
}
