//! Which folder is bound, when nobody says.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::git::Git;
use crate::binding::RootPath;
use crate::git::Oid;

/// Of the folders that are there from the first of these commits to the last, the one that most of
/// them changed; `/` when they changed none.
pub(super) async fn busiest_folder_of(git: &Git, commits: &[Oid]) -> anyhow::Result<RootPath> {
    let mut changes = Vec::new();
    for (before, after) in commits.iter().zip(commits.iter().skip(1)) {
        changes.push(git.changed(*before, *after).await?);
    }
    let ends = [commits.first(), commits.last()];
    let mut present = Vec::new();
    for commit in ends.into_iter().flatten() {
        present.push(git.files(*commit).await?);
    }
    Ok(busiest_folder(&changes, &present))
}

/// `present` are lists of files; a folder has to be in each.
fn busiest_folder(changes: &[Vec<String>], present: &[Vec<String>]) -> RootPath {
    let present: Vec<BTreeSet<&str>> = present.iter().map(|files| folders_of(files)).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for paths in changes {
        let mut touched = folders_of(paths);
        touched.retain(|folder| present.iter().all(|folders| folders.contains(folder)));
        for folder in touched {
            *counts.entry(folder).or_default() += 1;
        }
    }
    let busiest = counts
        .into_iter()
        .filter_map(|(folder, count)| Some((folder.parse::<RootPath>().ok()?, count)))
        // Changed as often: the more particular one, then the first by name.
        .max_by_key(|(folder, count)| {
            let name = folder.as_str().to_owned();
            (*count, folder.segments().count(), Reverse(name))
        });
    busiest.map(|(folder, _)| folder).unwrap_or_default()
}

/// Every folder that a file is in, directly or not.
fn folders_of(files: &[String]) -> BTreeSet<&str> {
    files.iter().flat_map(|file| above(file)).collect()
}

/// `a` and `a/b` of `a/b/c`
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(slash, _)| &path[..slash])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(files: &[&str]) -> Vec<String> {
        files.iter().map(|file| (*file).to_owned()).collect()
    }

    fn chosen(changes: &[&[&str]], files: &[&str]) -> String {
        let changes: Vec<_> = changes.iter().map(|paths| owned(paths)).collect();
        busiest_folder(&changes, &[owned(files)])
            .as_str()
            .to_owned()
    }

    #[test]
    fn binds_what_changes_most_often() {
        let files = ["a/1", "a/x/1", "b/1", "top"];
        let cases: [(&str, &[&[&str]], &str); 6] = [
            (
                "in commits, not in files",
                &[&["a/1", "a/2", "a/3"], &["b/1"], &["b/2"]],
                "/b",
            ),
            ("the deeper of two", &[&["a/x/1"], &["a/x/2"]], "/a/x"),
            ("the one above both", &[&["a/x/1"], &["a/1"]], "/a"),
            ("the first by name", &[&["b/1", "a/1"]], "/a"),
            (
                "one that is still there",
                &[&["gone/1"], &["gone/2"], &["b/1"]],
                "/b",
            ),
            ("the root when no folder changed", &[&["top"]], "/"),
        ];
        for (what, changes, folder) in cases {
            assert_eq!(chosen(changes, &files), folder, "{what}");
        }
        assert_eq!(chosen(&[], &[]), "/");
    }

    #[test]
    fn it_is_there_from_the_first_commit_to_the_last() {
        let changes = [
            owned(&["new/1", "gone/1", "a/1"]),
            owned(&["new/2", "gone/2"]),
        ];
        let present = [owned(&["gone/1", "a/1"]), owned(&["new/2", "a/1"])];
        assert_eq!(busiest_folder(&changes, &present).as_str(), "/a");
    }

    #[test]
    fn passes_over_what_cannot_be_bound() {
        let files = [".git./x", "a/x"];
        assert_eq!(
            chosen(&[&[".git./x"], &[".git./x"], &["a/x"]], &files),
            "/a"
        );
    }
}
