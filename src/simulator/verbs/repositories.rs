use serde_json::json;

use crate::github::RepositoryName;
use crate::github::ids::{InstallationId, RepositoryId};
use crate::simulator::deliveries::{Guid, Sent};
use crate::simulator::installation::Selection;
use crate::simulator::owner::OwnerKind;
use crate::simulator::repository::Repository;
use crate::simulator::world::World;
use crate::simulator::{Simulator, payload};

impl Simulator {
    /// An empty private repository. At a name that another one had before, it has another id.
    pub async fn create_repository(&self, owner: &str, name: &str) -> RepositoryId {
        let (id, guids) = self.with(|world| world.create_repository(owner, name));
        self.send(guids).await;
        id
    }

    /// The repository is gone. No App is told.
    pub async fn delete_repository(&self, repository: RepositoryId) {
        self.with(|world| {
            world.repository(repository);
            world.repositories.remove(&repository);
        });
    }

    pub async fn rename(&self, repository: RepositoryId, to: &str) -> Vec<Sent> {
        let guids = self.with(|world| world.rename(repository, to));
        self.send(guids).await
    }

    /// Gives a repository to another owner. The App there hears `transferred`; the one that loses it only
    /// that a repository was removed.
    pub async fn transfer(&self, repository: RepositoryId, to: &str) -> Vec<Sent> {
        let guids = self.with(|world| world.transfer(repository, to));
        self.send(guids).await
    }

    /// # Panics
    ///
    /// If there is no such branch: GitHub would refuse.
    pub async fn set_default_branch(&self, repository: RepositoryId, branch: &str) -> Vec<Sent> {
        let guids = self.with(|world| world.set_default_branch(repository, branch));
        self.send(guids.into_iter().collect()).await
    }

    /// Renames a branch with all that GitHub does then: the default branch stays the default branch.
    pub async fn rename_branch(&self, repository: RepositoryId, from: &str, to: &str) -> Vec<Sent> {
        let guids = self.with(|world| world.rename_branch(repository, from, to));
        self.send(guids).await
    }

    pub async fn archive(&self, repository: RepositoryId) -> Vec<Sent> {
        self.change(repository, "archived", |it| it.archived = true)
            .await
    }

    pub async fn unarchive(&self, repository: RepositoryId) -> Vec<Sent> {
        self.change(repository, "unarchived", |it| it.archived = false)
            .await
    }

    pub async fn publicize(&self, repository: RepositoryId) -> Vec<Sent> {
        self.change(repository, "publicized", |it| it.private = false)
            .await
    }

    pub async fn privatize(&self, repository: RepositoryId) -> Vec<Sent> {
        self.change(repository, "privatized", |it| it.private = true)
            .await
    }

    async fn change(
        &self,
        repository: RepositoryId,
        action: &'static str,
        change: impl FnOnce(&mut Repository),
    ) -> Vec<Sent> {
        let guid = self.with(|world| {
            world.touch(repository, change);
            world.tell(
                repository,
                "repository",
                Some(action),
                payload::fields(json!({})),
            )
        });
        self.send(guid.into_iter().collect()).await
    }
}

impl World {
    fn touch(&mut self, id: RepositoryId, change: impl FnOnce(&mut Repository)) {
        let now = self.now();
        let repository = self.repository_mut(id);
        change(repository);
        repository.updated_at = now;
    }

    fn create_repository(&mut self, owner: &str, name: &str) -> (RepositoryId, Vec<Guid>) {
        let owner_id = self.owner_id(owner);
        self.take_name(&RepositoryName::new(owner, name));
        let id = self.next_repository_id();
        let repository = Repository::new(id, owner_id, name, self.now());
        self.repositories.insert(id, repository);
        let created = self.tell(
            id,
            "repository",
            Some("created"),
            payload::fields(json!({})),
        );
        (id, created.into_iter().chain(self.tell_added(id)).collect())
    }

    /// An installation on all repositories hears of every one that it gains.
    fn tell_added(&mut self, id: RepositoryId) -> Option<Guid> {
        let gaining = self.installation_of(self.repository(id))?;
        let gaining = gaining.id;
        self.tell_selection(gaining, "added", &[id], &[])
    }

    fn rename(&mut self, id: RepositoryId, to: &str) -> Vec<Guid> {
        let old = self.name_of(self.repository(id));
        let new = RepositoryName::new(old.owner.clone(), to);
        if old != new {
            self.take_name(&new);
            self.leave_redirect(&old, id);
        }
        self.touch(id, |repository| to.clone_into(&mut repository.name));
        let fields = json!({"changes": {"repository": {"name": {"from": old.name}}}});
        let told = self.tell(id, "repository", Some("renamed"), payload::fields(fields));
        told.into_iter().collect()
    }

    fn transfer(&mut self, id: RepositoryId, to: &str) -> Vec<Guid> {
        let old = self.name_of(self.repository(id));
        let new_owner = self.owner_id(to);
        let losing: Option<InstallationId> = self
            .installation_of(self.repository(id))
            .map(|found| found.id);
        let from = self.owner(self.repository(id).owner);
        let field = match from.kind {
            OwnerKind::User => "user",
            OwnerKind::Organization => "organization",
        };
        let changes = json!({"changes": {"owner": {"from": {field: payload::owner(from)}}}});
        // Told while the repository is still there: its brief entry has the name that the loser knows.
        let removed = losing.and_then(|losing| self.tell_selection(losing, "removed", &[], &[id]));
        self.take_name(&RepositoryName::new(to, &old.name));
        self.leave_redirect(&old, id);
        if let Some(losing) = losing {
            self.deselect(losing, id);
        }
        self.touch(id, |repository| repository.owner = new_owner);
        let changes = payload::fields(changes);
        let transferred = self.tell(id, "repository", Some("transferred"), changes);
        let added = self.tell_added(id);
        [removed, transferred, added]
            .into_iter()
            .flatten()
            .collect()
    }

    fn deselect(&mut self, installation: InstallationId, id: RepositoryId) {
        if let Selection::Selected(chosen) = &mut self.installation_mut(installation).selection {
            chosen.remove(&id);
        }
    }

    fn set_default_branch(&mut self, id: RepositoryId, branch: &str) -> Option<Guid> {
        let repository = self.repository(id);
        let known = repository
            .refs
            .contains_key(&format!("refs/heads/{branch}"));
        assert!(known, "no branch {branch} in repository {id}");
        let from = repository.default_branch.clone();
        self.touch(id, |repository| {
            branch.clone_into(&mut repository.default_branch);
        });
        let fields = json!({"changes": {"default_branch": {"from": from}}});
        self.tell(id, "repository", Some("edited"), payload::fields(fields))
    }

    fn rename_branch(&mut self, id: RepositoryId, from: &str, to: &str) -> Vec<Guid> {
        let [old, new] = [from, to].map(|name| format!("refs/heads/{name}"));
        let head = self.repository(id).refs.get(&old).copied();
        assert!(head.is_some(), "no branch {from} in repository {id}");
        let made = self.place_ref(id, &new, head);
        let mut guids: Vec<Guid> = self.tell_ref(id, &made).into_iter().collect();
        guids.extend(self.tell_push(id, &made));
        if self.repository(id).default_branch == from {
            guids.extend(self.set_default_branch(id, to));
        }
        let gone = self.place_ref(id, &old, None);
        guids.extend(self.tell_ref(id, &gone));
        guids.extend(self.tell_push(id, &gone));
        guids
    }
}
