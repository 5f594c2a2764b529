use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::github::ids::{InstallationId, RepositoryId};
use crate::simulator::deliveries::{Guid, Sent};
use crate::simulator::installation::{Installation, Selection};
use crate::simulator::rate::RateLimit;
use crate::simulator::sending::Emission;
use crate::simulator::world::World;
use crate::simulator::{Simulator, payload};

impl Simulator {
    /// Installs the App on an account.
    ///
    /// # Panics
    ///
    /// If it is installed there already.
    pub async fn install(&self, account: &str, selection: Selection) -> InstallationId {
        let (id, guid) = self.with(|world| world.install(account, selection));
        self.send(guid.into_iter().collect()).await;
        id
    }

    /// What is suspended already is not suspended again; likewise the other way.
    pub async fn suspend(&self, installation: InstallationId) -> Vec<Sent> {
        let guid = self.with(|world| {
            let now = world.now();
            let suspended = &mut world.installation_mut(installation).suspended_at;
            if suspended.is_some() {
                return None;
            }
            *suspended = Some(now);
            world.tell_installation(installation, "suspend", Map::new())
        });
        self.send(guid.into_iter().collect()).await
    }

    pub async fn unsuspend(&self, installation: InstallationId) -> Vec<Sent> {
        let guid = self.with(|world| {
            let suspended = &mut world.installation_mut(installation).suspended_at;
            suspended.take()?;
            world.tell_installation(installation, "unsuspend", Map::new())
        });
        self.send(guid.into_iter().collect()).await
    }

    /// The installation ends; its tokens with it, and its id is never used again.
    ///
    /// # Panics
    ///
    /// If it ended before.
    pub async fn uninstall(&self, installation: InstallationId) -> Vec<Sent> {
        let guid = self.with(|world| {
            let ended = world.installation_mut(installation).uninstalled;
            assert!(!ended, "{installation} is uninstalled already");
            let fields = world.listed(installation);
            let guid = world.tell_installation(installation, "deleted", fields);
            world.installation_mut(installation).uninstalled = true;
            guid
        });
        self.send(guid.into_iter().collect()).await
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

    /// Chooses the repositories anew.
    ///
    /// Narrowing from all of them arrives as `added` with an empty `repositories_removed`: that is what
    /// GitHub sends.
    pub async fn select(&self, installation: InstallationId, selection: Selection) -> Vec<Sent> {
        let guids = self.with(|world| world.select(installation, selection));
        self.send(guids).await
    }

    /// Selects one repository more. An installation on all of them has it already.
    pub async fn add_to_selection(
        &self,
        installation: InstallationId,
        repository: RepositoryId,
    ) -> Vec<Sent> {
        self.change_selection(installation, |chosen| {
            chosen.insert(repository);
        })
        .await
    }

    /// Takes one repository out of the selection.
    ///
    /// # Panics
    ///
    /// If the installation is on all repositories: a person would have to select some first.
    pub async fn remove_from_selection(
        &self,
        installation: InstallationId,
        repository: RepositoryId,
    ) -> Vec<Sent> {
        let selection = self.with(|world| world.installation_mut(installation).selection.clone());
        assert_ne!(
            selection,
            Selection::All,
            "{installation} is on all repositories"
        );
        self.change_selection(installation, |chosen| {
            chosen.remove(&repository);
        })
        .await
    }

    async fn change_selection(
        &self,
        installation: InstallationId,
        change: impl FnOnce(&mut BTreeSet<RepositoryId>),
    ) -> Vec<Sent> {
        let mut selection =
            self.with(|world| world.installation_mut(installation).selection.clone());
        if let Selection::Selected(chosen) = &mut selection {
            change(chosen);
        }
        self.select(installation, selection).await
    }

    /// The App no longer asks for a permission: every installation loses it at once, and its tokens with
    /// it. Nobody is told.
    pub fn take_permission(&self, name: &str) {
        self.with(|world| {
            world.app.permissions.remove(name);
            for installation in world.installations.values_mut() {
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
        let guid = self.with(|world| {
            let permissions = permissions.iter();
            world.installation_mut(installation).permissions = permissions
                .map(|(name, level)| ((*name).to_owned(), (*level).to_owned()))
                .collect();
            world.tell_installation(installation, "new_permissions_accepted", Map::new())
        });
        self.send(guid.into_iter().collect()).await
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
    fn install(&mut self, account: &str, selection: Selection) -> (InstallationId, Option<Guid>) {
        let account = self.owner_id(account);
        let free = self.installation_on(account).is_none();
        assert!(free, "the App is installed there already");
        let id = self.ids.installation();
        let now = self.now();
        let rate = RateLimit::new(self.hourly_limit, now);
        let installation = Installation {
            id,
            account,
            selection,
            permissions: self.app.permissions.clone(),
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

    fn covered(&self, id: InstallationId) -> BTreeSet<RepositoryId> {
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
    ) -> Option<Guid> {
        let now = self.now();
        self.installation_mut(id).updated_at = now;
        let mut fields = payload::installation_event(self, &self.installations[&id], action);
        fields.extend(extra);
        self.emit(Emission {
            event: "installation",
            action: Some(action),
            installation: Some(id),
            repository: None,
            fields,
        })
    }

    fn select(&mut self, id: InstallationId, selection: Selection) -> Vec<Guid> {
        let before = self.covered(id);
        let kind = selection.as_str();
        let former = std::mem::replace(&mut self.installation_mut(id).selection, selection);
        let after = self.covered(id);
        let added: Vec<_> = after.difference(&before).copied().collect();
        let removed: Vec<_> = before.difference(&after).copied().collect();
        if former.as_str() != kind {
            let told = self.tell_selection(id, "added", &added, &[]);
            return told.into_iter().collect();
        }
        let mut told = Vec::new();
        if !added.is_empty() {
            told.extend(self.tell_selection(id, "added", &added, &[]));
        }
        if !removed.is_empty() {
            told.extend(self.tell_selection(id, "removed", &[], &removed));
        }
        told
    }

    /// `installation_repositories`.
    pub(super) fn tell_selection(
        &mut self,
        id: InstallationId,
        action: &'static str,
        added: &[RepositoryId],
        removed: &[RepositoryId],
    ) -> Option<Guid> {
        let installation = self
            .installations
            .get(&id)
            .filter(|found| found.is_active())?;
        let mut fields = payload::installation_event(self, installation, action);
        fields.extend(payload::fields(json!({
            "repository_selection": installation.selection.as_str(),
            "repositories_added": payload::repository_lists(self, added),
            "repositories_removed": payload::repository_lists(self, removed),
            "requester": null,
        })));
        self.emit(Emission {
            event: "installation_repositories",
            action: Some(action),
            installation: Some(id),
            repository: None,
            fields,
        })
    }
}
