use std::collections::BTreeMap;

use super::{EntryMode, Oid, TreeEntry, hash_tree};

/// What git would call the tree that holds these files, given by their whole paths in any order.
///
/// Modes count as they are written today, so a [`EntryMode::GroupWritable`] as a plain file.
pub fn hash_listing<'a>(files: impl IntoIterator<Item = (&'a str, EntryMode, Oid)>) -> Oid {
    let mut folders: BTreeMap<&str, Vec<TreeEntry>> = BTreeMap::from([("", Vec::new())]);
    for (path, mode, oid) in files {
        add(&mut folders, path, mode.written_today(), oid);
    }
    // The last in order has no folder left below it: `a/b` comes after `a`.
    loop {
        match folders.pop_last() {
            Some((path, entries)) if !path.is_empty() => {
                add(
                    &mut folders,
                    path,
                    EntryMode::Directory,
                    hash_tree(&entries),
                );
            }
            root => return hash_tree(&root.map(|(_, entries)| entries).unwrap_or_default()),
        }
    }
}

fn add<'a>(
    folders: &mut BTreeMap<&'a str, Vec<TreeEntry>>,
    path: &'a str,
    mode: EntryMode,
    oid: Oid,
) {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let name = name.to_owned();
    folders
        .entry(folder)
        .or_default()
        .push(TreeEntry { mode, name, oid });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::{ObjectKind, hash_object};

    fn blob(text: &str) -> Oid {
        hash_object(ObjectKind::Blob, text.as_bytes())
    }

    #[test]
    fn folders_are_hashed_into_their_parents() {
        let entry = |mode, name: &str, oid| TreeEntry {
            mode,
            name: name.into(),
            oid,
        };
        let deep = hash_tree(&[entry(EntryMode::File, "c", blob("1"))]);
        let folder = hash_tree(&[
            entry(EntryMode::Directory, "b", deep),
            entry(EntryMode::Executable, "x", blob("2")),
        ]);
        let root = hash_tree(&[
            entry(EntryMode::Directory, "a", folder),
            entry(EntryMode::File, "a-b", blob("3")),
        ]);
        let files = [
            ("a/x", EntryMode::Executable, blob("2")),
            ("a-b", EntryMode::GroupWritable, blob("3")),
            ("a/b/c", EntryMode::File, blob("1")),
        ];
        assert_eq!(hash_listing(files), root);
        assert_eq!(hash_listing([]), hash_tree(&[]));
        assert_ne!(hash_listing(files.into_iter().take(2)), root);
    }
}
