//! Repositories on the disk that a simulated GitHub is filled with.

use std::path::Path;

use anyhow::anyhow;

use crate::simulator::disk::{DiskError, DiskRepository};

/// What GitHub allows in a name, less what a rename adds to it.
const MAX_NAME: usize = 80;

/// Reads the last commits, and says what to do where there are none.
pub(super) async fn open(path: &Path, commits: usize) -> anyhow::Result<DiskRepository> {
    let opened = DiskRepository::open(path, commits).await;
    opened.map_err(|error| match error {
        DiskError::NotARepository { path, said } => anyhow!(
            "{} is not in a git repository: run it in one, or give --repo PATH ({said})",
            path.display()
        ),
        DiskError::NoCommits(path) => anyhow!(
            "the git repository {} has no commits: make one, or give --repo PATH",
            path.display()
        ),
        error => error.into(),
    })
}

/// What the repository is called on GitHub: as its folder, in the letters that GitHub allows.
pub(super) fn name_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = folder.strip_suffix(".git").unwrap_or(&folder);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name: String = folder
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .take(MAX_NAME)
        .collect();
    match name.trim_matches(['.', '-']) {
        "" => "repository".to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_github_allows() {
        let cases = [
            ("/x/bindery", "bindery"),
            ("/x/my templates", "my-templates"),
            ("/x/bare.git", "bare"),
            ("/x/bücher", "b-cher"),
            ("/x/.git", "repository"),
            ("/x/---", "repository"),
            ("/", "repository"),
        ];
        for (path, name) in cases {
            assert_eq!(name_of(Path::new(path)), name, "{path}");
        }
        let long = format!("/{}", "x".repeat(300));
        assert_eq!(name_of(Path::new(&long)).len(), MAX_NAME);
    }
}
