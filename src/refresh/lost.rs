//! What is written down when something is out of reach, and from which answers that follows.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use serde_json::json;

use super::cover::Through;
use super::outcome::{Trouble, outcome_of};
use crate::db::Conn;
use crate::github::{AccessLost, GitHubError};
use crate::ids::{InstallationRowId, RepositoryRowId};
use crate::installation;
use crate::queue::{Effect, Finish, Outcome, Settled};
use crate::repository::{self, Repository};

/// How an installation was lost.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lost {
    Uninstalled,
    Suspended,
}

impl Lost {
    pub(super) async fn mark(
        self,
        installation: InstallationRowId,
        read_at: DateTime<Utc>,
        conn: &mut Conn,
    ) -> QueryResult<()> {
        match self {
            Self::Uninstalled => installation::mark_deleted(installation, read_at, conn).await,
            Self::Suspended => installation::mark_suspended(installation, read_at, conn).await,
        }
    }
}

/// What an error says about the installation is worth as much as an answer.
pub(super) fn told(
    error: GitHubError,
    through: &Through,
    asked_at: DateTime<Utc>,
) -> Result<Finish, Trouble> {
    let lost = match &error {
        GitHubError::AccessLost(AccessLost::NotInstalled) => Lost::Uninstalled,
        GitHubError::AccessLost(AccessLost::Suspended) => Lost::Suspended,
        GitHubError::RateLimited { until, .. } => {
            let effect = Paused {
                installation: through.installation.id,
                until: *until,
            };
            let outcome = outcome_of(error, "looking at what the installation covers")?;
            return Ok(Finish::with(outcome, effect));
        }
        _ => return Err(error.into()),
    };
    let result = json!({ "access": error.to_string() });
    let effect = InstallationLost {
        installation: through.installation.id,
        lost,
        read_at: asked_at,
    };
    Ok(Finish::with(Outcome::Completed(result), effect))
}

/// No installation covers the repository.
pub(super) fn lost(
    row: &Repository,
    installation: Option<(InstallationRowId, Lost)>,
    because: &str,
    read_at: DateTime<Utc>,
) -> Finish {
    let result = json!({ "access": "access_lost", "because": because });
    let effect = OutOfReach {
        repository: row.id,
        installation,
        read_at,
    };
    Finish::with(Outcome::Completed(result), effect)
}

struct OutOfReach {
    repository: RepositoryRowId,
    installation: Option<(InstallationRowId, Lost)>,
    read_at: DateTime<Utc>,
}

#[async_trait]
impl Effect for OutOfReach {
    async fn apply(self: Box<Self>, _proof: &Settled, conn: &mut Conn) -> QueryResult<()> {
        if let Some((installation, lost)) = self.installation {
            lost.mark(installation, self.read_at, conn).await?;
        }
        repository::mark_lost(self.repository, self.read_at, conn).await
    }
}

pub(super) struct InstallationLost {
    pub(super) installation: InstallationRowId,
    pub(super) lost: Lost,
    pub(super) read_at: DateTime<Utc>,
}

#[async_trait]
impl Effect for InstallationLost {
    async fn apply(self: Box<Self>, _proof: &Settled, conn: &mut Conn) -> QueryResult<()> {
        self.lost.mark(self.installation, self.read_at, conn).await
    }
}

/// Its jobs wait in every process.
struct Paused {
    installation: InstallationRowId,
    until: DateTime<Utc>,
}

#[async_trait]
impl Effect for Paused {
    async fn apply(self: Box<Self>, _proof: &Settled, conn: &mut Conn) -> QueryResult<()> {
        installation::pause(self.installation, self.until, conn).await
    }
}
