//! A hint that saves work, never a truth: whether a payload *proves* that nothing under a root path
//! changed. In doubt it does not.

use crate::binding::RootPath;
use crate::git::Oid;
use crate::github::event::{Push, PushCommit};

/// GitHub lists at most this many commits in a push.
const MAX_COMMITS: usize = 2048;
/// And at most this many files in each of a commit's lists.
const MAX_FILES: usize = 3000;

/// `reconciled` is the commit that the binding holds: when the push does not begin there, an earlier
/// one was lost.
pub(super) fn proves_untouched(push: &Push, root: &RootPath, reconciled: Option<Oid>) -> bool {
    let Some(commits) = push.commits.as_deref() else {
        return false;
    };
    let complete =
        !commits.is_empty() && commits.len() < MAX_COMMITS && commits.iter().all(is_complete);
    let plain = !push.created && !push.forced && !push.is_deletion() && !push.before.is_zero();
    complete
        && plain
        && reconciled == Some(push.before)
        && commits
            .iter()
            .flat_map(paths)
            .all(|path| !root.contains(path))
}

fn is_complete(commit: &PushCommit) -> bool {
    let listed = commit.added.len() + commit.modified.len() + commit.removed.len();
    listed > 0 && listed < MAX_FILES
}

fn paths(commit: &PushCommit) -> impl Iterator<Item = &str> {
    commit
        .added
        .iter()
        .chain(&commit.modified)
        .chain(&commit.removed)
        .map(String::as_str)
}
