//! Somebody asks for one binding after the other. A look at their repository that begins with the first
//! request serves none of those after it; one that begins with the last serves all.

use std::time::Duration;

use tokio::time::Instant;

use super::run::ContentSync;
use super::stop::Step;
use crate::ids::{BindingId, JobId};
use crate::queue::{self, Cause, Job};
use crate::{binding, repository};

/// Between two requests of one script: a commit, and a way through a network.
const PAUSE: Duration = Duration::from_millis(50);

/// For a request that is not the last of its script. A person has not noticed it by then.
const LONGEST: Duration = Duration::from_millis(500);

impl ContentSync {
    /// Waits until nobody asks any more, if somebody may be asking. Before anything is locked: a push of
    /// the same repository is not held up, and its look serves those that wait here.
    pub(super) async fn gather(&self, job: &Job) -> Step<()> {
        let is_asked_for = matches!(job.cause.0, Cause::Operator { .. });
        if !is_asked_for || !job.is_first_claim() {
            return Ok(());
        }
        let begun = Instant::now();
        let mut known = None;
        while begun.elapsed() < LONGEST {
            let newest = self.newest_beside(job).await?;
            if newest.is_none() || newest == known {
                break;
            }
            known = newest;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// The newest sync that anybody wants of the repository. `None` where there is nothing to gather: it has
    /// one binding, or was looked at since this sync was asked for.
    async fn newest_beside(&self, job: &Job) -> Step<Option<JobId>> {
        let mut conn = self.context.db.read().await?;
        let binding = binding::find(BindingId::new(job.target), &mut conn).await?;
        let Some(id) = binding.and_then(|binding| binding.repository_id) else {
            return Ok(None);
        };
        let repository = repository::find(id, &mut conn).await?;
        let is_seen = repository.is_none_or(|row| row.confirmed_at > job.requested_at);
        if is_seen || !binding::is_shared(id, &mut conn).await? {
            return Ok(None);
        }
        Ok(queue::newest_of_repository(super::KIND, id, &mut conn).await?)
    }
}
