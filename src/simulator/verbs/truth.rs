use std::collections::BTreeMap;

use crate::git::{EntryMode, Oid, TreeEntry};
use crate::github::RepositoryName;
use crate::github::ids::{OwnerId, RepositoryId};
use crate::simulator::Simulator;
use crate::simulator::repository::Repository;
use crate::simulator::tree;

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

    /// What a full ref name (`refs/tags/v1`) points to.
    pub fn ref_at(&self, repository: RepositoryId, full: &str) -> Option<Oid> {
        self.with(|world| world.repository(repository).refs.get(full).copied())
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
