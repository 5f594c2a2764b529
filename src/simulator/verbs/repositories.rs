use serde_json::{Map, json};

use crate::github::RepositoryName;
use crate::github::ids::{InstallationId, RepositoryId};
use crate::simulator::deliveries::{Letter, Sent};
use crate::simulator::installation::Selection;
use crate::simulator::owner::OwnerKind;
use crate::simulator::repository::Repository;
use crate::simulator::world::World;
use crate::simulator::{Simulator, payload};

use super::installations;

impl Simulator {
    /// An empty private repository. At a name that another one had before, it has another id.
    pub async fn create_repository(&self, owner: &str, name: &str) -> RepositoryId {
        let (id, letters) = self.with(|world| world.create_repository(owner, name));
        self.send(letters).await;
        id
    }

    /// A copy with the same objects and refs under another owner: a repository of its own, which nothing
    /// ties to the first but its history. It has the same name, or that with a number where it is taken.
    pub async fn fork(&self, repository: RepositoryId, to: &str) -> RepositoryId {
        let (id, letters) = self.with(|world| world.fork(repository, to));
        self.send(letters).await;
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
        let letters = self.with(|world| world.rename(repository, to));
        self.send(letters).await
    }

    /// Gives a repository to another owner. The App there hears `transferred`; the one that loses it only
    /// that a repository was removed.
    pub async fn transfer(&self, repository: RepositoryId, to: &str) -> Vec<Sent> {
        let letters = self.with(|world| world.transfer(repository, to));
        self.send(letters).await
    }

    /// # Panics
    ///
    /// If there is no such branch: GitHub would refuse.
    pub async fn set_default_branch(&self, repository: RepositoryId, branch: &str) -> Vec<Sent> {
        let letters = self.with(|world| world.set_default_branch(repository, branch));
        self.send(letters).await
    }

    /// Renames a branch with all that GitHub does then: the default branch stays the default branch.
    pub async fn rename_branch(&self, repository: RepositoryId, from: &str, to: &str) -> Vec<Sent> {
        let letters = self.with(|world| world.rename_branch(repository, from, to));
        self.send(letters).await
    }

    /// What changes nothing tells nothing: this, and the three after it.
    pub async fn archive(&self, repository: RepositoryId) -> Vec<Sent> {
        self.set(repository, "archived", |it| &mut it.archived, true)
            .await
    }

    pub async fn unarchive(&self, repository: RepositoryId) -> Vec<Sent> {
        self.set(repository, "unarchived", |it| &mut it.archived, false)
            .await
    }

    pub async fn publicize(&self, repository: RepositoryId) -> Vec<Sent> {
        self.set(repository, "publicized", |it| &mut it.private, false)
            .await
    }

    pub async fn privatize(&self, repository: RepositoryId) -> Vec<Sent> {
        self.set(repository, "privatized", |it| &mut it.private, true)
            .await
    }

    async fn set(
        &self,
        repository: RepositoryId,
        action: &'static str,
        field: impl FnOnce(&mut Repository) -> &mut bool,
        to: bool,
    ) -> Vec<Sent> {
        let letters = self.with(|world| {
            let was = std::mem::replace(field(world.repository_mut(repository)), to);
            if was == to {
                return Vec::new();
            }
            world.touch(repository, |_| ());
            world.tell(repository, "repository", Some(action), &Map::new())
        });
        self.send(letters).await
    }
}

impl World {
    fn touch(&mut self, id: RepositoryId, change: impl FnOnce(&mut Repository)) {
        let now = self.now();
        let repository = self.repository_mut(id);
        change(repository);
        repository.updated_at = now;
    }

    fn create_repository(&mut self, owner: &str, name: &str) -> (RepositoryId, Vec<Letter>) {
        let owner_id = self.owner_id(owner);
        self.assert_free(&RepositoryName::new(owner, name));
        let id = self.ids.repository();
        let repository = Repository::new(id, owner_id, name, self.now());
        (id, self.add_repository(repository))
    }

    fn add_repository(&mut self, repository: Repository) -> Vec<Letter> {
        let id = repository.id;
        self.redirects.end(&self.name_of(&repository));
        self.repositories.insert(id, repository);
        let mut letters = self.tell(id, "repository", Some("created"), &Map::new());
        letters.extend(self.tell_added(id));
        letters
    }

    fn fork(&mut self, of: RepositoryId, owner: &str) -> (RepositoryId, Vec<Letter>) {
        let owner_id = self.owner_id(owner);
        let name = self.repository(of).name.clone();
        assert_ne!(
            self.repository(of).owner,
            owner_id,
            "{owner} has {name} already"
        );
        let name = self.free_name(owner, &name);
        let id = self.ids.repository();
        let fork = self.repository(of).fork(id, owner_id, &name, self.now());
        (id, self.add_repository(fork))
    }

    /// GitHub numbers a fork whose name is taken.
    fn free_name(&self, owner: &str, name: &str) -> String {
        let is_free = |name: &String| {
            let name = RepositoryName::new(owner, name);
            self.find_repository(&name).is_none()
        };
        let numbered = (1..).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(is_free).expect("there is no end of numbers")
    }

    /// An installation on all repositories hears of every one that it gains.
    fn tell_added(&mut self, id: RepositoryId) -> Vec<Letter> {
        let gaining = installations(self.installations_of(self.repository(id)));
        gaining
            .into_iter()
            .filter_map(|(_, gaining)| self.tell_selection(gaining, "added", &[id], &[]))
            .collect()
    }

    fn rename(&mut self, id: RepositoryId, to: &str) -> Vec<Letter> {
        let old = self.name_of(self.repository(id));
        if old.name == to {
            return Vec::new();
        }
        let new = RepositoryName::new(old.owner.clone(), to);
        if old != new {
            self.assert_free(&new);
            self.redirects.leave(&old, self.repository(id).owner, id);
            self.redirects.end(&new);
        }
        self.touch(id, |repository| to.clone_into(&mut repository.name));
        let fields = json!({"changes": {"repository": {"name": {"from": old.name}}}});
        self.tell(id, "repository", Some("renamed"), &payload::fields(fields))
    }

    fn transfer(&mut self, id: RepositoryId, to: &str) -> Vec<Letter> {
        let old = self.name_of(self.repository(id));
        let new = RepositoryName::new(to, &old.name);
        let new_owner = self.owner_id(to);
        self.assert_free(&new);
        let losing = self.installations_of(self.repository(id));
        let losing: Vec<InstallationId> = losing.map(|found| found.id).collect();
        let from = self.owner(self.repository(id).owner);
        let field = match from.kind {
            OwnerKind::User => "user",
            OwnerKind::Organization => "organization",
        };
        let changes =
            json!({"changes": {"owner": {"from": {field: payload::owner(&self.host, from)}}}});
        // Told while the repository is still there: its brief entry has the name that the loser knows.
        let removed = losing
            .iter()
            .filter_map(|losing| self.tell_selection(*losing, "removed", &[], &[id]));
        let mut letters: Vec<Letter> = removed.collect();
        self.redirects.leave(&old, self.repository(id).owner, id);
        self.redirects.end(&new);
        for losing in losing {
            self.deselect(losing, id);
        }
        self.touch(id, |repository| repository.owner = new_owner);
        let changes = payload::fields(changes);
        letters.extend(self.tell(id, "repository", Some("transferred"), &changes));
        letters.extend(self.tell_added(id));
        letters
    }

    fn deselect(&mut self, installation: InstallationId, id: RepositoryId) {
        if let Selection::Selected(chosen) = &mut self.installation_mut(installation).selection {
            chosen.remove(&id);
        }
    }

    fn set_default_branch(&mut self, id: RepositoryId, branch: &str) -> Vec<Letter> {
        let repository = self.repository(id);
        let known = repository
            .refs
            .contains_key(&format!("refs/heads/{branch}"));
        assert!(known, "no branch {branch} in repository {id}");
        let from = repository.default_branch.clone();
        if from == branch {
            return Vec::new();
        }
        self.touch(id, |repository| {
            branch.clone_into(&mut repository.default_branch);
        });
        let fields = json!({"changes": {"default_branch": {"from": from}}});
        self.tell(id, "repository", Some("edited"), &payload::fields(fields))
    }

    fn rename_branch(&mut self, id: RepositoryId, from: &str, to: &str) -> Vec<Letter> {
        let [old, new] = [from, to].map(|name| format!("refs/heads/{name}"));
        let head = self.repository(id).refs.get(&old).copied();
        assert!(head.is_some(), "no branch {from} in repository {id}");
        let taken = self.repository(id).refs.contains_key(&new);
        assert!(!taken, "the branch {to} is there already");
        let made = self.place_ref(id, &new, head);
        let mut letters = self.tell_ref(id, &made);
        letters.extend(self.tell_push(id, &made));
        if self.repository(id).default_branch == from {
            letters.extend(self.set_default_branch(id, to));
        }
        let gone = self.place_ref(id, &old, None);
        letters.extend(self.tell_ref(id, &gone));
        letters.extend(self.tell_push(id, &gone));
        letters
    }
}
