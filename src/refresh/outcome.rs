use chrono::TimeDelta;

use crate::context::Context;
use crate::db::DbError;
use crate::github::GitHubError;
use crate::queue::Outcome;

/// Why something could not be read or written.
#[derive(Debug)]
pub enum Trouble {
    /// What GitHub said, still to be judged.
    GitHub(GitHubError),
    Own(anyhow::Error),
}

impl From<GitHubError> for Trouble {
    fn from(error: GitHubError) -> Self {
        Self::GitHub(error)
    }
}

impl From<DbError> for Trouble {
    fn from(error: DbError) -> Self {
        Self::Own(error.into())
    }
}

impl From<diesel::result::Error> for Trouble {
    fn from(error: diesel::result::Error) -> Self {
        Self::Own(error.into())
    }
}

impl From<anyhow::Error> for Trouble {
    fn from(error: anyhow::Error) -> Self {
        Self::Own(error)
    }
}

/// What an error of GitHub's means for a job, whichever kind it is of.
///
/// # Errors
/// When it is a failure of this attempt: an answer that GitHub should not have given.
pub fn outcome_of(error: GitHubError, doing: &str) -> anyhow::Result<Outcome> {
    match error {
        GitHubError::RateLimited { until, kind } => Ok(Outcome::Snoozed {
            until,
            reason: format!("GitHub's {kind} rate limit"),
        }),
        GitHubError::Unavailable(_) | GitHubError::Unauthorized => Ok(Outcome::Deferred {
            error: format!("{doing}: {:#}", anyhow::Error::from(error)),
        }),
        GitHubError::AccessLost(_) | GitHubError::TooLarge { .. } => Ok(Outcome::Discarded {
            error: format!("{doing}: {error}"),
        }),
        GitHubError::NotFound
        | GitHubError::NoSuchRef
        | GitHubError::EmptyRepository
        | GitHubError::Unexpected(_) => Err(anyhow::Error::from(error).context(doing.to_owned())),
    }
}

/// A process that was not told of the App leaves the job to one that was.
pub fn left_to_another(context: &Context) -> Outcome {
    Outcome::Snoozed {
        until: context.clock.now() + TimeDelta::minutes(1),
        reason: "its GitHub App is not configured here".to_owned(),
    }
}
