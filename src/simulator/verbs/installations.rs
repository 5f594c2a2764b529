use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::github::ids::{AppId, InstallationId, RepositoryId};
use crate::simulator::deliveries::{Letter, Sent};
use crate::simulator::emission::Emission;
use crate::simulator::installation::{Installation, Selection};
use crate::simulator::rate::RateLimit;
use crate::simulator::world::World;
use crate::simulator::{Simulator, payload};

impl Simulator {
    /// Installs the App on an account.
    ///
    /// # Panics
    ///
    /// If it is installed there already.
    pub async fn install(&self, account: &str, selection: Selection) -> InstallationId {
        let (id, letter) = self.with(|world| world.install(self.app, account, selection));
        self.send(letter.into_iter().collect()).await;
        id
    }

    /// What is suspended already is not suspended again; likewise the other way.
    pub async fn suspend(&self, installation: InstallationId) -> Vec<Sent> {
        let letter = self.with(|world| {
            let now = world.now();
            let suspended = &mut world.installed_mut(installation).suspended_at;
            if suspended.is_some() {
                return None;
            }
            *suspended = Some(now);
            world.tell_installation(installation, "suspend", Map::new())
        });
        self.send(letter.into_iter().collect()).await
    }

    pub async fn unsuspend(&self, installation: InstallationId) -> Vec<Sent> {
        let letter = self.with(|world| {
            let suspended = &mut world.installed_mut(installation).suspended_at;
            suspended.take()?;
            world.tell_installation(installation, "unsuspend", Map::new())
        });
        self.send(letter.into_iter().collect()).await
    }

    /// The installation ends; its tokens with it, and its id is never used again.
    ///
    /// # Panics
    ///
    /// If it ended before.
    pub async fn uninstall(&self, installation: InstallationId) -> Vec<Sent> {
        let letter = self.with(|world| {
            world.installed_mut(installation);
            let fields = world.listed(installation);
            let letter = world.tell_installation(installation, "deleted", fields);
            world.installation_mut(installation).uninstalled = true;
            letter
        });
        self.send(letter.into_iter().collect()).await
    }

    /// Installs the App again where it was uninstalled: a new installation on the same account.
    pub async fn reinstall(&self, former: InstallationId) -> InstallationId {
        let (login, selection) = self.with(|world| {
            let former = &world.installations[&former];
            let login = world.owner(former.account).login.clone();
            (login, former.selection.clone())
        });
        self.install(&login, selection).await
    }

    /// The App no longer asks for a permission: every installation loses it at once, and its tokens with
    /// it. Nobody is told.
    pub fn take_permission(&self, name: &str) {
        self.with(|world| {
            world.app_mut(self.app).permissions.remove(name);
            let all = world.installations.values_mut();
            for installation in all.filter(|found| found.app == self.app) {
                installation.permissions.remove(name);
            }
        });
    }

    /// The owner accepts what the App asks for now: `[("contents", "read"), …]`.
    pub async fn accept_permissions(
        &self,
        installation: InstallationId,
        permissions: &[(&str, &str)],
    ) -> Vec<Sent> {
        let letter = self.with(|world| {
            let permissions = permissions.iter();
            world.installed_mut(installation).permissions = permissions
                .map(|(name, level)| ((*name).to_owned(), (*level).to_owned()))
                .collect();
            world.tell_installation(installation, "new_permissions_accepted", Map::new())
        });
        self.send(letter.into_iter().collect()).await
    }

    /// The tokens minted so far stop working; new ones can be minted.
    pub fn revoke_tokens(&self, installation: InstallationId) {
        self.with(|world| {
            world
                .tokens
                .retain(|_, token| token.installation != installation);
        });
    }
}

impl World {
    fn install(
        &mut self,
        app: AppId,
        account: &str,
        selection: Selection,
    ) -> (InstallationId, Option<Letter>) {
        let account = self.owner_id(account);
        let free = self.installation_on(app, account).is_none();
        assert!(free, "the App is installed there already");
        let id = self.ids.installation();
        let now = self.now();
        let rate = RateLimit::new(self.hourly_limit, now);
        let installation = Installation {
            id,
            app,
            account,
            selection,
            permissions: self.app(app).permissions.clone(),
            suspended_at: None,
            uninstalled: false,
            created_at: now,
            updated_at: now,
            rate,
        };
        self.installations.insert(id, installation);
        let fields = self.listed(id);
        (id, self.tell_installation(id, "created", fields))
    }

    fn listed(&self, id: InstallationId) -> Map<String, Value> {
        let covered = self.covered(id).into_iter().collect::<Vec<_>>();
        payload::fields(json!({"repositories": payload::repository_lists(self, &covered)}))
    }

    pub(super) fn covered(&self, id: InstallationId) -> BTreeSet<RepositoryId> {
        let installation = &self.installations[&id];
        let covered = self.repositories_of(installation);
        covered
            .into_iter()
            .map(|repository| repository.id)
            .collect()
    }

    /// Told whether it is suspended or not: these events are about that.
    fn tell_installation(
        &mut self,
        id: InstallationId,
        action: &'static str,
        extra: Map<String, Value>,
    ) -> Option<Letter> {
        let now = self.now();
        self.installation_mut(id).updated_at = now;
        let mut fields = payload::installation_event(self, &self.installations[&id], action);
        fields.extend(extra);
        let app = self.installations[&id].app;
        self.emit(Emission {
            app,
            event: "installation",
            action: Some(action),
            installation: Some(id),
            repository: None,
            fields,
        })
    }
}
