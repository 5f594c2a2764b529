//! Which folder is bound, when nobody says.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::git::Git;
use crate::binding::RootPath;
use crate::git::Oid;

/// Of the folders that are there at the last commit, the one that most of these commits changed; `/`
/// when they changed none.
pub(super) async fn busiest_folder_of(git: &Git, commits: &[Oid]) -> anyhow::Result<RootPath> {
    let mut changes = Vec::new();
    for (before, after) in commits.iter().zip(commits.iter().skip(1)) {
        changes.push(git.changed(*before, *after).await?);
    }
    let mut files = Vec::new();
    if let Some(last) = commits.last() {
        let listed = git.list(*last).await?;
        files.extend(listed.into_iter().filter(|entry| entry.mode.is_file()));
    }
    let files = files.iter().map(|entry| entry.path.as_str());
    Ok(busiest_folder(&changes, files))
}

fn busiest_folder<'a>(changes: &[Vec<String>], files: impl Iterator<Item = &'a str>) -> RootPath {
    let present: BTreeSet<&str> = files.flat_map(folders).collect();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for paths in changes {
        let touched: BTreeSet<&str> = paths.iter().flat_map(|path| folders(path)).collect();
        for folder in touched.intersection(&present) {
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

/// `a` and `a/b` of `a/b/c`
fn folders(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(slash, _)| &path[..slash])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(changes: &[&[&str]], files: &[&str]) -> String {
        let owned = |paths: &&[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        let changes: Vec<Vec<String>> = changes.iter().map(owned).collect();
        busiest_folder(&changes, files.iter().copied())
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
    fn passes_over_what_cannot_be_bound() {
        let files = [".git./x", "a/x"];
        assert_eq!(
            chosen(&[&[".git./x"], &[".git./x"], &["a/x"]], &files),
            "/a"
        );
    }
}
