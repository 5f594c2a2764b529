use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::git::Oid;
use crate::simulator::objects::{Commit, Signature};
use crate::simulator::repository::Repository;
use crate::simulator::tree::Changed;
use crate::simulator::world::World;

use super::fields;
use super::repository::pushed_repository;

/// GitHub lists no more commits in one push…
const MAX_COMMITS: usize = 2_048;
/// …and no more files in one commit.
const MAX_FILES: usize = 3_000;

/// One ref that moved.
#[derive(Debug, Clone)]
pub(crate) struct PushedRef {
    /// `refs/heads/main`
    pub(crate) full: String,
    pub(crate) before: Oid,
    pub(crate) after: Oid,
}

/// The fields of a `push` event, told after the ref has moved.
pub(crate) fn push(
    world: &World,
    repository: &Repository,
    moved: &PushedRef,
) -> Map<String, Value> {
    let web = format!("{}/{}", world.host.web(), world.name_of(repository));
    let (before, after) = (moved.before, moved.after);
    let elsewhere = other_tips(repository, &moved.full);
    let commits = new_commits(repository, moved, &elsewhere);
    let teller = Teller {
        repository,
        web: &web,
        elsewhere: repository.reachable(elsewhere),
    };
    let listed: Vec<Value> = commits
        .iter()
        .take(MAX_COMMITS)
        .filter_map(|oid| teller.commit(*oid))
        .collect();
    let head = repository.objects.peel(after);
    let pusher = &world.owner(world.actor).login;
    fields(json!({
        "ref": moved.full,
        "before": before,
        "after": after,
        "repository": pushed_repository(world, repository),
        "pusher": {"name": pusher, "email": format!("{pusher}@users.noreply.github.com")},
        "created": before.is_zero(),
        "deleted": after.is_zero(),
        "forced": is_forced(repository, moved),
        "base_ref": base_ref(repository, moved),
        "compare": format!("{web}/compare/{:.12}...{:.12}", before.to_string(), after.to_string()),
        "commits": listed,
        "head_commit": head.and_then(|oid| teller.commit(oid)),
    }))
}

fn other_tips(repository: &Repository, full: &str) -> Vec<Oid> {
    let others = repository.refs.iter().filter(|(name, _)| *name != full);
    others
        .filter_map(|(_, oid)| repository.objects.peel(*oid))
        .collect()
}

/// The commits that a push lists: none for tags and deletions; for a new branch those that no other
/// ref had.
fn new_commits(repository: &Repository, moved: &PushedRef, elsewhere: &[Oid]) -> Vec<Oid> {
    if moved.after.is_zero() || !moved.full.starts_with("refs/heads/") {
        return Vec::new();
    }
    let known = if moved.before.is_zero() {
        elsewhere.to_vec()
    } else {
        vec![moved.before]
    };
    repository.ahead(moved.after, known)
}

fn is_forced(repository: &Repository, moved: &PushedRef) -> bool {
    let both = [moved.before, moved.after].map(|oid| repository.objects.peel(oid));
    match both {
        [Some(before), Some(after)] => !repository.is_ancestor(before, after),
        _ => false,
    }
}

/// For a new ref on a commit that a branch has as its head: that branch.
fn base_ref(repository: &Repository, moved: &PushedRef) -> Option<String> {
    let new = moved.before.is_zero() && !moved.after.is_zero();
    let target = repository.objects.peel(moved.after).filter(|_| new)?;
    repository
        .refs
        .iter()
        .find(|(full, oid)| {
            **oid == target && **full != moved.full && full.starts_with("refs/heads/")
        })
        .map(|(full, _)| full.clone())
}

/// Tells commits as webhooks do.
struct Teller<'a> {
    repository: &'a Repository,
    web: &'a str,
    /// Commits that another ref has too; they are not `distinct`.
    elsewhere: HashSet<Oid>,
}

impl Teller<'_> {
    fn commit(&self, oid: Oid) -> Option<Value> {
        let commit: Commit = self.repository.objects.commit(oid)?;
        let Changed {
            added,
            modified,
            removed,
        } = self.listed_files(&commit);
        Some(json!({
            "id": oid,
            "tree_id": commit.tree,
            "distinct": !self.elsewhere.contains(&oid),
            "message": commit.message.trim_end(),
            "timestamp": commit.committer.at.to_rfc3339_opts(chrono::SecondsFormat::Secs, false),
            "url": format!("{}/commit/{oid}", self.web),
            "author": person(&commit.author),
            "committer": person(&commit.committer),
            "added": added,
            "removed": removed,
            "modified": modified,
        }))
    }

    /// At most 3,000 paths over the three lists.
    fn listed_files(&self, commit: &Commit) -> Changed {
        let mut changed = self.repository.changed_by(commit);
        let mut left = MAX_FILES;
        for list in [
            &mut changed.added,
            &mut changed.modified,
            &mut changed.removed,
        ] {
            list.truncate(left);
            left -= list.len();
        }
        changed
    }
}

fn person(signature: &Signature) -> Value {
    json!({
        "name": signature.name,
        "email": signature.email,
        "username": signature.name,
    })
}
