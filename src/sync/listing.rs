//! What lies under a root path: walked, listed, and proven against the tree's own sha.

use std::collections::{BTreeMap, BTreeSet};

use super::locate::Located;
use super::stop::{Learnt, Step, Stop};
use crate::binding::RootPath;
use crate::config::SyncConfig;
use crate::git::path::check_path;
use crate::git::{EntryMode, Oid, TreeEntry, hash_tree};
use crate::github::client::{Commit, Listing, Tree, TreeItem};

/// One entry below the root path that is no directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) mode: EntryMode,
    pub(super) oid: Oid,
    pub(super) size: u64,
}

pub(super) struct Lister<'a> {
    pub(super) located: &'a Located,
    pub(super) limits: &'a SyncConfig,
    pub(super) learnt: &'a Learnt,
}

impl Lister<'_> {
    /// The tree under the root path, by walking only the path's own trees.
    pub(super) async fn tree_under(&self, commit: Commit, root: &RootPath) -> Step<Oid> {
        let mut tree = commit.tree;
        for segment in root.segments() {
            let entries = read(&self.list(tree, Listing::Shallow).await?)?;
            prove(tree, &entries)?;
            let found = entries.iter().find(|entry| entry.path == segment);
            tree = match found {
                Some(entry) if entry.mode == EntryMode::Directory => entry.oid,
                Some(_) => {
                    return Err(Stop::discard(format!(
                        "the root path {root} is not a folder at {}",
                        commit.sha
                    )));
                }
                None => {
                    return Err(Stop::discard(format!(
                        "there is no {root} in the repository at {}",
                        commit.sha
                    )));
                }
            };
        }
        Ok(tree)
    }

    /// Everything below a tree. A listing that GitHub cut short is not believed: that tree is listed
    /// by itself, and each folder of it again.
    pub(super) async fn entries_of(&self, tree: Oid) -> Step<Vec<Entry>> {
        let (mut found, mut seen) = (Vec::new(), 0);
        let mut folders = vec![(String::new(), tree)];
        while let Some((prefix, tree)) = folders.pop() {
            let listed = self.list(tree, Listing::Recursive).await?;
            let listed = if listed.truncated {
                self.list(tree, Listing::Shallow).await?
            } else {
                listed
            };
            let entries = read(&listed)?;
            // A folder whose own entries are not listed is still to be walked.
            let walked = prove(tree, &entries)?;
            // Folders count, too: a tree of nothing else must end as well.
            seen += entries.len();
            self.check_count(seen)?;
            for entry in entries {
                let path = format!("{prefix}{}", entry.path);
                if entry.mode != EntryMode::Directory {
                    self.check(&path)?;
                    found.push(Entry { path, ..entry });
                } else if !walked.contains(&entry.path) {
                    folders.push((format!("{path}/"), entry.oid));
                }
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        self.check_sizes(&found)?;
        Ok(found)
    }

    async fn list(&self, tree: Oid, listing: Listing) -> Step<Tree> {
        // GitHub has no object for it, and there is nothing to learn.
        if tree == hash_tree(&[]) {
            return Ok(Tree {
                sha: tree,
                entries: Vec::new(),
                truncated: false,
            });
        }
        let Located {
            app,
            installation,
            repository,
        } = self.located;
        let listed = app
            .github
            .tree(installation.github_id, repository.github_id, tree, listing)
            .await;
        let listed =
            listed.map_err(|error| Stop::of(error, self.learnt.clone(), "listing a folder"))?;
        if listed.truncated && listing == Listing::Shallow {
            return Err(Stop::discard(
                "a single folder has more entries than GitHub lists",
            ));
        }
        Ok(listed)
    }

    fn check(&self, path: &str) -> Step<()> {
        check_path(path).map_err(|unsafe_name| {
            Stop::discard(format!(
                "the tree is refused: {} has {unsafe_name}",
                shown(path)
            ))
        })
    }

    fn check_count(&self, entries: usize) -> Step<()> {
        let limit = self.limits.max_files as usize;
        if entries > limit {
            return Err(Stop::discard(format!(
                "too_large: more than {limit} files and folders under the root path (BINDERY_SYNC_MAX_FILES)"
            )));
        }
        Ok(())
    }

    fn check_sizes(&self, entries: &[Entry]) -> Step<()> {
        let (max_file, max_total) = (self.limits.max_file, self.limits.max_total);
        let files = || entries.iter().filter(|entry| entry.mode.is_file());
        if let Some(entry) = files().find(|entry| entry.size > max_file.as_u64()) {
            return Err(Stop::discard(format!(
                "too_large: {} has {} bytes, more than {max_file} (BINDERY_SYNC_MAX_FILE)",
                shown(&entry.path),
                entry.size
            )));
        }
        let total: u64 = files().map(|entry| entry.size).sum();
        if total > max_total.as_u64() {
            return Err(Stop::discard(format!(
                "too_large: {total} bytes under the root path, more than {max_total} (BINDERY_SYNC_MAX_TOTAL)"
            )));
        }
        Ok(())
    }
}

/// A contributor's name of a file, fit for a log and a terminal: git takes line ends and escapes in names.
fn shown(name: &str) -> String {
    const MAX_CHARS: usize = 200;
    let mut chars = name.chars();
    let mut shown: String = chars
        .by_ref()
        .take(MAX_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Gives GitHub's words types; paths are relative to the tree listed.
pub(super) fn read(tree: &Tree) -> Step<Vec<Entry>> {
    let entry = |item: &TreeItem| -> Step<Entry> {
        let mode = item
            .mode
            .parse::<EntryMode>()
            .map_err(|error| anyhow::anyhow!("{}: {error}", shown(&item.mode)))?;
        Ok(Entry {
            path: item.path.clone(),
            mode,
            oid: item.oid,
            size: item.size.unwrap_or(0),
        })
    };
    tree.entries.iter().map(entry).collect()
}

/// Proves that a listing is whole and unchanged: folders hash to the shas that name them, up to the
/// tree asked for. Which folders were listed with their entries is told.
pub(super) fn prove(tree: Oid, entries: &[Entry]) -> Step<BTreeSet<String>> {
    let mut folders: BTreeMap<&str, Vec<TreeEntry>> = BTreeMap::from([("", Vec::new())]);
    for entry in entries {
        let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        let entry = TreeEntry {
            mode: entry.mode,
            name: name.to_owned(),
            oid: entry.oid,
        };
        folders.entry(folder).or_default().push(entry);
    }
    let mut named: BTreeMap<&str, Oid> = BTreeMap::from([("", tree)]);
    let directories = entries
        .iter()
        .filter(|entry| entry.mode == EntryMode::Directory);
    named.extend(directories.map(|entry| (entry.path.as_str(), entry.oid)));
    for (folder, entries) in &folders {
        if named.get(folder) != Some(&hash_tree(entries)) {
            let what = if folder.is_empty() {
                "the tree".to_owned()
            } else {
                format!("the folder {}", shown(folder))
            };
            return Err(Stop::Error(anyhow::anyhow!(
                "GitHub's listing of {what} does not add up to its sha: it is cut, or holds a name that is not UTF-8"
            )));
        }
    }
    Ok(folders.keys().map(|folder| (*folder).to_owned()).collect())
}
