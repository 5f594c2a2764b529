use serde_json::json;

use crate::git::{ObjectKind, Oid};
use crate::github::ids::RepositoryId;
use crate::simulator::change::Change;
use crate::simulator::deliveries::Letter;
use crate::simulator::objects::{Signature, Tag};
use crate::simulator::payload::{self, PushedRef};
use crate::simulator::repository::Repository;
use crate::simulator::world::World;
use crate::simulator::{Pushed, Simulator};

/// A push that makes more tags at once tells nobody.
const MAX_TAGS: usize = 3;
/// A push that makes more branches at once, likewise.
const MAX_BRANCHES: usize = 5_000;

impl Simulator {
    /// Pushes one commit to a branch, which comes into being where it was not.
    pub async fn push(
        &self,
        repository: RepositoryId,
        branch: &str,
        write: impl FnOnce(Change) -> Change,
    ) -> Pushed {
        let change = write(Change::new());
        self.push_commits(repository, branch, vec![change]).await
    }

    /// Pushes several commits at once, one on top of the other.
    pub async fn push_commits(
        &self,
        repository: RepositoryId,
        branch: &str,
        changes: Vec<Change>,
    ) -> Pushed {
        let full = format!("refs/heads/{branch}");
        let after = self.with(|world| world.commit(repository, &full, &changes));
        self.move_ref(repository, &full, Some(after)).await
    }

    /// Moves a branch to a commit that is here already: forwards, as after an import.
    pub async fn push_existing(
        &self,
        repository: RepositoryId,
        branch: &str,
        commit: Oid,
    ) -> Pushed {
        let full = format!("refs/heads/{branch}");
        self.move_ref(repository, &full, Some(commit)).await
    }

    /// Moves a branch wherever it is told: back, or to another line.
    pub async fn force_push(&self, repository: RepositoryId, branch: &str, commit: Oid) -> Pushed {
        self.push_existing(repository, branch, commit).await
    }

    pub async fn create_branch(&self, repository: RepositoryId, name: &str, at: Oid) -> Pushed {
        self.push_existing(repository, name, at).await
    }

    pub async fn delete_branch(&self, repository: RepositoryId, name: &str) -> Pushed {
        let full = format!("refs/heads/{name}");
        self.move_ref(repository, &full, None).await
    }

    /// A lightweight tag.
    pub async fn create_tag(&self, repository: RepositoryId, name: &str, at: Oid) -> Pushed {
        let full = format!("refs/tags/{name}");
        self.move_ref(repository, &full, Some(at)).await
    }

    /// A tag with an object of its own, which the ref points to.
    pub async fn create_annotated_tag(
        &self,
        repository: RepositoryId,
        name: &str,
        at: Oid,
    ) -> Pushed {
        let tag = self.with(|world| world.write_tag(repository, name, at));
        self.create_tag(repository, name, tag).await
    }

    pub async fn move_tag(&self, repository: RepositoryId, name: &str, to: Oid) -> Pushed {
        self.create_tag(repository, name, to).await
    }

    pub async fn delete_tag(&self, repository: RepositoryId, name: &str) -> Pushed {
        let full = format!("refs/tags/{name}");
        self.move_ref(repository, &full, None).await
    }

    /// Pushes several tags at once. GitHub tells of them only when they are no more than three.
    pub async fn create_tags(&self, repository: RepositoryId, tags: &[(&str, Oid)]) -> Vec<Pushed> {
        let full = |(name, at): &(&str, Oid)| (format!("refs/tags/{name}"), Some(*at));
        let moves = tags.iter().map(full).collect();
        self.move_refs(repository, moves, MAX_TAGS).await
    }

    /// Deletes several tags at once; the same limit holds.
    pub async fn delete_tags(&self, repository: RepositoryId, names: &[&str]) -> Vec<Pushed> {
        let full = |name: &&str| (format!("refs/tags/{name}"), None);
        let moves = names.iter().map(full).collect();
        self.move_refs(repository, moves, MAX_TAGS).await
    }

    /// Pushes several branches at once. GitHub tells of them only when they are no more than 5,000.
    pub async fn create_branches(
        &self,
        repository: RepositoryId,
        branches: &[(&str, Oid)],
    ) -> Vec<Pushed> {
        let full = |(name, at): &(&str, Oid)| (format!("refs/heads/{name}"), Some(*at));
        let moves = branches.iter().map(full).collect();
        self.move_refs(repository, moves, MAX_BRANCHES).await
    }

    /// One push of several refs, of which nobody hears when they are more than `most`.
    async fn move_refs(
        &self,
        repository: RepositoryId,
        moves: Vec<(String, Option<Oid>)>,
        most: usize,
    ) -> Vec<Pushed> {
        let mut pushed = Vec::new();
        let told = moves.len() <= most;
        for (full, to) in moves {
            if told {
                pushed.push(self.move_ref(repository, &full, to).await);
            } else {
                self.with(|world| world.place_ref(repository, &full, to));
            }
        }
        pushed
    }

    async fn move_ref(&self, repository: RepositoryId, full: &str, to: Option<Oid>) -> Pushed {
        let (moved, push, other) = self.with(|world| {
            let moved = world.place_ref(repository, full, to);
            let push = world.tell_push(repository, &moved);
            let other = world.tell_ref(repository, &moved);
            (moved, push, other)
        });
        let mine = push.iter().find(|letter| letter.app == self.app);
        let delivery = mine.map(|letter| letter.guid.clone());
        let letters = push.into_iter().chain(other).collect();
        Pushed {
            before: moved.before,
            after: moved.after,
            delivery,
            sent: self.send(letters).await,
        }
    }
}

impl World {
    /// Writes the commits on top of a ref, which does not move yet.
    fn commit(&mut self, id: RepositoryId, full: &str, changes: &[Change]) -> Oid {
        let author = self.signature();
        let number = self.commits_made;
        self.commits_made += changes.len();
        let repository = self.repository_mut(id);
        let mut head = repository.refs.get(full).copied();
        for (change, number) in changes.iter().zip(number + 1..) {
            head = Some(repository.commit(head, change, author.clone(), number));
        }
        head.expect("a push has at least one commit")
    }

    fn write_tag(&mut self, id: RepositoryId, name: &str, at: Oid) -> Oid {
        let tag = Tag {
            object: at,
            name: name.to_owned(),
            tagger: self.signature(),
            message: format!("{name}\n"),
        };
        let repository = self.repository_mut(id);
        repository
            .objects
            .put(ObjectKind::Tag, tag.encode().into_bytes())
    }

    fn signature(&self) -> Signature {
        let name = self.owner(self.actor).login.clone();
        Signature {
            email: format!("{name}@users.noreply.github.com"),
            name,
            at: self.now(),
        }
    }

    /// Moves the ref and says from where to where. The first branch of an empty repository becomes its default.
    pub(super) fn place_ref(&mut self, id: RepositoryId, full: &str, to: Option<Oid>) -> PushedRef {
        let now = self.now();
        let repository = self.repository_mut(id);
        assert!(!repository.archived, "an archived repository takes no push");
        let known = to.is_none_or(|oid| repository.objects.peel(oid).is_some());
        assert!(known, "no commit {to:?} in repository {id}");
        if let Some(branch) = full.strip_prefix("refs/heads/")
            && repository.refs.is_empty()
        {
            branch.clone_into(&mut repository.default_branch);
        }
        let before = repository.move_ref(full, to, now);
        PushedRef {
            full: full.to_owned(),
            before: before.unwrap_or(Oid::ZERO),
            after: to.unwrap_or(Oid::ZERO),
        }
    }

    /// A push that moved nothing tells nothing.
    pub(super) fn tell_push(&mut self, id: RepositoryId, moved: &PushedRef) -> Vec<Letter> {
        if moved.before == moved.after {
            return Vec::new();
        }
        // Telling the commits is the dear part; without a listener nobody needs it.
        let mut covering = self.installations_of(self.repository(id));
        if covering.next().is_none() {
            return Vec::new();
        }
        drop(covering);
        let fields = payload::push(self, self.repository(id), moved);
        self.tell(id, "push", None, &fields)
    }

    /// `create` or `delete`, for a ref that came or went.
    pub(super) fn tell_ref(&mut self, id: RepositoryId, moved: &PushedRef) -> Vec<Letter> {
        let event = match (moved.before.is_zero(), moved.after.is_zero()) {
            (true, false) => "create",
            (false, true) => "delete",
            _ => return Vec::new(),
        };
        let (kind, name) = split(&moved.full);
        let mut fields = payload::fields(json!({
            "ref": name,
            "ref_type": kind,
            "full_ref": moved.full,
            "pusher_type": "user",
        }));
        if event == "create" {
            let Repository { default_branch, .. } = self.repository(id);
            fields.insert("master_branch".into(), default_branch.clone().into());
            fields.insert("description".into(), serde_json::Value::Null);
        }
        self.tell(id, event, None, &fields)
    }
}

/// `refs/tags/x` → `("tag", "x")`
fn split(full: &str) -> (&'static str, &str) {
    match full.strip_prefix("refs/tags/") {
        Some(name) => ("tag", name),
        None => ("branch", full.trim_start_matches("refs/heads/")),
    }
}
