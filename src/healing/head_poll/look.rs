//! One look at one ref.

use diesel_async::AsyncConnection;

use super::{Poll, Polled};
use crate::git::{GitRef, Oid};
use crate::github::client::{Conditional, ETag};
use crate::github::{AccessLost, GitHubError};
use crate::installation;
use crate::refresh::{self, InstallationHint, Trouble};
use crate::repository_ref::DueRef;

/// What a look at a ref has shown.
#[derive(Debug)]
pub(super) enum Look {
    /// What the last sync found. With the ETag to ask by from now on, when that is another.
    Same { etag: Option<ETag> },
    /// Something else: `None`, when there is no such ref.
    Other { head: Option<Oid> },
    /// GitHub does not show the repository.
    OutOfReach,
    /// Not now.
    Nothing,
}

impl Poll<'_> {
    /// # Errors
    /// What says that further looks would be in vain, or unwelcome.
    pub(super) async fn look(
        &self,
        due: &DueRef,
        polled: &mut Polled,
    ) -> Result<Look, GitHubError> {
        let unreadable =
            !self.through.installation.works() || polled.out_of_reach.contains(&due.repository.id);
        let Some(git_ref) = due.git_ref.parse::<GitRef>().ok().filter(|_| !unreadable) else {
            return Ok(Look::Nothing);
        };
        let asked = self.through.app.github.commit(
            self.through.installation.github_id,
            due.repository.github_id,
            &git_ref,
            due.resolution.etag.as_ref(),
        );
        polled.asked += 1;
        let known = due.resolution.commit.map(|commit| commit.sha);
        match asked.await {
            Ok(Conditional::NotModified) => Ok(Look::Same { etag: None }),
            Ok(Conditional::Modified { value, etag }) if known == Some(value.sha) => {
                Ok(Look::Same { etag })
            }
            Ok(Conditional::Modified { value, .. }) => Ok(Look::Other {
                head: Some(value.sha),
            }),
            Err(GitHubError::NoSuchRef | GitHubError::EmptyRepository) if known.is_none() => {
                Ok(Look::Same { etag: None })
            }
            Err(GitHubError::NoSuchRef | GitHubError::EmptyRepository) => {
                Ok(Look::Other { head: None })
            }
            Err(GitHubError::NotFound) => Ok(Look::OutOfReach),
            Err(error) if is_of_one(&error) => {
                polled.note(due, error);
                Ok(Look::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    /// What the error says of the installation is looked into.
    pub(super) async fn end_early(&self, error: &GitHubError) -> Result<(), Trouble> {
        let mut conn = self.context.db.write().await?;
        let installation = self.through.installation.id;
        match error {
            GitHubError::AccessLost(_) => {
                let hint = InstallationHint::default();
                let request = &self.request;
                conn.transaction(async |conn| {
                    refresh::request_installation(installation, hint, request, conn).await
                })
                .await?;
            }
            GitHubError::RateLimited { until, .. } => {
                installation::pause(installation, *until, &mut conn).await?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether it tells of one repository, and not of all that an installation covers.
fn is_of_one(error: &GitHubError) -> bool {
    matches!(
        error,
        GitHubError::Unexpected(_)
            | GitHubError::TooLarge { .. }
            | GitHubError::AccessLost(AccessLost::Blocked { .. })
    )
}

impl Polled {
    fn note(&mut self, due: &DueRef, error: GitHubError) {
        self.failed += 1;
        let (id, git_ref) = (due.repository.github_id, &due.git_ref);
        self.first_error
            .get_or_insert_with(|| format!("{git_ref} of {id}: {:#}", anyhow::Error::from(error)));
    }
}
