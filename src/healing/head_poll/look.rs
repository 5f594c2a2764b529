//! One look at one ref.

use diesel_async::AsyncConnection;

use super::{Poll, Polled};
use crate::git::{GitRef, Oid};
use crate::github::GitHubError;
use crate::github::client::{Conditional, ETag};
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
        let look = match asked.await {
            Ok(Conditional::NotModified) => Look::Same { etag: None },
            Ok(Conditional::Modified { value, etag }) if known == Some(value.sha) => {
                Look::Same { etag }
            }
            Ok(Conditional::Modified { value, .. }) => Look::Other {
                head: Some(value.sha),
            },
            Err(GitHubError::NoSuchRef | GitHubError::EmptyRepository) if known.is_none() => {
                Look::Same { etag: None }
            }
            Err(GitHubError::NoSuchRef | GitHubError::EmptyRepository) => {
                Look::Other { head: None }
            }
            Err(GitHubError::NotFound) => Look::OutOfReach,
            Err(error) => {
                let of = format!("{} of {}", due.git_ref, due.repository.github_id);
                polled.failures.note(of, error)?;
                return Ok(Look::Nothing);
            }
        };
        polled.failures.answered();
        Ok(look)
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
