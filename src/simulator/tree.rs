use std::collections::BTreeMap;

use crate::git::{EntryMode, Oid, TreeEntry};

use super::objects::Objects;

/// What happens to one path of a tree.
#[derive(Debug, Clone, Copy)]
pub(super) enum Edit {
    Put(EntryMode, Oid),
    /// A file, or a directory with all that is under it.
    Remove,
}

/// The root tree after the edits, applied in their order. Only the directories on an edited path are
/// written anew. Names are taken as they come, so that a test can write what git would refuse.
pub(super) fn edit(objects: &mut Objects, base: Option<Oid>, edits: Vec<(&str, Edit)>) -> Oid {
    edit_directory(objects, base, edits).unwrap_or_else(|| objects.put_tree(&[]))
}

/// `None` when nothing is left: git has no empty directories.
fn edit_directory(
    objects: &mut Objects,
    base: Option<Oid>,
    edits: Vec<(&str, Edit)>,
) -> Option<Oid> {
    let mut entries = by_name(objects, base);
    let mut below: BTreeMap<&str, Vec<(&str, Edit)>> = BTreeMap::new();
    for (path, edit) in edits {
        if let Some((name, rest)) = path.split_once('/') {
            below.entry(name).or_default().push((rest, edit));
            continue;
        }
        below.remove(path);
        match edit {
            Edit::Put(mode, oid) => {
                entries.insert(path.to_owned(), entry(mode, path, oid));
            }
            Edit::Remove => {
                entries.remove(path);
            }
        }
    }
    for (name, edits) in below {
        let base = directory(entries.get(name));
        if let Some(oid) = edit_directory(objects, base, edits) {
            entries.insert(name.to_owned(), entry(EntryMode::Directory, name, oid));
        } else if base.is_some() {
            entries.remove(name);
        }
    }
    let entries: Vec<TreeEntry> = entries.into_values().collect();
    (!entries.is_empty()).then(|| objects.put_tree(&entries))
}

fn entry(mode: EntryMode, name: &str, oid: Oid) -> TreeEntry {
    TreeEntry {
        mode,
        name: name.to_owned(),
        oid,
    }
}

fn directory(entry: Option<&TreeEntry>) -> Option<Oid> {
    entry
        .filter(|entry| entry.mode == EntryMode::Directory)
        .map(|entry| entry.oid)
}

fn by_name(objects: &Objects, tree: Option<Oid>) -> BTreeMap<String, TreeEntry> {
    tree.and_then(|oid| objects.tree(oid))
        .unwrap_or_default()
        .into_iter()
        .map(|entry| (entry.name.clone(), entry))
        .collect()
}

/// The entry at a path; `""` and `/` are the root itself.
pub(super) fn find(objects: &Objects, root: Oid, path: &str) -> Option<TreeEntry> {
    let mut found = entry(EntryMode::Directory, "", root);
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let tree = directory(Some(&found))?;
        found = objects.tree(tree)?.into_iter().find(|e| e.name == name)?;
    }
    Some(found)
}

/// Visits every entry below a tree, directories too, parents first, in git's order.
pub(super) fn walk(
    objects: &Objects,
    tree: Oid,
    prefix: &str,
    visit: &mut impl FnMut(&str, &TreeEntry),
) {
    for entry in objects.tree(tree).unwrap_or_default() {
        let path = join(prefix, &entry.name);
        visit(&path, &entry);
        if entry.mode == EntryMode::Directory {
            walk(objects, entry.oid, &path, visit);
        }
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}/{name}")
    }
}

/// The paths in which two trees differ, each list sorted as git sorts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) added: Vec<String>,
    pub(super) modified: Vec<String>,
    pub(super) removed: Vec<String>,
}

impl Changed {
    pub(super) fn between(objects: &Objects, old: Option<Oid>, new: Option<Oid>) -> Self {
        let mut changed = Self::default();
        changed.compare(objects, old, new, "");
        changed
    }

    fn compare(&mut self, objects: &Objects, old: Option<Oid>, new: Option<Oid>, prefix: &str) {
        if old == new {
            return;
        }
        let mut olds = by_name(objects, old);
        for new in by_name(objects, new).into_values() {
            let path = join(prefix, &new.name);
            let old = olds.remove(&new.name);
            self.compare_entry(objects, old.as_ref(), Some(&new), &path);
        }
        for old in olds.into_values() {
            let path = join(prefix, &old.name);
            self.compare_entry(objects, Some(&old), None, &path);
        }
    }

    fn compare_entry(
        &mut self,
        objects: &Objects,
        old: Option<&TreeEntry>,
        new: Option<&TreeEntry>,
        path: &str,
    ) {
        if old == new {
            return;
        }
        self.compare(objects, directory(old), directory(new), path);
        let is_leaf = |entry: Option<&TreeEntry>| entry.is_some() && directory(entry).is_none();
        match (is_leaf(old), is_leaf(new)) {
            (true, true) => self.modified.push(path.to_owned()),
            (true, false) => self.removed.push(path.to_owned()),
            (false, true) => self.added.push(path.to_owned()),
            (false, false) => {}
        }
    }
}
