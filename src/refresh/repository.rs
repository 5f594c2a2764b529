//! The job kind `repository_refresh`: what GitHub says now of one repository, and who may read it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use serde_json::json;

use super::RepositoryHint;
use super::cover::{self, Cover, Through, covering, read_through};
use super::lost::{Lost, lost, told};
use super::outcome::{self, Trouble, outcome_of};
use super::sighting::{Sighting, record_sighting};
use crate::apps::App;
use crate::config::Grants;
use crate::context::Context;
use crate::db::Conn;
use crate::github::client::{self, ETag};
use crate::github::{GitHubError, RepositoryName};
use crate::ids::{AppRowId, InstallationRowId, RepositoryRowId};
use crate::installation::{self, Installation};
use crate::queue::{Effect, Finish, Job, JobKind, Lane, Outcome, Request, Settled};
use crate::repository::{self, Coverage, Missing, Reachability, Repository};

/// The job kind `repository_refresh`.
#[derive(Debug, Clone)]
pub struct RepositoryRefresh {
    context: Context,
}

#[async_trait]
impl JobKind for RepositoryRefresh {
    fn name(&self) -> &'static str {
        super::REPOSITORY
    }

    async fn run(&self, job: &Job) -> anyhow::Result<Finish> {
        match self.refresh(job).await {
            Ok(finish) => Ok(finish),
            Err(Trouble::GitHub(error)) => {
                Ok(outcome_of(error, "looking for the repository")?.into())
            }
            Err(Trouble::Own(error)) => Err(error),
        }
    }
}

impl RepositoryRefresh {
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    async fn refresh(&self, job: &Job) -> Result<Finish, Trouble> {
        let Some(row) = self.row(job).await? else {
            let reason = "the repository is not known any more".to_owned();
            return Ok(Outcome::Cancelled { reason }.into());
        };
        let recorded = self.recorded(&row).await?;
        if !self.can_ask(&row, recorded.as_ref()) {
            return Ok(outcome::left_to_another(&self.context).into());
        }
        if is_told_removed(job) {
            let mut conn = self.context.db.write().await?;
            repository::note_removal(row.id, self.context.clock.now(), &mut conn).await?;
        }
        let recorded_app = recorded.as_ref().map(|recorded| recorded.github_app_id);
        let found = match self
            .covering(&row, &row.full_name(), recorded_app, job)
            .await?
        {
            Some(cover) => self.read_covered(cover, &row, job).await?,
            None => None,
        };
        match found {
            Some(finish) => Ok(finish),
            None => self.uncovered(&row, recorded, job).await,
        }
    }

    async fn row(&self, job: &Job) -> Result<Option<Repository>, Trouble> {
        let mut conn = self.context.db.read().await?;
        Ok(repository::find(RepositoryRowId::new(job.target), &mut conn).await?)
    }

    async fn recorded(&self, row: &Repository) -> Result<Option<Installation>, Trouble> {
        let Some(id) = row.installation_id else {
            return Ok(None);
        };
        let mut conn = self.context.db.read().await?;
        Ok(installation::find(id, &mut conn).await?)
    }

    /// Whether this process was told of the Apps that it takes: another's word would be "not there".
    fn can_ask(&self, row: &Repository, recorded: Option<&Installation>) -> bool {
        let apps = &self.context.apps;
        match recorded {
            Some(recorded) => apps.of_row(recorded.github_app_id).is_some(),
            None => !apps.on_host(&row.github_host).is_empty(),
        }
    }

    async fn covering(
        &self,
        row: &Repository,
        name: &RepositoryName,
        recorded: Option<AppRowId>,
        job: &Job,
    ) -> Result<Option<Cover>, Trouble> {
        covering(&self.context, row, name, recorded, &self.follow_up(job)).await
    }

    /// `None` when the installation that was found turns out to be of another repository.
    async fn read_covered(
        &self,
        mut cover: Cover,
        row: &Repository,
        job: &Job,
    ) -> Result<Option<Finish>, Trouble> {
        for _ in 0..RENAMES {
            if !cover.through.installation.works() {
                // At the name that was asked for another repository may be by now, and nobody can look.
                let surely = cover.by_name.is_none();
                return Ok(surely.then(|| covered_in_vain(&cover, row)));
            }
            let read_at = self.context.clock.now();
            let (seen, etag) = match read_through(&cover.through, row.github_id).await {
                Ok(seen) => seen,
                Err(GitHubError::NotFound) if cover.by_name.is_some() => return Ok(None),
                Err(GitHubError::NotFound) => return Err(contradiction(row)),
                Err(error) => return told(error, &cover.through, read_at).map(Some),
            };
            if cover.by_name.as_ref().is_none_or(|name| *name == seen.name) {
                let coverage = Coverage::Asked(cover.through.installation.id);
                return Ok(Some(self.seen(row, seen, coverage, etag, read_at, job)));
            }
            // It was asked by a name that the repository does not have (any more).
            let app = Some(cover.through.app.row);
            match self.covering(row, &seen.name, app, job).await? {
                Some(next) => cover = next,
                None => return Ok(None),
            }
        }
        Err(anyhow::anyhow!("{} is renamed faster than it can be read", row.github_id).into())
    }

    /// No installation covers it: uninstalled, suspended, taken out, given away, or no more.
    async fn uncovered(
        &self,
        row: &Repository,
        recorded: Option<Installation>,
        job: &Job,
    ) -> Result<Finish, Trouble> {
        let read_at = self.context.clock.now();
        let known = recorded.and_then(|installation| {
            let app = self.context.apps.of_row(installation.github_app_id)?;
            Some((app.clone(), installation))
        });
        let Some((app, installation)) = known else {
            let because = "no installation of the App is known for it";
            return Ok(lost(row, None, because, read_at));
        };
        let installation = match app.github.installation(installation.github_id).await {
            Ok(seen) => self.confirm_installation(&app, &seen, read_at, job).await?,
            Err(GitHubError::NotFound) => {
                let uninstalled = Some((installation.id, Lost::Uninstalled));
                return Ok(lost(
                    row,
                    uninstalled,
                    "the App was uninstalled there",
                    read_at,
                ));
            }
            Err(error) => return Err(error.into()),
        };
        if installation.suspended_at.is_some() {
            return Ok(Outcome::Completed(json!({ "access": "suspended" })).into());
        }
        let through = Through { app, installation };
        let read_at = self.context.clock.now();
        match cover::lists(&through, row.github_id).await {
            Ok(false) => self.unlisted(row, &through, job).await,
            Ok(true) => Err(contradiction(row)),
            Err(error) => told(error, &through, read_at),
        }
    }

    async fn confirm_installation(
        &self,
        app: &App,
        seen: &client::Installation,
        read_at: DateTime<Utc>,
        job: &Job,
    ) -> Result<Installation, Trouble> {
        let request = self.follow_up(job);
        let mut conn = self.context.db.write().await?;
        Ok(conn
            .transaction(async |conn| {
                cover::confirm_installation(app.row, seen, read_at, &request, conn).await
            })
            .await?)
    }

    /// The token works, and the installation does not list it. A public repository is read all the same.
    async fn unlisted(
        &self,
        row: &Repository,
        through: &Through,
        job: &Job,
    ) -> Result<Finish, Trouble> {
        let read_at = self.context.clock.now();
        match read_through(through, row.github_id).await {
            Ok((seen, etag)) => Ok(self.seen(row, seen, Coverage::Nobody, etag, read_at, job)),
            Err(GitHubError::NotFound) => Ok(self.missing(row, job, read_at).await?),
            Err(error) => told(error, through, read_at),
        }
    }

    fn seen(
        &self,
        row: &Repository,
        seen: client::Repository,
        coverage: Coverage,
        etag: Option<ETag>,
        read_at: DateTime<Utc>,
        job: &Job,
    ) -> Finish {
        let access = match coverage {
            Coverage::Nobody => Reachability::AccessLost,
            Coverage::Asked(_) | Coverage::OnRecord(_) => Reachability::Reachable,
        };
        let result = json!({ "access": access, "name": seen.name.to_string() });
        let effect = Seen {
            host: row.github_host.clone(),
            seen,
            coverage,
            etag,
            read_at,
            grants: self.context.config.access.grants,
            request: self.follow_up(job),
        };
        Finish::with(Outcome::Completed(result), effect)
    }

    /// Counted, and looked at again until it is explained or gone.
    async fn missing(
        &self,
        row: &Repository,
        job: &Job,
        read_at: DateTime<Utc>,
    ) -> Result<Finish, Trouble> {
        let removed = is_told_removed(job);
        let mut conn = self.context.db.write().await?;
        let missing = conn
            .transaction(async |conn| mark_missing(row.id, removed, read_at, conn).await)
            .await?;
        Ok(match missing {
            None => Outcome::Completed(json!({ "access": "read by another meanwhile" })),
            Some(Missing::Removed) => {
                Outcome::Completed(json!({ "access": "access_lost", "because": "removed" }))
            }
            Some(Missing::Gone) => Outcome::Completed(json!({ "access": "gone" })),
            Some(Missing::Unexplained { again_at }) => Outcome::Snoozed {
                until: again_at,
                reason: "GitHub shows it to nobody, and nobody said why: it is looked for again"
                    .to_owned(),
            },
        }
        .into())
    }

    fn follow_up(&self, job: &Job) -> Request {
        follow_up(job, &self.context)
    }
}

/// Whether GitHub said that an installation lost it.
fn is_told_removed(job: &Job) -> bool {
    let hints: Vec<RepositoryHint> = job.hints_as();
    hints.iter().any(|hint| hint.removed)
}

/// Renames that may happen while one refresh asks.
const RENAMES: usize = 3;

/// What a refresh asks for in turn: on the same behalf, behind what somebody waits for.
pub fn follow_up(job: &Job, context: &Context) -> Request {
    Request {
        cause: job.cause.0.clone(),
        lane: Lane::Bulk,
        max_attempts: i32::try_from(context.config.queue.max_attempts).unwrap_or(i32::MAX),
        at: context.clock.now(),
    }
}

/// Suspended, or without a permission: which installation it is was found out all the same.
fn covered_in_vain(cover: &Cover, row: &Repository) -> Finish {
    let installation = &cover.through.installation;
    let effect = CoveredInVain {
        repository: row.id,
        installation: installation.id,
        asked_at: cover.asked_at,
    };
    let result = match installation.missing_permission() {
        Some(needed) => json!({ "access": "access_lost", "missing_permission": needed }),
        None => json!({ "access": "suspended" }),
    };
    Finish::with(Outcome::Completed(result), effect)
}

/// GitHub's replicas disagree for a moment.
fn contradiction(row: &Repository) -> Trouble {
    Trouble::Own(anyhow::anyhow!(
        "GitHub says that an installation covers repository {}, and does not show it",
        row.github_id
    ))
}

/// Unless it was read meanwhile by somebody else.
async fn mark_missing(
    id: RepositoryRowId,
    removed: bool,
    read_at: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Option<Missing>> {
    let now = repository::find(id, conn).await?;
    match now.filter(|row| row.confirmed_at <= read_at) {
        Some(row) => repository::mark_missing(&row, removed, read_at, conn)
            .await
            .map(Some),
        None => Ok(None),
    }
}

struct Seen {
    host: String,
    seen: client::Repository,
    coverage: Coverage,
    etag: Option<ETag>,
    read_at: DateTime<Utc>,
    grants: Grants,
    request: Request,
}

#[async_trait]
impl Effect for Seen {
    async fn apply(self: Box<Self>, _proof: &Settled, conn: &mut Conn) -> QueryResult<()> {
        let sighting = Sighting {
            host: &self.host,
            seen: &self.seen,
            coverage: self.coverage,
            etag: self.etag.as_ref(),
            read_at: self.read_at,
            restored: false,
            grants: self.grants,
            except: None,
        };
        record_sighting(&sighting, &self.request, conn).await?;
        Ok(())
    }
}

struct CoveredInVain {
    repository: RepositoryRowId,
    installation: InstallationRowId,
    asked_at: DateTime<Utc>,
}

#[async_trait]
impl Effect for CoveredInVain {
    async fn apply(self: Box<Self>, _proof: &Settled, conn: &mut Conn) -> QueryResult<()> {
        repository::mark_covered(self.repository, self.installation, self.asked_at, conn).await
    }
}
