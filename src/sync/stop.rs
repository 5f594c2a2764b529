//! How a sync ends early: what an error means for its job, and what was learnt all the same.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryResult;

use crate::binding::{self, Binding, Finding};
use crate::db::{Conn, DbError};
use crate::git::Oid;
use crate::github::{AccessLost, GitHubError};
use crate::ids::{InstallationRowId, JobId, RepositoryRowId};
use crate::queue::{self, Effect, Finish, Outcome, Request, Settled};
use crate::refresh::{self, RepositoryHint, outcome_of};
use crate::{installation, repository};

/// Why a sync ends before it has published.
#[derive(Debug)]
pub(super) enum Stop {
    /// A decision: snooze, defer, discard.
    Finish(Finish),
    /// A failure of this attempt.
    Error(anyhow::Error),
}

pub(super) type Step<T> = Result<T, Stop>;

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Error(error.into())
    }
}

impl From<diesel::result::Error> for Stop {
    fn from(error: diesel::result::Error) -> Self {
        Self::Error(error.into())
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Error(error)
    }
}

impl Stop {
    pub(super) fn discard(error: impl Into<String>) -> Self {
        Self::Finish(
            Outcome::Discarded {
                error: error.into(),
            }
            .into(),
        )
    }

    pub(super) fn discard_with(error: impl Into<String>, learnt: Learnt) -> Self {
        Self::Finish(Finish::with(
            Outcome::Discarded {
                error: error.into(),
            },
            learnt,
        ))
    }

    /// The same with what was learnt, where nothing was said about it yet.
    pub(super) fn having(self, learnt: Learnt) -> Self {
        match self {
            Self::Finish(Finish {
                outcome,
                effect: None,
            }) => Self::Finish(Finish::with(outcome, learnt)),
            other => other,
        }
    }

    /// What an error of GitHub's means for the job, wherever in a sync it comes up.
    pub(super) fn of(error: GitHubError, learnt: Learnt, doing: &str) -> Self {
        let learnt = learnt.from(&error);
        let paused_until = match &error {
            GitHubError::RateLimited { until, .. } => Some(*until),
            _ => None,
        };
        match outcome_of(error, doing) {
            Ok(outcome @ Outcome::Deferred { .. }) => Self::Finish(outcome.into()),
            Ok(outcome) => Self::Finish(Finish::with(
                outcome,
                Learnt {
                    paused_until,
                    ..learnt
                },
            )),
            Err(error) => Self::Error(error),
        }
    }
}

/// What a sync that stops has learnt all the same: about GitHub's things, and about the binding.
#[derive(Debug, Clone, Default)]
pub(super) struct Learnt {
    pub(super) job: Option<JobId>,
    pub(super) binding: Option<Binding>,
    /// What it shows from now on; the outer `None` leaves it as it is.
    pub(super) finding: Option<Option<Finding>>,
    /// The commit that was looked into.
    pub(super) tried: Option<Oid>,
    /// GitHub does not show it: a refresh finds out why.
    pub(super) repository_out_of_reach: Option<(RepositoryRowId, Request)>,
    pub(super) installation: Option<InstallationRowId>,
    pub(super) suspended: bool,
    pub(super) uninstalled: bool,
    pub(super) paused_until: Option<DateTime<Utc>>,
    pub(super) at: DateTime<Utc>,
}

#[async_trait]
impl Effect for Learnt {
    async fn apply(self: Box<Self>, proof: &Settled, conn: &mut Conn) -> QueryResult<()> {
        if let Some(installation) = self.installation {
            self.apply_to_installation(installation, conn).await?;
        }
        if let Some((repository, request)) = &self.repository_out_of_reach {
            let hint = RepositoryHint::default();
            refresh::request_repository(*repository, hint, request, conn).await?;
        }
        if let (Some(binding), Some(finding)) = (&self.binding, self.finding) {
            binding::record_finding(binding, finding, self.tried, proof, conn).await?;
        }
        if let Some((repository, _)) = &self.repository_out_of_reach {
            repository::mark_lost(*repository, self.at, conn).await?;
        }
        Ok(())
    }
}

impl Learnt {
    /// With what an error of GitHub's says about the installation and the binding.
    fn from(self, error: &GitHubError) -> Self {
        match error {
            GitHubError::AccessLost(AccessLost::Suspended) => Self {
                suspended: true,
                finding: Some(Some(Finding::Suspended)),
                ..self
            },
            GitHubError::AccessLost(lost) => Self {
                uninstalled: *lost == AccessLost::NotInstalled,
                finding: Some(Some(Finding::AccessLost)),
                ..self
            },
            // It was read, and is too large at this very commit.
            GitHubError::TooLarge { .. } => Self {
                finding: self.tried.map(|_| None),
                ..self
            },
            _ => self,
        }
    }

    async fn apply_to_installation(
        &self,
        id: InstallationRowId,
        conn: &mut Conn,
    ) -> QueryResult<()> {
        if self.suspended {
            installation::mark_suspended(id, self.at, conn).await?;
        }
        if self.uninstalled {
            installation::mark_deleted(id, self.at, conn).await?;
        }
        if let Some(until) = self.paused_until {
            installation::pause(id, until, conn).await?;
        }
        if let Some(job) = self.job {
            queue::assign_installation(job, id, conn).await?;
        }
        Ok(())
    }
}
