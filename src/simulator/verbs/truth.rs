use std::collections::BTreeMap;

use crate::git::{EntryMode, Oid, TreeEntry};
use crate::github::RepositoryName;
use crate::github::ids::{InstallationId, OwnerId, RepositoryId};
use crate::simulator::Simulator;
use crate::simulator::repository::Repository;
use crate::simulator::tree;

/// What is so of one repository, whatever the API says and whoever was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryTruth {
    pub name: RepositoryName,
    pub owner: OwnerId,
    pub private: bool,
    pub archived: bool,
    pub default_branch: String,
    /// The installation that covers it; `None` when it was uninstalled, or the repository not selected.
    pub installation: Option<InstallationId>,
    /// Whether that installation is suspended.
    pub suspended: bool,
}

/// What is so on this GitHub, whatever its API says: for assertions.
impl Simulator {
    /// # Panics
    ///
    /// If there is no such branch.
    pub fn head(&self, repository: RepositoryId, branch: &str) -> Oid {
        match self.ref_at(repository, &format!("refs/heads/{branch}")) {
            Some(oid) => oid,
            None => panic!("no branch {branch} in repository {repository}"),
        }
    }

    /// `None` once the repository is deleted.
    pub fn truth(&self, repository: RepositoryId) -> Option<RepositoryTruth> {
        self.with(|world| {
            let found = world.repositories.get(&repository)?;
            let installation = world.installation_of(self.app, found);
            Some(RepositoryTruth {
                name: world.name_of(found),
                owner: found.owner,
                private: found.private,
                archived: found.archived,
                default_branch: found.default_branch.clone(),
                installation: installation.map(|it| it.id),
                suspended: installation.is_some_and(|it| it.suspended_at.is_some()),
            })
        })
    }

    pub fn exists(&self, repository: RepositoryId) -> bool {
        self.with(|world| world.repositories.contains_key(&repository))
    }

    /// By id, those that are there now.
    pub fn repositories(&self) -> Vec<RepositoryId> {
        self.with(|world| world.repositories.keys().copied().collect())
    }

    /// What a full ref name (`refs/tags/v1`) points to; nothing once the repository is deleted.
    pub fn ref_at(&self, repository: RepositoryId, full: &str) -> Option<Oid> {
        self.with(|world| {
            let found = world.repositories.get(&repository)?;
            found.refs.get(full).copied()
        })
    }

    /// Every ref by its full name.
    pub fn refs(&self, repository: RepositoryId) -> BTreeMap<String, Oid> {
        self.with(|world| world.repository(repository).refs.clone())
    }

    /// The tree under a path (`""` for the root) of what a full ref name points to now; nothing where
    /// there is no such repository, ref or directory.
    pub fn tree_of_ref(&self, repository: RepositoryId, full: &str, path: &str) -> Option<Oid> {
        self.with(|world| {
            let found = world.repositories.get(&repository)?;
            directory(found, *found.refs.get(full)?, path)
        })
    }

    pub fn is_suspended(&self, installation: InstallationId) -> bool {
        self.with(|world| world.installation_mut(installation).suspended_at.is_some())
    }

    /// The installation that an account has now.
    pub fn installation_on(&self, login: &str) -> Option<InstallationId> {
        self.with(|world| {
            let account = world.find_owner(login)?.id;
            Some(world.installation_on(self.app, account)?.id)
        })
    }

    /// Where the API redirects from a former name.
    pub fn redirect_of(&self, owner: &str, name: &str) -> Option<RepositoryId> {
        let name = RepositoryName::new(owner, name);
        self.with(|world| match world.find_repository(&name) {
            Some(_) => None,
            None => world.find_redirect(&name).map(|found| found.id),
        })
    }

    /// The repository that is called so now.
    pub fn repository_named(&self, owner: &str, name: &str) -> Option<RepositoryId> {
        let name = RepositoryName::new(owner, name);
        self.with(|world| world.find_repository(&name).map(|found| found.id))
    }

    /// What the repository is called now; `None` once it is deleted.
    pub fn name_of(&self, repository: RepositoryId) -> Option<RepositoryName> {
        self.with(|world| {
            let found = world.repositories.get(&repository)?;
            Some(world.name_of(found))
        })
    }

    pub fn owner_of(&self, repository: RepositoryId) -> OwnerId {
        self.with(|world| world.repository(repository).owner)
    }

    /// The tree under a path (`""` for the root) of a commit; `None` where there is no directory.
    pub fn tree_at(&self, repository: RepositoryId, commit: Oid, path: &str) -> Option<Oid> {
        self.with(|world| directory(world.repository(repository), commit, path))
    }

    /// Every file under a path of a commit: by its path from there, with mode and bytes (none for a submodule).
    pub fn files_at(
        &self,
        repository: RepositoryId,
        commit: Oid,
        path: &str,
    ) -> BTreeMap<String, (EntryMode, Vec<u8>)> {
        self.with(|world| {
            let repository = world.repository(repository);
            let mut files = BTreeMap::new();
            if let Some(root) = directory(repository, commit, path) {
                tree::walk(&repository.objects, root, "", &mut |path, entry| {
                    if entry.mode != EntryMode::Directory {
                        files.insert(path.to_owned(), content(repository, entry));
                    }
                });
            }
            files
        })
    }
}

fn directory(repository: &Repository, commit: Oid, path: &str) -> Option<Oid> {
    let root = repository.objects.root_tree(commit)?;
    let found = tree::find(&repository.objects, root, path)?;
    (found.mode == EntryMode::Directory).then_some(found.oid)
}

fn content(repository: &Repository, entry: &TreeEntry) -> (EntryMode, Vec<u8>) {
    let bytes = repository.objects.blob(entry.oid);
    (entry.mode, bytes.map(|b| b.to_vec()).unwrap_or_default())
}
