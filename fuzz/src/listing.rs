//! What a contributor's tree and template may be.

use bindery::git::{EntryMode, Oid, TreeEntry, hash_tree};
use bindery::github::client::{Tree, TreeItem};
use bindery::sync::fuzz;

use super::assert_sayable;

/// Any JSON: read, and hardly ever believed.
pub(super) fn listing(bytes: &[u8]) {
    let Ok(tree) = serde_json::from_slice::<Tree>(bytes) else {
        return;
    };
    if let Err(error) = fuzz::listing(&tree) {
        assert_sayable(&error, 1_000);
    }
}

/// A name a line makes a tree of files: believed as it is, and not when anything of it was changed.
pub(super) fn made(bytes: &[u8]) {
    let names: std::collections::BTreeSet<String> = bytes
        .split(|byte| *byte == b'\n')
        .map(|line| String::from_utf8_lossy(line).replace(['/', '\0'], "-"))
        .filter(|name| !name.is_empty())
        .collect();
    let entry = |name: &String| TreeEntry {
        mode: EntryMode::File,
        name: name.clone(),
        oid: Oid::from_bytes([7; 20]),
    };
    let entries: Vec<TreeEntry> = names.iter().map(entry).collect();
    let mut tree = Tree {
        sha: hash_tree(&entries),
        entries: entries.iter().map(item).collect(),
        truncated: false,
    };
    let listed = fuzz::listing(&tree).expect("a true listing is believed");
    assert!(listed.iter().eq(&names));
    if tree.entries.pop().is_some() {
        let error = fuzz::listing(&tree).expect_err("a cut listing is not");
        assert_sayable(&error, 1_000);
    }
}

fn item(entry: &TreeEntry) -> TreeItem {
    TreeItem {
        path: entry.name.clone(),
        mode: entry.mode.to_string(),
        kind: "blob".to_owned(),
        oid: entry.oid,
        size: Some(1),
    }
}

pub(super) fn template(bytes: &[u8]) {
    if let Some(error) = fuzz::template(bytes) {
        assert_sayable(&error, 1_000);
    }
}
