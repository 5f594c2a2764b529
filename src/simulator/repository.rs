use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::git::{EntryMode, ObjectKind, Oid};
use crate::github::ids::{OwnerId, RepositoryId};

use super::change::{Change, Step};
use super::objects::{Commit, Objects, Signature};
use super::tree::{self, Changed, Edit};

/// A repository with its objects, its refs and how the refs came there.
#[derive(Debug)]
pub(super) struct Repository {
    pub(super) id: RepositoryId,
    pub(super) owner: OwnerId,
    pub(super) name: String,
    pub(super) private: bool,
    pub(super) archived: bool,
    /// What it was copied from.
    pub(super) parent: Option<RepositoryId>,
    pub(super) default_branch: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) pushed_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) objects: Objects,
    /// By full name: `refs/heads/main`.
    pub(super) refs: BTreeMap<String, Oid>,
    moves: Vec<RefMove>,
}

/// One move of a ref, kept so that the API can be made to lag behind it.
#[derive(Debug)]
struct RefMove {
    full: String,
    before: Option<Oid>,
    at: DateTime<Utc>,
}

impl Repository {
    pub(super) fn new(id: RepositoryId, owner: OwnerId, name: &str, now: DateTime<Utc>) -> Self {
        Self {
            id,
            owner,
            name: name.to_owned(),
            private: true,
            archived: false,
            parent: None,
            default_branch: "main".to_owned(),
            created_at: now,
            pushed_at: now,
            updated_at: now,
            objects: Objects::default(),
            refs: BTreeMap::new(),
            moves: Vec::new(),
        }
    }

    /// A copy for another owner, with all refs and objects.
    pub(super) fn fork(
        &self,
        id: RepositoryId,
        owner: OwnerId,
        name: &str,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            private: self.private,
            parent: Some(self.id),
            default_branch: self.default_branch.clone(),
            pushed_at: self.pushed_at,
            objects: self.objects.clone(),
            refs: self.refs.clone(),
            ..Self::new(id, owner, name, now)
        }
    }

    /// Moves, makes (`before` was none) or deletes (`after` is none) a ref; answers what it was.
    pub(super) fn move_ref(
        &mut self,
        full: &str,
        after: Option<Oid>,
        now: DateTime<Utc>,
    ) -> Option<Oid> {
        let before = match after {
            Some(oid) => self.refs.insert(full.to_owned(), oid),
            None => self.refs.remove(full),
        };
        let full = full.to_owned();
        self.moves.push(RefMove {
            full,
            before,
            at: now,
        });
        self.pushed_at = now;
        before
    }

    /// The refs as an API sees them that is `lag` behind.
    pub(super) fn seen_refs(&self, now: DateTime<Utc>, lag: Duration) -> BTreeMap<&str, Oid> {
        let mut seen: BTreeMap<&str, Oid> = self
            .refs
            .iter()
            .map(|(full, oid)| (full.as_str(), *oid))
            .collect();
        let unseen = |moved: &&RefMove| moved.at + lag > now;
        for moved in self.moves.iter().rev().take_while(unseen) {
            match moved.before {
                Some(oid) => seen.insert(&moved.full, oid),
                None => seen.remove(moved.full.as_str()),
            };
        }
        seen
    }

    /// Writes one commit on top of `parent`; no ref moves.
    pub(super) fn commit(
        &mut self,
        parent: Option<Oid>,
        change: &Change,
        author: Signature,
        number: usize,
    ) -> Oid {
        let base = parent
            .filter(|_| !change.cleared)
            .and_then(|oid| self.objects.root_tree(oid));
        let edits: Vec<(&str, Edit)> = change
            .steps
            .iter()
            .map(|(path, step)| (path.as_str(), self.store(step)))
            .collect();
        let tree = tree::edit(&mut self.objects, base, edits);
        let message = change
            .message
            .clone()
            .unwrap_or_else(|| format!("Change {number}\n"));
        self.objects.put_commit(&Commit {
            tree,
            parents: parent.into_iter().collect(),
            committer: author.clone(),
            author,
            message,
        })
    }

    fn store(&mut self, step: &Step) -> Edit {
        match step {
            Step::Write(mode, bytes) => {
                Edit::Put(*mode, self.objects.put(ObjectKind::Blob, bytes.as_slice()))
            }
            Step::Submodule(oid) => Edit::Put(EntryMode::Submodule, *oid),
            Step::Remove => Edit::Remove,
        }
    }

    /// What a commit changed against its first parent; against nothing where that is not here.
    pub(super) fn changed_by(&self, commit: &Commit) -> Changed {
        let parent = commit.parents.first().copied();
        let old = parent.and_then(|oid| self.objects.root_tree(oid));
        Changed::between(&self.objects, old, Some(commit.tree))
    }

    /// The commits reachable from `tip` and from none of `known`, oldest first.
    pub(super) fn ahead(&self, tip: Oid, known: impl IntoIterator<Item = Oid>) -> Vec<Oid> {
        let known: Vec<Oid> = known.into_iter().collect();
        if let Some(line) = self.straight_line(tip, &known) {
            return line;
        }
        let seen = self.reachable(known);
        let mut ahead = self.children_first(tip, &seen);
        ahead.reverse();
        ahead
    }

    /// The common case without reading the whole history: single parents from `tip` down to a known one.
    fn straight_line(&self, tip: Oid, known: &[Oid]) -> Option<Vec<Oid>> {
        let mut line = Vec::new();
        let mut at = tip;
        while !known.contains(&at) {
            let [parent] = self.objects.commit(at)?.parents[..] else {
                return None;
            };
            line.push(at);
            at = parent;
        }
        line.reverse();
        Some(line)
    }

    pub(super) fn reachable(&self, tips: Vec<Oid>) -> HashSet<Oid> {
        let mut seen = HashSet::new();
        let mut waiting = tips;
        while let Some(oid) = waiting.pop() {
            if seen.insert(oid) {
                waiting.extend(self.objects.commit(oid).into_iter().flat_map(|c| c.parents));
            }
        }
        seen
    }

    /// Every commit reachable from `tip` and not in `stop`, children before their parents.
    fn children_first(&self, tip: Oid, stop: &HashSet<Oid>) -> Vec<Oid> {
        let mut commits: HashMap<Oid, Commit> = HashMap::new();
        let mut waiting = vec![tip];
        while let Some(oid) = waiting.pop() {
            if stop.contains(&oid) || commits.contains_key(&oid) {
                continue;
            }
            if let Some(commit) = self.objects.commit(oid) {
                waiting.extend(&commit.parents);
                commits.insert(oid, commit);
            }
        }
        topological(&commits)
    }

    pub(super) fn is_ancestor(&self, ancestor: Oid, of: Oid) -> bool {
        self.straight_line(of, &[ancestor]).is_some()
            || self.reachable(vec![of]).contains(&ancestor)
    }
}

/// Children before parents; among equals the younger first.
fn topological(commits: &HashMap<Oid, Commit>) -> Vec<Oid> {
    let mut children: HashMap<Oid, usize> = HashMap::new();
    for parent in commits.values().flat_map(|commit| &commit.parents) {
        *children.entry(*parent).or_default() += 1;
    }
    let age = |oid: &Oid| (commits[oid].committer.at, *oid);
    let mut ready: Vec<Oid> = commits
        .keys()
        .filter(|oid| !children.contains_key(oid))
        .copied()
        .collect();
    let mut sorted = Vec::with_capacity(commits.len());
    while let Some(oid) = {
        ready.sort_by_key(age);
        ready.pop()
    } {
        sorted.push(oid);
        for parent in &commits[&oid].parents {
            if let Some(left) = children.get_mut(parent) {
                *left -= 1;
                if *left == 0 && commits.contains_key(parent) {
                    ready.push(*parent);
                }
            }
        }
    }
    sorted
}
