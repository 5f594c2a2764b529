//! Which installation covers a repository: GitHub is asked, and its answer is written down.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;

use super::outcome::Trouble;
use crate::apps::App;
use crate::clock::Clock;
use crate::context::Context;
use crate::db::Conn;
use crate::github::client::{self, Conditional, ETag, Repositories, RepositoryKey};
use crate::github::ids::RepositoryId;
use crate::github::{GitHubError, RepositoryName};
use crate::ids::AppRowId;
use crate::installation::{self, Installation};
use crate::queue::Request;
use crate::repository::Repository;

/// An installation that is asked through.
#[derive(Debug, Clone)]
pub struct Through {
    pub app: Arc<App>,
    pub installation: Installation,
}

/// An installation that GitHub named, and for what; nothing is written down yet.
#[derive(Debug, Clone)]
pub struct Found {
    app: Arc<App>,
    pub seen: client::Installation,
    by_name: Option<RepositoryName>,
    asked_at: DateTime<Utc>,
}

/// The same, written down.
#[derive(Debug, Clone)]
pub struct Cover {
    pub through: Through,
    /// Asked by name although the id was known: at the name another repository may be by now.
    pub by_name: Option<RepositoryName>,
    pub asked_at: DateTime<Utc>,
}

impl Found {
    /// Must run in a transaction.
    pub async fn known(self, request: &Request, conn: &mut Conn) -> QueryResult<Cover> {
        let Self {
            app,
            seen,
            by_name,
            asked_at,
        } = self;
        let installation = confirm_installation(app.row, &seen, asked_at, request, conn).await?;
        Ok(Cover {
            through: Through { app, installation },
            by_name,
            asked_at,
        })
    }
}

/// Which installation of an App covers a repository, asked by the id where that is known. `None`: none
/// does, or there is no such repository.
pub async fn ask_for_installation(
    app: &Arc<App>,
    id: Option<RepositoryId>,
    name: &RepositoryName,
    clock: &Clock,
) -> Result<Option<Found>, GitHubError> {
    let asked_at = clock.now();
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
    match seen {
        Err(GitHubError::NotFound) => Ok(None),
        seen => Ok(Some(Found {
            app: app.clone(),
            seen: seen?,
            by_name,
            asked_at,
        })),
    }
}

/// The same of every App on the host: the first that covers it, and before all others the one on record.
/// While that one cannot be asked, no other takes the repository over; another keeps nobody from anything.
pub(super) async fn covering(
    context: &Context,
    row: &Repository,
    name: &RepositoryName,
    recorded: Option<AppRowId>,
    request: &Request,
) -> Result<Option<Cover>, Trouble> {
    let mut apps = context.apps.on_host(&row.github_host);
    apps.sort_by_key(|app| Some(app.row) != recorded);
    let mut failed = None;
    for app in apps {
        match ask_for_installation(&app, Some(row.github_id), name, &context.clock).await {
            Ok(Some(found)) => {
                let mut conn = context.db.write().await?;
                let known = conn
                    .transaction(async |conn| found.known(request, conn).await)
                    .await?;
                return Ok(Some(known));
            }
            Ok(None) => {}
            Err(error) if Some(app.row) == recorded => return Err(error.into()),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(None), |error| Err(error.into()))
}

/// Writes what GitHub says of an installation. When it works again, everything bound in it catches up.
/// Must run in a transaction.
pub(super) async fn confirm_installation(
    app: AppRowId,
    seen: &client::Installation,
    read_at: DateTime<Utc>,
    request: &Request,
    conn: &mut Conn,
) -> QueryResult<Installation> {
    let before = installation::find_by_github_id(app, seen.id, conn).await?;
    let now = installation::confirm(app, seen, read_at, conn).await?;
    if before.is_some_and(|before| !before.works()) && now.works() {
        super::request_restored(now.id, request, conn).await?;
    }
    Ok(now)
}

/// Reads a repository by its id through an installation, whether that covers it or not.
pub(super) async fn read_through(
    through: &Through,
    id: RepositoryId,
) -> Result<(client::Repository, Option<ETag>), GitHubError> {
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
        if page
            .repositories
            .iter()
            .any(|repository| repository.id == id)
        {
            return Ok(true);
        }
        read += page.entries;
        if page.entries == 0 || read >= page.total_count {
            break;
        }
    }
    Ok(false)
}

/// One page of the repositories that an installation covers, from 1.
pub(super) async fn page_of(through: &Through, number: u32) -> Result<Repositories, GitHubError> {
    let id = through.installation.github_id;
    through
        .app
        .github
        .installation_repositories(id, number)
        .await
}
