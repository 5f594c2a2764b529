//! Which installation covers the repository, and whether the organisation may use it.

use std::sync::Arc;

use diesel_async::AsyncConnection;

use super::Locator;
use crate::apps::App;
use crate::github::ids::InstallationId;
use crate::github::{GitHubError, RepositoryName};
use crate::grant;
use crate::installation::Installation;
use crate::refresh::{self, Cover, Found};
use crate::sync::stop::Step;

impl Locator<'_> {
    /// The first one that is granted; else the first, of which it then has to be said that it is not. To
    /// an unsynced binding one that is not granted is as good as none, found by the same questions and
    /// written down nowhere: its operator is not to learn which private repositories there are.
    ///
    /// The one on record comes before those of other Apps, and stays while it is granted to anybody, or
    /// cannot be asked for: an organisation that came by another App does not take the content of the first
    /// off its readers.
    pub(super) async fn find_installation(&self, name: &RepositoryName) -> Step<Option<Cover>> {
        let recorded = self.target.installation.as_ref();
        let mut apps = self.context.apps.on_host(&self.target.binding.github_host);
        apps.sort_by_key(|app| recorded.is_none_or(|it| it.github_app_id != app.row));
        let (mut not_granted, mut failed) = (None, None);
        for app in apps {
            let found = match self.ask_for_installation(&app, name).await {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(stop) => {
                    let on_record = recorded.filter(|it| it.github_app_id == app.row);
                    if let Some(it) = on_record
                        && self.is_kept(it.github_id).await?
                    {
                        return Err(stop);
                    }
                    // Another that cannot be asked keeps nobody from anything.
                    failed = failed.or(Some(stop));
                    continue;
                }
            };
            let is_recorded = recorded.is_some_and(|it| it.github_id == found.seen.id);
            let is_taken = if is_recorded {
                self.is_kept(found.seen.id).await?
            } else {
                self.is_granted(found.seen.id).await?
            };
            if is_taken {
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
    pub(super) async fn ask_for_installation(
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

    pub(super) async fn known(&self, found: Found) -> Step<Cover> {
        let request = self.follow_up();
        let mut conn = self.context.db.write().await?;
        Ok(conn
            .transaction(async |conn| found.known(&request, conn).await)
            .await?)
    }

    /// At every sync, before anything is read in the organisation's name.
    pub(super) async fn check_grant(&self, installation: &Installation) -> Step<()> {
        if self.is_granted(installation.github_id).await? {
            Ok(())
        } else {
            Err(self.not_granted(Some(installation)))
        }
    }

    pub(super) async fn is_granted(&self, id: InstallationId) -> Step<bool> {
        let binding = &self.target.binding;
        let (organization, host) = (binding.organization_id, &binding.github_host);
        let mut conn = self.context.db.read().await?;
        let holds_grant = grant::covers(organization, host, id, &mut conn).await?;
        Ok(self.context.config.access.grants.allow(holds_grant))
    }

    /// Whether an installation on record is to stay there: granted to this organisation, or to another.
    async fn is_kept(&self, id: InstallationId) -> Step<bool> {
        Ok(self.is_granted(id).await? || self.is_granted_to_anybody(id).await?)
    }

    async fn is_granted_to_anybody(&self, id: InstallationId) -> Step<bool> {
        let mut conn = self.context.db.read().await?;
        let holder = grant::holder(&self.target.binding.github_host, id, &mut conn).await?;
        Ok(holder.is_some())
    }

    pub(super) fn hides_what_is_not_granted(&self) -> bool {
        !self.context.config.access.grants.allow(false) && self.target.repository.is_none()
    }
}
