//! Reads the repository through an installation, and writes down what GitHub shows.

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;

use super::{Located, Locator};
use crate::binding;
use crate::github::GitHubError;
use crate::github::client::{self, Conditional, ETag, RepositoryKey};
use crate::installation::{self, Installation};
use crate::refresh::{self, Cover, Sighting, Through, record_sighting};
use crate::repository::{self, Coverage, Repository};
use crate::sync::stop::Stop;

/// An error of GitHub's, still to be judged, or a stop already.
pub(super) enum ReadError {
    GitHub(GitHubError),
    Stop(Stop),
}

impl From<GitHubError> for ReadError {
    fn from(error: GitHubError) -> Self {
        Self::GitHub(error)
    }
}

impl From<Stop> for ReadError {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl Locator<'_> {
    /// `asked`: GitHub has just said that this installation covers it.
    pub(super) async fn read_through(
        &self,
        through: &Through,
        asked: Option<&Cover>,
    ) -> Result<Located, ReadError> {
        let Through { app, installation } = through;
        let read_at = self.context.clock.now();
        let sought = self.target.binding.sought_name();
        let stored = self.target.repository.as_ref();
        let (key, etag) = match stored {
            Some(stored) => (
                RepositoryKey::Id(stored.github_id),
                stored.etag.clone().map(ETag::from_stored),
            ),
            None => (RepositoryKey::Name(&sought), None),
        };
        let etag = etag.filter(|_| asked.is_none());
        let answer = app
            .github
            .repository(installation.github_id, key, etag.as_ref())
            .await?;
        if let (Some(name), Conditional::Modified { value, .. }) =
            (asked.and_then(|cover| cover.by_name.as_ref()), &answer)
            && *name != value.name
        {
            // It was asked for by a name that the repository does not have (any more): a refresh, which
            // has the time for it, finds out.
            return Err(GitHubError::NotFound.into());
        }
        let coverage = match asked {
            Some(_) => Coverage::Asked(installation.id),
            None => Coverage::OnRecord(installation.id),
        };
        let repository = self.confirm(answer, coverage, read_at).await?;
        if installation.suspended_at.is_some() || installation.deleted_at.is_some() {
            self.works_again(installation, read_at).await?;
        }
        Ok(Located {
            app: app.clone(),
            installation: installation.clone(),
            repository,
        })
    }

    /// It was thought to be lost and has answered: what else is bound in it catches up, too.
    async fn works_again(
        &self,
        installation: &Installation,
        read_at: DateTime<Utc>,
    ) -> Result<(), ReadError> {
        let mut conn = self.context.db.write().await.map_err(Stop::from)?;
        let request = self.follow_up();
        let marked = conn
            .transaction(async |conn| {
                if installation::mark_working(installation.id, read_at, conn).await? {
                    refresh::request_restored(installation.id, &request, conn).await?;
                }
                diesel::QueryResult::Ok(())
            })
            .await;
        Ok(marked.map_err(Stop::from)?)
    }

    async fn confirm(
        &self,
        answer: Conditional<client::Repository>,
        coverage: Coverage,
        read_at: DateTime<Utc>,
    ) -> Result<Repository, ReadError> {
        let (host, stored) = (
            &self.target.binding.github_host,
            self.target.repository.as_ref(),
        );
        let mut conn = self.context.db.write().await.map_err(Stop::from)?;
        match answer {
            Conditional::Modified { value, etag } => {
                // The client has checked it; what is published under an id is worth a second look.
                if stored.is_some_and(|stored| stored.github_id != value.id) {
                    let error =
                        anyhow::anyhow!("GitHub answered with repository {} instead", value.id);
                    return Err(ReadError::Stop(Stop::Error(error)));
                }
                let sighting = Sighting {
                    host,
                    seen: &value,
                    coverage,
                    etag: etag.as_ref(),
                    read_at,
                    restored: false,
                    grants: self.context.config.access.grants,
                    except: Some(self.target.binding.id),
                };
                let request = self.follow_up();
                let binding = &self.target.binding;
                // While it has never synced, it goes by what its name leads to.
                let leads_elsewhere = stored.is_none() && value.name != binding.sought_name();
                if leads_elsewhere {
                    // By itself: with what follows it would lock a binding before the jobs of others.
                    let followed = binding::follow(binding, &value.name, &mut conn).await;
                    followed.map_err(Stop::from)?;
                }
                let confirmed = conn
                    .transaction(async |conn| record_sighting(&sighting, &request, conn).await)
                    .await;
                Ok(confirmed.map_err(Stop::from)?)
            }
            Conditional::NotModified => {
                let stored = stored
                    .ok_or_else(|| anyhow::anyhow!("304 without a question"))
                    .map_err(Stop::from)?;
                let confirmed = repository::confirm_unchanged(stored.id, read_at, &mut conn).await;
                Ok(confirmed.map_err(Stop::from)?)
            }
        }
    }
}
