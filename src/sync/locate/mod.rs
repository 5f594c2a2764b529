//! Where the repository is now: by its id once that is known, through the installation that covers it.

mod find;
mod read;
mod refuse;

use std::sync::Arc;

use super::hint::PushHint;
use super::stop::Step;
use crate::apps::App;
use crate::binding::BindingView;
use crate::context::Context;
use crate::github::{AccessLost, GitHubError};
use crate::installation::Installation;
use crate::queue::{Job, Request};
use crate::refresh::{self, Cover, Through};
use crate::repository::{self, Reachability, Repository};

use read::ReadError;

/// The repository as GitHub shows it now, and through which installation.
#[derive(Debug, Clone)]
pub(super) struct Located {
    pub(super) app: Arc<App>,
    pub(super) installation: Installation,
    pub(super) repository: Repository,
}

pub(super) struct Locator<'a> {
    pub(super) context: &'a Context,
    pub(super) job: &'a Job,
    pub(super) target: &'a BindingView,
    pub(super) hints: &'a [PushHint],
}

impl Locator<'_> {
    pub(super) async fn locate(&self) -> Step<Located> {
        if !self.can_ask() {
            return Err(self.no_app());
        }
        let mut known = self.known_installation();
        if let Some(through) = &known
            && !self.is_granted(through.installation.github_id).await?
        {
            // Another may cover it by now, and be granted.
            known = None;
        }
        let fresh = self.fresh_enough().filter(|_| known.is_some());
        let located = match (fresh, known) {
            (Some(located), _) => located,
            (None, Some(through)) => match self.read_through(&through, None).await {
                // Somebody has found out meanwhile that it is not covered: any token reads what is public.
                Ok(located) if located.repository.reachability != Reachability::Reachable => {
                    self.relocate(None).await?
                }
                Ok(located) => located,
                Err(error) if is_out_of_reach(&error) => {
                    self.relocate(Some((through, error))).await?
                }
                Err(error) => {
                    let installation = Some(&through.installation);
                    return Err(self.stop(error, installation, "reading the repository"));
                }
            },
            (None, None) => self.relocate(None).await?,
        };
        self.follow_owner(located).await
    }

    /// What another sync read after this one was asked for is as good as reading it again.
    fn fresh_enough(&self) -> Option<Located> {
        let Through { app, installation } = self.known_installation()?;
        let repository = self.target.repository.clone()?;
        let fresh = self.job.is_first_claim()
            && repository.confirmed_at > self.job.requested_at
            && repository.reachability == Reachability::Reachable;
        fresh.then_some(Located {
            app,
            installation,
            repository,
        })
    }

    /// The stored installation, unless something has said since that it may be another.
    fn known_installation(&self) -> Option<Through> {
        let installation = self.target.installation.clone()?;
        let repository = self.target.repository.as_ref()?;
        let named = self
            .hints
            .iter()
            .rev()
            .find_map(|hint| hint.installation_id);
        if named.is_some_and(|named| named != installation.github_id)
            || repository.installation_doubted_at.is_some()
            || repository.reachability != Reachability::Reachable
            || installation.deleted_at.is_some()
            || installation.missing_permission().is_some()
        {
            return None;
        }
        let app = self
            .context
            .apps
            .of_row(installation.github_app_id)?
            .clone();
        if let Some(until) = installation.paused_until {
            // Another process may have been told, or this one before a restart.
            app.github.pause(installation.github_id, until);
        }
        Some(Through { app, installation })
    }

    /// Asks GitHub which installation covers the repository now: after a reinstall, a transfer, or
    /// before the first sync.
    async fn relocate(&self, failed: Option<(Through, ReadError)>) -> Step<Located> {
        let repository = self.target.repository.as_ref();
        let name =
            repository.map_or_else(|| self.target.binding.sought_name(), Repository::full_name);
        let Some(cover) = self.find_installation(&name).await? else {
            let uninstalled = failed.as_ref().and_then(|(through, error)| {
                matches!(error, ReadError::GitHub(GitHubError::AccessLost(_)))
                    .then_some(&through.installation)
            });
            return Err(self.out_of_reach(uninstalled));
        };
        let installation = &cover.through.installation;
        let allowed = match self.check_grant(installation).await {
            Ok(()) => self.check_installation(installation),
            refused => refused,
        };
        if let Err(refused) = allowed {
            // At the name that was asked for another repository may be by now; what covers that one
            // says nothing of this one, unless it is on record for it.
            let on_record = self.target.installation.as_ref();
            let surely = repository.is_none()
                || cover.by_name.is_none()
                || on_record.is_some_and(|recorded| recorded.id == installation.id);
            self.record_cover(&cover).await?;
            return Err(if surely {
                refused
            } else {
                self.out_of_reach(None)
            });
        }
        match self.read_through(&cover.through, Some(&cover)).await {
            Ok(located) => Ok(located),
            Err(ReadError::GitHub(GitHubError::NotFound)) => Err(self.out_of_reach(None)),
            Err(error) => Err(self.stop(error, Some(installation), "reading the repository")),
        }
    }

    /// So it is, whether this organisation may go on or not.
    async fn record_cover(&self, cover: &Cover) -> Step<()> {
        // Asked by name, it may be of another repository.
        let (Some(row), None) = (&self.target.repository, &cover.by_name) else {
            return Ok(());
        };
        let (installation, asked_at) = (&cover.through.installation, cover.asked_at);
        let mut conn = self.context.db.write().await?;
        if installation.works() {
            let id = installation.id;
            repository::set_installation(row.id, id, asked_at, &mut conn).await?;
        } else {
            repository::mark_covered(row.id, installation.id, asked_at, &mut conn).await?;
        }
        Ok(())
    }

    /// Whether this process was told of the Apps that it takes: another's word would be "not there".
    fn can_ask(&self) -> bool {
        let apps = &self.context.apps;
        match &self.target.installation {
            Some(recorded) => apps.of_row(recorded.github_app_id).is_some(),
            None => !apps.on_host(&self.target.binding.github_host).is_empty(),
        }
    }

    /// Another owner than the one stored means a transfer, and that means another installation.
    async fn follow_owner(&self, located: Located) -> Step<Located> {
        let stored = self.target.repository.as_ref();
        let installation = &located.installation;
        let other_owner = stored
            .is_some_and(|stored| stored.owner_id != located.repository.owner_id)
            || !is_on_account(installation, &located.repository);
        if !other_owner {
            self.check_grant(installation).await?;
            return Ok(located);
        }
        let name = located.repository.full_name();
        let Some(cover) = self.find_installation(&name).await? else {
            return Err(self.out_of_reach(None));
        };
        let Through { app, installation } = cover.through;
        {
            // So it is, whether this organisation may go on or not.
            let mut conn = self.context.db.write().await?;
            let row = located.repository.id;
            repository::set_installation(row, installation.id, cover.asked_at, &mut conn).await?;
        }
        self.check_grant(&installation).await?;
        self.check_installation(&installation)?;
        let repository = Repository {
            installation_id: Some(installation.id),
            ..located.repository
        };
        Ok(Located {
            app,
            installation,
            repository,
        })
    }

    fn follow_up(&self) -> Request {
        refresh::follow_up(self.job, self.context)
    }
}

/// Else it was transferred, or the installation is another's.
fn is_on_account(installation: &Installation, repository: &Repository) -> bool {
    let account = installation.account_id;
    account.is_none_or(|account| account == repository.owner_id)
}

/// Worth asking whether another installation covers it by now.
fn is_out_of_reach(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::GitHub(
            GitHubError::NotFound | GitHubError::AccessLost(AccessLost::NotInstalled)
        )
    )
}
