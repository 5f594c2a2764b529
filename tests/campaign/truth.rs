//! What GitHub really has, and what a reader may therefore be shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use bindery::git::{EntryMode, Oid, TreeEntry, hash_tree};
use bindery::github::ids::RepositoryId;
use bindery::simulator::Simulator;

/// What one binding is of.
#[derive(Debug, Clone)]
pub struct Bound {
    pub name: String,
    pub repository: RepositoryId,
    pub branch: &'static str,
    /// No slash; empty for the root.
    pub root: &'static str,
}

impl Bound {
    pub fn full_ref(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }
}

/// What one statement of a reader found under one binding.
#[derive(Debug, Clone)]
pub struct Seen {
    pub binding: String,
    pub bound: i64,
    pub commit: Oid,
    pub content: i64,
    pub source: i64,
    pub tree: Oid,
    /// `mode sha path`, separated by newlines, in the order of the paths.
    pub files: String,
}

/// Every commit that a ref ever held, in the order in which it did.
type Histories = HashMap<(RepositoryId, String), Vec<Oid>>;

pub struct Truth {
    github: Simulator,
    bindings: HashMap<String, Bound>,
    histories: Mutex<Histories>,
    /// Contents that were found to be whole: content, commit and what was listed.
    proven: Mutex<HashMap<(i64, Oid), String>>,
}

/// How far one reader has seen each binding come.
#[derive(Debug, Default)]
pub struct Progress(HashMap<String, usize>);

impl Truth {
    pub fn new(github: Simulator, bindings: Vec<Bound>) -> Self {
        let bindings = bindings.into_iter();
        Self {
            github,
            bindings: bindings.map(|bound| (bound.name.clone(), bound)).collect(),
            histories: Mutex::default(),
            proven: Mutex::default(),
        }
    }

    pub fn bindings(&self) -> impl Iterator<Item = &Bound> {
        self.bindings.values()
    }

    pub fn moved(&self, repository: RepositoryId, branch: &str, to: Oid) {
        let mut histories = lock(&self.histories);
        let full = format!("refs/heads/{branch}");
        histories.entry((repository, full)).or_default().push(to);
    }

    /// The commit that a branch held `back` moves ago.
    pub fn held_before(&self, repository: RepositoryId, branch: &str, back: usize) -> Option<Oid> {
        let histories = lock(&self.histories);
        let history = histories.get(&(repository, format!("refs/heads/{branch}")))?;
        history.iter().rev().nth(back).copied()
    }

    /// The first move to this commit that is not before `from`.
    fn position(&self, bound: &Bound, commit: Oid, from: usize) -> Option<usize> {
        let histories = lock(&self.histories);
        let history = histories.get(&(bound.repository, bound.full_ref()))?;
        let found = history.iter().skip(from).position(|held| *held == commit);
        found.map(|after| from + after)
    }

    /// Whether GitHub's ref ever was at this commit.
    pub fn knows(&self, seen: &Seen) -> bool {
        let bound = self.bindings.get(&seen.binding);
        bound.is_some_and(|bound| self.position(bound, seen.commit, 0).is_some())
    }

    /// What is wrong with what a reader saw, if anything.
    pub fn judge(&self, seen: &Seen, progress: &mut Progress) -> Result<(), String> {
        let Some(bound) = self.bindings.get(&seen.binding) else {
            return Err(format!("I5: nobody asked for a binding {}", seen.binding));
        };
        let id = bound.repository.get();
        if (seen.bound, seen.source) != (id, id) {
            return Err(format!(
                "I5: {} is of repository {id}, is bound to {} and shows {}",
                seen.binding, seen.bound, seen.source
            ));
        }
        self.prove(bound, seen)?;
        self.follow(bound, seen.commit, progress)
    }

    /// I4, for whoever sees a binding again and again.
    pub fn follow(
        &self,
        bound: &Bound,
        commit: Oid,
        progress: &mut Progress,
    ) -> Result<(), String> {
        let last = progress.0.entry(bound.name.clone()).or_default();
        match self.position(bound, commit, *last) {
            Some(position) => {
                *last = position;
                Ok(())
            }
            None => Err(format!(
                "I4: {} went back to {commit}, from move {last} of its branch",
                bound.name
            )),
        }
    }

    /// I6: exactly the tree of that commit, whole.
    fn prove(&self, bound: &Bound, seen: &Seen) -> Result<(), String> {
        let key = (seen.content, seen.commit);
        if lock(&self.proven).get(&key) == Some(&seen.files) {
            return Ok(());
        }
        let whole = self
            .github
            .tree_at(bound.repository, seen.commit, bound.root);
        let listed = tree_of(&seen.files);
        if whole != Some(seen.tree) || listed != Some(seen.tree) {
            return Err(format!(
                "I6: {} at {} has the tree {whole:?}; shown is {} with {listed:?}:\n{}",
                seen.binding, seen.commit, seen.tree, seen.files
            ));
        }
        let mut proven = lock(&self.proven);
        // A content is looked at while it is published, and hardly ever again.
        if proven.len() > 20_000 {
            proven.clear();
        }
        proven.insert(key, seen.files.clone());
        Ok(())
    }
}

/// The git tree that a listing is.
fn tree_of(files: &str) -> Option<Oid> {
    let mut entries = Vec::new();
    for line in files.lines() {
        let mut parts = line.splitn(3, ' ');
        let mode: EntryMode = parts.next()?.parse().ok()?;
        let oid: Oid = parts.next()?.parse().ok()?;
        entries.push((parts.next()?, mode, oid));
    }
    Some(hash_of(&entries))
}

fn hash_of(files: &[(&str, EntryMode, Oid)]) -> Oid {
    let mut entries = Vec::new();
    let mut folders = BTreeMap::<&str, Vec<(&str, EntryMode, Oid)>>::new();
    for (path, mode, oid) in files {
        match path.split_once('/') {
            Some((folder, rest)) => folders.entry(folder).or_default().push((rest, *mode, *oid)),
            None => entries.push(TreeEntry {
                mode: *mode,
                name: (*path).to_owned(),
                oid: *oid,
            }),
        }
    }
    for (name, files) in folders {
        entries.push(TreeEntry {
            mode: EntryMode::Directory,
            name: name.to_owned(),
            oid: hash_of(&files),
        });
    }
    hash_tree(&entries)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
