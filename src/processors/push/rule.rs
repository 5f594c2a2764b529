//! The rule of matching: does this push concern this binding, and if not, why not?

use super::path_filter::proves_untouched;
use crate::binding::{Binding, RootPath, Status};
use crate::git::{GitRef, Oid};
use crate::github::RepositoryName;
use crate::github::event::{Push, PushRepository};
use crate::github::ids::RepositoryId;
use crate::repository::Repository;

/// What is known of a binding, as far as a push could concern it.
#[derive(Debug, Clone)]
pub struct BindingFacts {
    /// What it is, once it has synced. Then its name says nothing any more.
    pub repository: Option<RepositoryId>,
    /// By which it goes until then.
    pub requested: RepositoryName,
    /// Whether the organisation may bind what the delivery's installation covers. Without, its jobs
    /// would tell it of pushes to a private repository.
    pub granted: bool,
    /// `None`: the default branch.
    pub wanted: Option<GitRef>,
    /// The default branch as far as we know it.
    pub default_branch: Option<String>,
    pub root: RootPath,
    /// The commit that it holds, if its last sync succeeded.
    pub reconciled: Option<Oid>,
}

impl BindingFacts {
    pub(super) fn of(binding: &Binding, synced_to: Option<&Repository>, granted: bool) -> Self {
        let held = binding
            .commit_sha
            .as_deref()
            .filter(|_| binding.status == Status::Succeeded);
        Self {
            repository: synced_to.map(|repository| repository.github_id),
            requested: binding.sought_name(),
            granted,
            // What cannot be read matches too much rather than too little: the sync will say so.
            wanted: binding.wanted_ref().unwrap_or_default(),
            default_branch: synced_to.and_then(|repository| repository.default_branch.clone()),
            root: binding.root().unwrap_or_default(),
            reconciled: held.and_then(|sha| sha.parse().ok()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Enqueue(MatchedBy),
    Skip(Skip),
}

/// How a binding was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchedBy {
    Id,
    /// Only while unsynced.
    Name,
}

impl MatchedBy {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "matched_by_id",
            Self::Name => "matched_by_name",
        }
    }
}

/// Why a push does not concern a binding; the later, the nearer it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// Another repository: of the same name, perhaps.
    OtherRepository,
    /// Of this name, and of an installation that the organisation has no grant for.
    NotGranted,
    OtherRef,
    /// The payload proves that nothing under the root path changed.
    OutsideRoot,
}

impl Skip {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtherRepository => "other_repository",
            Self::NotGranted => "not_granted",
            Self::OtherRef => "other_ref",
            Self::OutsideRoot => "outside_root_path",
        }
    }
}

/// The rule of matching: by id; by name only what has never synced, and only what it may sync; then the
/// ref; then the path.
pub fn decide(push: &Push, git_ref: &GitRef, binding: &BindingFacts) -> Decision {
    match concerns(&push.repository, git_ref, binding) {
        Decision::Enqueue(_) if proves_untouched(push, &binding.root, binding.reconciled) => {
            Decision::Skip(Skip::OutsideRoot)
        }
        decision => decision,
    }
}

/// The same without the path: for events that say that a ref came or went, and no more.
pub(super) fn concerns(
    repository: &PushRepository,
    git_ref: &GitRef,
    binding: &BindingFacts,
) -> Decision {
    let by = match binding.repository {
        Some(id) if id == repository.id => MatchedBy::Id,
        None if binding.requested == repository.name => {
            if !binding.granted {
                return Decision::Skip(Skip::NotGranted);
            }
            MatchedBy::Name
        }
        _ => return Decision::Skip(Skip::OtherRepository),
    };
    if is_on(repository, git_ref, binding) {
        Decision::Enqueue(by)
    } else {
        Decision::Skip(Skip::OtherRef)
    }
}

fn is_on(repository: &PushRepository, git_ref: &GitRef, binding: &BindingFacts) -> bool {
    if let Some(wanted) = &binding.wanted {
        return wanted == git_ref;
    }
    match (&binding.default_branch, &repository.default_branch) {
        (Some(stored), Some(said)) if stored == said => is_branch(git_ref, stored),
        // Unsynced: the payload's word is all there is, and the sync will see.
        (None, Some(said)) => is_branch(git_ref, said),
        // They disagree, or nothing is known: a sync settles what the default branch is.
        _ => !git_ref.is_tag(),
    }
}

fn is_branch(git_ref: &GitRef, name: &str) -> bool {
    matches!(git_ref, GitRef::Branch(branch) if branch == name)
}
