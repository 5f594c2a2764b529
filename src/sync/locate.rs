//! Where the repository is now: by its id once that is known, through the installation that covers it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;

use super::hint::PushHint;
use super::stop::{Learnt, Step, Stop};
use crate::apps::App;
use crate::binding::{self, BindingView, Finding};
use crate::context::Context;
use crate::github::client::{self, Conditional, ETag, RepositoryKey};
use crate::github::ids::InstallationId;
use crate::github::{AccessLost, GitHubError, RepositoryName};
use crate::grant;
use crate::installation::{self, Installation};
use crate::queue::{Job, Outcome, Request};
use crate::refresh::{self, Cover, Found, Sighting, Through, record_sighting};
use crate::repository::{self, Coverage, Reachability, Repository};

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
        if let Some(located) = self.fresh_enough().filter(|_| known.is_some()) {
            return Ok(located);
        }
        let located = match known {
            Some(through) => match self.read_through(&through, None).await {
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
            None => self.relocate(None).await?,
        };
        self.follow_owner(located).await
    }

    /// What another sync read after this one was asked for is as good as reading it again; not when it
    /// read of a transfer, and only it knows yet where to.
    fn fresh_enough(&self) -> Option<Located> {
        let Through { app, installation } = self.known_installation()?;
        let repository = self.target.repository.clone()?;
        let fresh = self.job.is_first_claim()
            && repository.confirmed_at > self.job.requested_at
            && repository.reachability == Reachability::Reachable
            && is_on_account(&installation, &repository);
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

    /// `asked`: GitHub has just said that this installation covers it.
    async fn read_through(
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

    fn follow_up(&self) -> Request {
        refresh::follow_up(self.job, self.context)
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
            // At the name that was asked for another repository may be by now.
            let surely = repository.is_none() || cover.by_name.is_none();
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

    /// The first one that is granted; else the first, of which it then has to be said that it is not. To
    /// an unsynced binding one that is not granted is as good as none, found by the same questions and
    /// written down nowhere: its operator is not to learn which private repositories there are.
    ///
    /// The one on record comes before those of other Apps, and stays while it is granted to anybody: an
    /// organisation that came by another App does not take the content of the first off its readers.
    async fn find_installation(&self, name: &RepositoryName) -> Step<Option<Cover>> {
        let recorded = self.target.installation.as_ref();
        let mut apps = self.context.apps.on_host(&self.target.binding.github_host);
        apps.sort_by_key(|app| recorded.is_none_or(|it| it.github_app_id != app.row));
        let (mut not_granted, mut failed) = (None, None);
        for app in apps {
            let found = match self.ask_for_installation(&app, name).await {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                // One that cannot be asked keeps the others from nothing.
                Err(stop) => {
                    failed = failed.or(Some(stop));
                    continue;
                }
            };
            let is_recorded = recorded.is_some_and(|it| it.github_id == found.seen.id);
            if self.is_granted(found.seen.id).await?
                || (is_recorded && self.is_granted_to_anybody(found.seen.id).await?)
            {
                return Ok(Some(self.known(found).await?));
            }
            not_granted = not_granted.or(Some(found));
        }
        if let Some(stop) = failed {
            return Err(stop);
        }
        match not_granted.filter(|_| self.target.repository.is_some()) {
            Some(found) => Ok(Some(self.known(found).await?)),
            None => Ok(None),
        }
    }

    /// By the id where it is known: at the name another repository may be by now.
    async fn ask_for_installation(
        &self,
        app: &Arc<App>,
        name: &RepositoryName,
    ) -> Step<Option<Found>> {
        let id = self.target.repository.as_ref().map(|row| row.github_id);
        match refresh::ask_for_installation(app, id, name, &self.context.clock).await {
            Ok(found) => Ok(found),
            // Blocked, which GitHub says only of what is there.
            Err(GitHubError::AccessLost(_)) if self.hides_what_is_not_granted() => Ok(None),
            Err(error) => Err(self.stop(error.into(), None, "looking for the installation")),
        }
    }

    async fn known(&self, found: Found) -> Step<Cover> {
        let request = self.follow_up();
        let mut conn = self.context.db.write().await?;
        Ok(conn
            .transaction(async |conn| found.known(&request, conn).await)
            .await?)
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

    /// At every sync, before anything is read in the organisation's name.
    async fn check_grant(&self, installation: &Installation) -> Step<()> {
        if self.is_granted(installation.github_id).await? {
            Ok(())
        } else {
            Err(self.not_granted(Some(installation)))
        }
    }

    async fn is_granted(&self, id: InstallationId) -> Step<bool> {
        let binding = &self.target.binding;
        let (organization, host) = (binding.organization_id, &binding.github_host);
        let mut conn = self.context.db.read().await?;
        let holds_grant = grant::covers(organization, host, id, &mut conn).await?;
        Ok(self.context.config.access.grants.allow(holds_grant))
    }

    async fn is_granted_to_anybody(&self, id: InstallationId) -> Step<bool> {
        let mut conn = self.context.db.read().await?;
        let holder = grant::holder(&self.target.binding.github_host, id, &mut conn).await?;
        Ok(holder.is_some())
    }

    fn hides_what_is_not_granted(&self) -> bool {
        !self.context.config.access.grants.allow(false) && self.target.repository.is_none()
    }

    fn learnt(&self, installation: Option<&Installation>) -> Learnt {
        Learnt {
            job: Some(self.job.id),
            binding: Some(self.target.binding.clone()),
            installation: installation.map(|installation| installation.id),
            at: self.context.clock.now(),
            ..Learnt::default()
        }
    }

    /// A process that was not told of the App leaves the job to one that was.
    fn no_app(&self) -> Stop {
        let host = &self.target.binding.github_host;
        let until = self.context.clock.now() + chrono::TimeDelta::minutes(1);
        let reason = format!("no GitHub App on {host} is configured here");
        Stop::Finish(Outcome::Snoozed { until, reason }.into())
    }

    fn not_granted(&self, installation: Option<&Installation>) -> Stop {
        // Of the installation that is stored, the missing grant says it, and so does a new one.
        let stored = self.target.installation.as_ref();
        let is_stored =
            installation.is_some_and(|found| stored.is_some_and(|stored| stored.id == found.id));
        let learnt = Learnt {
            finding: (!is_stored).then_some(Some(Finding::NotGranted)),
            ..self.learnt(None)
        };
        Stop::discard_with(
            "the organisation has no grant for an installation of the GitHub App that covers this repository",
            learnt,
        )
    }

    /// What GitHub has just said of it.
    fn check_installation(&self, installation: &Installation) -> Step<()> {
        if installation.suspended_at.is_some() {
            return Err(self.suspended(installation));
        }
        match installation.missing_permission() {
            Some(needed) => Err(self.permission_missing(installation, needed)),
            None => Ok(()),
        }
    }

    fn permission_missing(&self, installation: &Installation, needed: &str) -> Stop {
        let lost = AccessLost::PermissionMissing {
            needed: format!("{needed}: read"),
        };
        let learnt = Learnt {
            finding: Some(Some(Finding::AccessLost)),
            ..self.learnt(Some(installation))
        };
        Stop::discard_with(lost.to_string(), learnt)
    }

    fn suspended(&self, installation: &Installation) -> Stop {
        let learnt = Learnt {
            finding: Some(Some(Finding::Suspended)),
            suspended: true,
            ..self.learnt(Some(installation))
        };
        Stop::discard_with(AccessLost::Suspended.to_string(), learnt)
    }

    /// In the same words whether it does not exist or is not ours to see.
    fn out_of_reach(&self, uninstalled: Option<&Installation>) -> Stop {
        if self.hides_what_is_not_granted() {
            return self.not_granted(None);
        }
        let learnt = Learnt {
            finding: self
                .target
                .repository
                .is_none()
                .then_some(Some(Finding::AccessLost)),
            repository_out_of_reach: self
                .target
                .repository
                .as_ref()
                .map(|repository| (repository.id, self.follow_up())),
            uninstalled: uninstalled.is_some(),
            ..self.learnt(uninstalled)
        };
        let name = self.target.binding.requested_name();
        Stop::discard_with(
            format!(
                "GitHub shows no repository {name} to the App: it does not exist, or the App is not installed there or not for it"
            ),
            learnt,
        )
    }

    fn stop(&self, error: ReadError, installation: Option<&Installation>, doing: &str) -> Stop {
        let error = match error {
            ReadError::Stop(stop) => return stop,
            ReadError::GitHub(error) => error,
        };
        Stop::of(error, self.learnt(installation), doing)
    }
}

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
