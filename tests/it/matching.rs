//! The matcher against a model of ten lines, over random bindings, names, ids and refs.

use bindery::binding::RootPath;
use bindery::git::{GitRef, Oid};
use bindery::github::RepositoryName;
use bindery::github::event::{Push, PushCommit, PushRepository};
use bindery::github::ids::RepositoryId;
use bindery::processors::{BindingFacts, Decision, decide};
use proptest::prelude::*;

/// The rule in short: should this push make a job for this binding? Paths left aside.
fn model(push: &Push, binding: &BindingFacts) -> bool {
    let same_name = push.repository.name.to_string().to_lowercase()
        == binding.requested.to_string().to_lowercase();
    let same = binding
        .repository
        .map_or(same_name, |id| id == push.repository.id);
    let said = push
        .repository
        .default_branch
        .as_ref()
        .map(|name| format!("refs/heads/{name}"));
    let stored = binding
        .default_branch
        .as_ref()
        .map(|name| format!("refs/heads/{name}"));
    let may = binding.repository.is_some() || binding.granted;
    same && may
        && match (&binding.wanted, stored.or(said.clone()), said) {
            (Some(wanted), ..) => wanted.full() == push.git_ref,
            (None, Some(known), Some(said)) if known == said => push.git_ref == known,
            _ => push.git_ref.starts_with("refs/heads/"),
        }
}

fn names() -> impl Strategy<Value = RepositoryName> {
    (
        prop::sample::select(vec!["octo", "OCTO", "ann"]),
        prop::sample::select(vec!["x", "X", "y"]),
    )
        .prop_map(|(owner, name)| RepositoryName::new(owner, name))
}

fn ids() -> impl Strategy<Value = RepositoryId> {
    (1..4_i64).prop_map(|id| RepositoryId::new(id).expect("an id"))
}

fn refs() -> impl Strategy<Value = GitRef> {
    let name = prop::sample::select(vec!["main", "trunk", "v1"]);
    (any::<bool>(), name).prop_map(|(tag, name)| {
        if tag {
            GitRef::Tag(name.into())
        } else {
            GitRef::Branch(name.into())
        }
    })
}

fn branches() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::sample::select(vec!["main", "trunk"]).prop_map(str::to_owned))
}

fn oids() -> impl Strategy<Value = Oid> {
    (0..3_u8).prop_map(|digit| Oid::from_bytes([digit; 20]))
}

fn pushes() -> impl Strategy<Value = (Push, GitRef)> {
    let commits = prop::option::of(prop::collection::vec(
        prop::collection::vec(prop::sample::select(vec!["a/x", "b/x", "ab/x"]), 0..3),
        0..3,
    ));
    (
        refs(),
        oids(),
        oids(),
        any::<[bool; 2]>(),
        ids(),
        names(),
        branches(),
        commits,
    )
        .prop_map(
            |(git_ref, before, after, [created, forced], id, name, default_branch, commits)| {
                let commit = |paths: Vec<&str>| PushCommit {
                    modified: paths.into_iter().map(str::to_owned).collect(),
                    ..PushCommit::default()
                };
                let push = Push {
                    git_ref: git_ref.full(),
                    parsed_ref: Some(git_ref.clone()),
                    before,
                    after,
                    created,
                    deleted: false,
                    forced,
                    repository: PushRepository {
                        id,
                        name,
                        owner_id: None,
                        default_branch,
                    },
                    installation_id: None,
                    commits: commits.map(|commits| commits.into_iter().map(commit).collect()),
                };
                (push, git_ref)
            },
        )
}

fn bindings() -> impl Strategy<Value = BindingFacts> {
    let root = prop::sample::select(vec!["/", "/a", "/b"]);
    (
        prop::option::of(ids()),
        names(),
        prop::option::of(refs()),
        branches(),
        root,
        prop::option::of(oids()),
        any::<bool>(),
    )
        .prop_map(
            |(repository, requested, wanted, default_branch, root, reconciled, granted)| {
                BindingFacts {
                    // Of an unsynced one nothing else is known, either.
                    default_branch: default_branch.filter(|_| repository.is_some()),
                    reconciled: reconciled.filter(|_| repository.is_some()),
                    root: root.parse::<RootPath>().expect("a root path"),
                    repository,
                    requested,
                    wanted,
                    granted,
                }
            },
        )
}

/// What is skipped for its paths must be provable from the payload.
fn is_proven(push: &Push, binding: &BindingFacts) -> bool {
    let commits = push.commits.clone().unwrap_or_default();
    let touched = commits.iter().flat_map(|commit| commit.modified.iter());
    let plain = !push.created && !push.forced && !push.before.is_zero() && !push.after.is_zero();
    let under = |path: &String| binding.root.contains(path);
    let listed = !commits.is_empty() && commits.iter().all(|commit| !commit.modified.is_empty());
    plain && listed && binding.reconciled == Some(push.before) && !touched.into_iter().any(under)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_push_matches_what_the_model_says((push, git_ref) in pushes(), binding in bindings()) {
        let expected = model(&push, &binding) && !is_proven(&push, &binding);
        let decided = matches!(decide(&push, &git_ref, &binding), Decision::Enqueue(_));
        prop_assert_eq!(decided, expected);
    }

    #[test]
    fn a_synced_binding_is_deaf_to_names((push, git_ref) in pushes(), binding in bindings(), id in ids(), name in names()) {
        let binding = BindingFacts { repository: Some(id), ..binding };
        let renamed = BindingFacts { requested: name, ..binding.clone() };
        prop_assert_eq!(decide(&push, &git_ref, &binding), decide(&push, &git_ref, &renamed));
    }
}
