use std::collections::BTreeSet;

use serde_json::json;

use crate::github::ids::{InstallationId, RepositoryId};
use crate::simulator::deliveries::{Letter, Sent};
use crate::simulator::emission::Emission;
use crate::simulator::installation::Selection;
use crate::simulator::world::World;
use crate::simulator::{Simulator, payload};

impl Simulator {
    /// Chooses the repositories anew.
    ///
    /// Narrowing from all of them arrives as `added` with an empty `repositories_removed`: that is what
    /// GitHub sends.
    pub async fn select(&self, installation: InstallationId, selection: Selection) -> Vec<Sent> {
        let letters = self.with(|world| world.select(installation, selection));
        self.send(letters).await
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
}

impl World {
    fn select(&mut self, id: InstallationId, selection: Selection) -> Vec<Letter> {
        let before = self.covered(id);
        let kind = selection.as_str();
        let former = std::mem::replace(&mut self.installed_mut(id).selection, selection);
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
    ) -> Option<Letter> {
        let installation = self
            .installations
            .get(&id)
            .filter(|found| found.is_active())?;
        let app = installation.app;
        let mut fields = payload::installation_event(self, installation, action);
        fields.extend(payload::fields(json!({
            "repository_selection": installation.selection.as_str(),
            "repositories_added": payload::repository_lists(self, added),
            "repositories_removed": payload::repository_lists(self, removed),
            "requester": null,
        })));
        self.emit(Emission {
            app,
            event: "installation_repositories",
            action: Some(action),
            installation: Some(id),
            repository: None,
            fields,
        })
    }
}
