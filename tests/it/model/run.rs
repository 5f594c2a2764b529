//! Plays a case: each operation on the simulated GitHub, on the model and on the service.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bindery::github::ids::RepositoryId;
use bindery::serve::Workers;
use bindery::simulator::{Guid, Selection};
use proptest::test_runner::{TestCaseError, TestCaseResult};
use serde_json::json;

use super::github::{Commit, Installed, Model, Owner, Repo};
use super::op::{Branch, Case, Name, Op, Ref, Who};
use crate::support::{Engine, World, binding_path};

/// Repositories, the deleted ones included, and bindings in a case.
const REPOS: usize = 7;
const SLOTS: u8 = 4;
/// How far the API lags while it does.
const LAG: Duration = Duration::from_secs(20);
/// In which everything has to be healed, and the steps that the clock takes in it.
const INTERVAL: Duration = Duration::from_secs(300);
const STEP: Duration = Duration::from_secs(15);

/// A binding as the story knows it.
#[derive(Debug)]
pub struct Bound {
    pub git_ref: Ref,
    /// What it was synced to first; never another.
    pub id: Option<RepositoryId>,
    /// Every repository that any name led to which it could have gone by.
    pub candidates: BTreeSet<RepositoryId>,
    names: BTreeSet<(String, String)>,
    /// Something has been published: from then on something always is.
    pub has_content: bool,
}

pub struct Story {
    pub world: World,
    pub model: Model,
    pub bound: BTreeMap<String, Bound>,
    sent: Vec<Guid>,
    commits: u32,
    lagging: bool,
}

pub async fn run(case: Case, engine: Engine) -> TestCaseResult {
    let mut story = Story::begin(engine).await;
    let played = story.play(&case).await;
    story.world.discard().await;
    played.map_err(TestCaseError::fail)
}

impl Story {
    async fn begin(engine: Engine) -> Self {
        let world = World::with(engine, &[("GITHUB_REQUESTS_PER_MINUTE", "60000")]).await;
        world.github.create_user("ann");
        world.github.create_user("zed");
        let anns = world.github.install("ann", Selection::All).await;
        world.grant(anns).await;
        world.settle().await;
        world.github.hold_deliveries();
        let installed = |id| {
            Some(Installed {
                id,
                suspended: false,
                selection: None,
                reads: true,
            })
        };
        let owner = |login: &str, installed| Owner {
            login: login.to_owned(),
            installed,
        };
        let model = Model {
            owners: [
                (
                    Who::Octo as u8,
                    owner("octo", installed(world.installation)),
                ),
                (Who::Ann as u8, owner("ann", installed(anns))),
                (Who::Zed as u8, owner("zed", None)),
            ]
            .into(),
            repos: Vec::new(),
            granted: [world.installation, anns].into(),
            omitted: false,
        };
        Self {
            world,
            model,
            bound: BTreeMap::new(),
            sent: Vec::new(),
            commits: 0,
            lagging: false,
        }
    }

    async fn play(&mut self, case: &Case) -> Result<(), String> {
        for (owner, name) in [
            (Who::Octo, Name::A),
            (Who::Octo, Name::B),
            (Who::Ann, Name::A),
        ] {
            self.create(owner, name).await;
        }
        for (slot, owner, name) in [(0, Who::Octo, Name::A), (1, Who::Ann, Name::A)] {
            self.bind(slot, owner, name, Ref::Default).await;
        }
        self.follow_names();
        if case.way.synced_first {
            self.deliver_all().await;
            self.world.settle().await;
        }
        for op in &case.ops {
            if *op == Op::Omit && !case.way.omits {
                continue;
            }
            self.step(*op).await;
            self.follow_names();
            self.read()
                .await
                .map_err(|wrong| format!("after {op:?}: {wrong}"))?;
        }
        self.end(case.way.rest_arrives).await;
        self.compare().await
    }

    /// Nothing more happens, and one healing interval passes.
    async fn end(&mut self, rest_arrives: bool) {
        let github = &self.world.github;
        github.omit_next(0);
        github.lag_refs(Duration::ZERO);
        for guid in github.outbox() {
            if rest_arrives {
                github.deliver(&guid).await;
            } else {
                github.drop_delivery(&guid);
            }
        }
        self.world.settle().await;
        // As after a start of the service: everything that it does without being told is due.
        self.world.workers = Workers::new(&self.world.context);
        let mut left = INTERVAL;
        while !left.is_zero() {
            self.world.tick().await;
            self.world.pass(STEP).await;
            left -= STEP;
        }
    }

    async fn step(&mut self, op: Op) {
        match op {
            Op::Create { owner, name } => self.create(owner, name).await,
            Op::Push { repo, branch } => self.push(repo, branch).await,
            Op::ForceBack {
                repo,
                branch,
                commit,
            } => self.force_back(repo, branch, commit).await,
            Op::DeleteDev { repo } => self.delete_dev(repo).await,
            Op::Tag { repo } => self.tag(repo).await,
            Op::DeleteTag { repo } => self.delete_tag(repo).await,
            Op::SwitchDefault { repo } => self.switch_default(repo).await,
            Op::Rename { repo, to } => self.rename(repo, to).await,
            Op::Swap { one, other } => self.swap(one, other).await,
            Op::Transfer { repo, to } => self.transfer(repo, to).await,
            Op::DeleteRepository { repo } => self.delete_repository(repo).await,
            Op::SwitchVisibility { repo } => self.switch_visibility(repo).await,
            Op::RenameOwner { owner } => self.rename_owner(owner).await,
            Op::Uninstall { owner } => self.uninstall(owner).await,
            Op::Install { owner } => self.install(owner).await,
            Op::Suspend { owner } => self.suspend(owner, true).await,
            Op::Unsuspend { owner } => self.suspend(owner, false).await,
            Op::TakePermission { owner } => self.permit(owner, false).await,
            Op::GivePermission { owner } => self.permit(owner, true).await,
            Op::SelectAll { owner } => self.select(owner, None).await,
            Op::Select { owner, mask } => self.select(owner, Some(mask)).await,
            Op::Deliver { nth } => self.deliver(nth).await,
            Op::DeliverAll => self.deliver_all().await,
            Op::Repeat { nth } => self.repeat(nth).await,
            Op::Drop { nth } => self.drop_delivery(nth),
            Op::Omit => {
                self.world.github.omit_next(1);
                self.model.omitted = true;
            }
            Op::SwitchLag => self.switch_lag(),
            Op::Bind {
                slot,
                owner,
                name,
                git_ref,
            } => self.bind(slot, owner, name, git_ref).await,
            Op::BindTo {
                slot,
                repo,
                git_ref,
            } => self.bind_to(slot, repo, git_ref).await,
            Op::Unbind { slot } => self.unbind(slot).await,
            Op::Sync { slot } => self.sync(slot).await,
            Op::Revoke { owner } => self.revoke(owner).await,
            Op::Grant { owner } => self.grant(owner).await,
            Op::Process => {
                self.world
                    .workers
                    .inbox
                    .drain()
                    .await
                    .expect("the inbox works");
            }
            Op::Work => {
                self.world
                    .workers
                    .queue
                    .drain()
                    .await
                    .expect("the queue works");
            }
            Op::Kill { request } => self.kill(request).await,
            Op::Wait { seconds } => self
                .world
                .clock
                .advance(Duration::from_secs(seconds.into())),
            Op::Sweep => self.world.tick().await,
        }
    }

    /// One of those that are there.
    fn alive(&self, nth: u8) -> Option<usize> {
        let alive = self.model.alive();
        (!alive.is_empty()).then(|| alive[usize::from(nth) % alive.len()])
    }

    async fn create(&mut self, owner: Who, name: Name) {
        let taken = self.model.holder(owner, name.as_str()).is_some();
        if taken || self.model.repos.len() >= REPOS {
            return;
        }
        let login = self.model.owner(owner).login.clone();
        let id = self
            .world
            .github
            .create_repository(&login, name.as_str())
            .await;
        self.model.repos.push(Repo {
            id,
            owner,
            name: name.as_str().to_owned(),
            alive: true,
            public: false,
            default: "main",
            refs: BTreeMap::new(),
            been_with: vec![owner],
            history: Vec::new(),
            was_removed: false,
            unexplained: false,
        });
        let index = self.model.repos.len() - 1;
        self.commit(index, Branch::Main).await;
    }

    async fn push(&mut self, repo: u8, branch: Branch) {
        if let Some(index) = self.alive(repo) {
            self.commit(index, branch).await;
        }
    }

    async fn commit(&mut self, index: usize, branch: Branch) {
        self.commits += 1;
        let repo = &mut self.model.repos[index];
        let text = format!("{} {}", repo.id, self.commits);
        let pushed = self.world.github.push(repo.id, branch.as_str(), |change| {
            change
                .write("f", text.as_bytes())
                .write("d/g", text.as_bytes())
        });
        let oid = pushed.await.after;
        let commit = Commit { oid, text };
        repo.history.push(commit.clone());
        repo.refs.insert(branch.full(), commit);
    }

    async fn force_back(&mut self, repo: u8, branch: Branch, commit: u8) {
        let Some(index) = self.alive(repo) else {
            return;
        };
        let repo = &mut self.model.repos[index];
        let commit = repo.history[usize::from(commit) % repo.history.len()].clone();
        self.world
            .github
            .force_push(repo.id, branch.as_str(), commit.oid)
            .await;
        repo.refs.insert(branch.full(), commit);
    }

    async fn delete_dev(&mut self, repo: u8) {
        let Some(index) = self.alive(repo) else {
            return;
        };
        let repo = &mut self.model.repos[index];
        if repo.default != "dev" && repo.refs.remove("refs/heads/dev").is_some() {
            self.world.github.delete_branch(repo.id, "dev").await;
        }
    }

    async fn tag(&mut self, repo: u8) {
        let Some(index) = self.alive(repo) else {
            return;
        };
        let repo = &mut self.model.repos[index];
        let head = repo.refs["refs/heads/main"].clone();
        self.world.github.create_tag(repo.id, "v1", head.oid).await;
        repo.refs.insert("refs/tags/v1".to_owned(), head);
    }

    async fn delete_tag(&mut self, repo: u8) {
        let Some(index) = self.alive(repo) else {
            return;
        };
        let repo = &mut self.model.repos[index];
        if repo.refs.remove("refs/tags/v1").is_some() {
            self.world.github.delete_tag(repo.id, "v1").await;
        }
    }

    async fn switch_default(&mut self, repo: u8) {
        let Some(index) = self.alive(repo) else {
            return;
        };
        let repo = &mut self.model.repos[index];
        let to = if repo.default == "main" {
            "dev"
        } else {
            "main"
        };
        if repo.refs.contains_key(&format!("refs/heads/{to}")) {
            repo.default = to;
            self.world.github.set_default_branch(repo.id, to).await;
        }
    }

    async fn rename(&mut self, repo: u8, to: Name) {
        if let Some(index) = self.alive(repo) {
            self.rename_to(index, to.as_str()).await;
        }
    }

    async fn rename_to(&mut self, index: usize, to: &str) {
        let owner = self.model.repos[index].owner;
        let free = self
            .model
            .holder(owner, to)
            .is_none_or(|holder| holder == index);
        let repo = &mut self.model.repos[index];
        if free && repo.name != to {
            repo.name = to.to_owned();
            self.world.github.rename(repo.id, to).await;
        }
    }

    /// Two of one owner's take each other's name, over a third.
    async fn swap(&mut self, one: u8, other: u8) {
        let (Some(one), Some(other)) = (self.alive(one), self.alive(other)) else {
            return;
        };
        let (first, second) = (&self.model.repos[one], &self.model.repos[other]);
        let free = self.model.holder(first.owner, "between").is_none();
        if one == other || first.owner != second.owner || !free {
            return;
        }
        let names = (first.name.clone(), second.name.clone());
        self.rename_to(one, "between").await;
        self.rename_to(other, &names.0).await;
        self.rename_to(one, &names.1).await;
    }

    async fn transfer(&mut self, repo: u8, to: Who) {
        let Some(index) = self.alive(repo) else {
            return;
        };
        let (from, name) = {
            let repo = &self.model.repos[index];
            (repo.owner, repo.name.clone())
        };
        if from == to || self.model.holder(to, &name).is_some() {
            return;
        }
        let login = self.model.owner(to).login.clone();
        self.note_removal(index);
        let id = self.model.repos[index].id;
        if let Some(installed) = &mut self.model.owner_mut(from).installed
            && let Some(selection) = &mut installed.selection
        {
            selection.remove(&id);
        }
        self.model.repos[index].owner = to;
        self.model.repos[index].been_with.push(to);
        self.world.github.transfer(id, &login).await;
    }

    /// It is about to be taken out of what covers it: nobody is told where nothing does.
    fn note_removal(&mut self, index: usize) {
        let cover = self.model.cover(&self.model.repos[index]);
        let silent = cover.is_none_or(|cover| cover.suspended);
        let repo = &mut self.model.repos[index];
        repo.was_removed = true;
        repo.unexplained |= silent;
    }

    async fn delete_repository(&mut self, repo: u8) {
        let Some(index) = self.alive(repo) else {
            return;
        };
        let covered = self.model.cover(&self.model.repos[index]).is_some();
        let repo = &mut self.model.repos[index];
        repo.alive = false;
        repo.unexplained |= !covered;
        self.world.github.delete_repository(repo.id).await;
    }

    async fn switch_visibility(&mut self, repo: u8) {
        let Some(index) = self.alive(repo) else {
            return;
        };
        let repo = &mut self.model.repos[index];
        repo.public = !repo.public;
        if repo.public {
            self.world.github.publicize(repo.id).await;
        } else {
            self.world.github.privatize(repo.id).await;
        }
    }

    async fn rename_owner(&mut self, who: Who) {
        let owner = self.model.owner_mut(who);
        let from = owner.login.clone();
        let to = match from.strip_suffix("-inc") {
            Some(base) => base.to_owned(),
            None => format!("{from}-inc"),
        };
        owner.login.clone_from(&to);
        self.world.github.rename_owner(&from, &to).await;
    }

    async fn uninstall(&mut self, who: Who) {
        let Some(installed) = self.model.owner_mut(who).installed.take() else {
            return;
        };
        // What is deleted, before or after, can not be told from what went out of sight with it.
        for repo in &mut self.model.repos {
            repo.was_removed |= repo.owner == who;
        }
        self.world.github.uninstall(installed.id).await;
    }

    /// Where it is wanted: one of the owners does without.
    async fn install(&mut self, who: Who) {
        if who == Who::Zed || self.model.owner(who).installed.is_some() {
            return;
        }
        let login = self.model.owner(who).login.clone();
        let id = self.world.github.install(&login, Selection::All).await;
        self.world.grant(id).await;
        self.model.granted.insert(id);
        self.model.owner_mut(who).installed = Some(Installed {
            id,
            suspended: false,
            selection: None,
            reads: true,
        });
    }

    async fn suspend(&mut self, who: Who, suspended: bool) {
        let Some(installed) = &mut self.model.owner_mut(who).installed else {
            return;
        };
        installed.suspended = suspended;
        let id = installed.id;
        if suspended {
            self.world.github.suspend(id).await;
        } else {
            self.world.github.unsuspend(id).await;
        }
    }

    async fn permit(&mut self, who: Who, reads: bool) {
        let Some(installed) = &mut self.model.owner_mut(who).installed else {
            return;
        };
        if installed.reads == reads {
            return;
        }
        installed.reads = reads;
        let (github, id) = (&self.world.github, installed.id);
        let all = [
            ("contents", "read"),
            ("metadata", "read"),
            ("members", "read"),
        ];
        let granted = if reads { &all[..] } else { &all[1..] };
        github.accept_permissions(id, granted).await;
        github.revoke_tokens(id);
    }

    /// `mask` says which of the owner's repositories; `None` is all of them.
    async fn select(&mut self, who: Who, mask: Option<u8>) {
        let Some(id) = self
            .model
            .owner(who)
            .installed
            .as_ref()
            .map(|installed| installed.id)
        else {
            return;
        };
        let owned = self
            .model
            .alive()
            .into_iter()
            .filter(|index| self.model.repos[*index].owner == who);
        let owned: Vec<usize> = owned.collect();
        let chosen = mask.map(|mask| {
            let chosen = owned
                .iter()
                .enumerate()
                .filter(|(bit, _)| mask >> (bit % 8) & 1 == 1);
            chosen
                .map(|(_, index)| self.model.repos[*index].id)
                .collect::<BTreeSet<_>>()
        });
        for index in owned {
            let repo = &self.model.repos[index];
            let stays = chosen
                .as_ref()
                .is_none_or(|chosen| chosen.contains(&repo.id));
            if !stays && self.model.cover(repo).is_some() {
                self.note_removal(index);
            }
        }
        // A narrowing names nothing: what is missing when it is told of was taken out, for all we know.
        if chosen.is_some() {
            for repo in self.model.repos.iter_mut().filter(|repo| repo.owner == who) {
                repo.was_removed = true;
            }
        }
        let selection = match &chosen {
            Some(chosen) => Selection::selected(chosen.iter().copied()),
            None => Selection::All,
        };
        self.world.github.select(id, selection).await;
        if let Some(installed) = &mut self.model.owner_mut(who).installed {
            installed.selection = chosen;
        }
    }

    async fn deliver(&mut self, nth: u8) {
        let waiting = self.world.github.outbox();
        if waiting.is_empty() {
            return;
        }
        let guid = waiting[usize::from(nth) % waiting.len()].clone();
        self.world.github.deliver(&guid).await;
        self.sent.push(guid);
    }

    async fn deliver_all(&mut self) {
        for guid in self.world.github.outbox() {
            self.world.github.deliver(&guid).await;
            self.sent.push(guid);
        }
    }

    /// One that came, or should have come, before: the newest most often.
    async fn repeat(&mut self, nth: u8) {
        if let Some(guid) = self.sent.iter().rev().nth(usize::from(nth) * 3) {
            self.world.github.redeliver(guid).await;
        }
    }

    fn drop_delivery(&mut self, nth: u8) {
        let waiting = self.world.github.outbox();
        if !waiting.is_empty() {
            let guid = waiting[usize::from(nth) % waiting.len()].clone();
            self.world.github.drop_delivery(&guid);
            self.sent.push(guid);
        }
    }

    fn switch_lag(&mut self) {
        self.lagging = !self.lagging;
        let lag = if self.lagging { LAG } else { Duration::ZERO };
        self.world.github.lag_refs(lag);
    }

    async fn bind(&mut self, slot: u8, who: Who, name: Name, git_ref: Ref) {
        let login = self.model.owner(who).login.clone();
        self.put(slot, (login, name.as_str().to_owned()), git_ref)
            .await;
    }

    async fn bind_to(&mut self, slot: u8, repo: u8, git_ref: Ref) {
        if let Some(index) = self.alive(repo) {
            let repo = &self.model.repos[index];
            let login = self.model.owner(repo.owner).login.clone();
            let name = repo.name.clone();
            self.put(slot, (login, name), git_ref).await;
        }
    }

    async fn put(&mut self, slot: u8, name: (String, String), git_ref: Ref) {
        let slot = format!("b{}", slot % SLOTS);
        if self.bound.contains_key(&slot) {
            return;
        }
        let body = json!({
            "github_owner": name.0, "github_repo": name.1, "github_ref": git_ref.requested(),
        });
        self.world
            .api
            .put(&binding_path(&slot), body)
            .await
            .expect(201);
        let bound = Bound {
            git_ref,
            id: None,
            candidates: BTreeSet::new(),
            names: [name].into(),
            has_content: false,
        };
        self.bound.insert(slot, bound);
    }

    async fn unbind(&mut self, slot: u8) {
        let slot = format!("b{}", slot % SLOTS);
        if self.bound.remove(&slot).is_some() {
            self.world
                .api
                .delete(&binding_path(&slot))
                .await
                .expect(204);
        }
    }

    async fn sync(&mut self, slot: u8) {
        let slot = format!("b{}", slot % SLOTS);
        if self.bound.contains_key(&slot) {
            let path = format!("{}/sync", binding_path(&slot));
            self.world.api.post(&path).await.expect(202);
        }
    }

    async fn revoke(&mut self, who: Who) {
        let installed = self.model.owner(who).installed.as_ref();
        if let Some(id) = installed.map(|installed| installed.id)
            && self.model.granted.remove(&id)
        {
            self.world.revoke(id).await;
        }
    }

    async fn grant(&mut self, who: Who) {
        let installed = self.model.owner(who).installed.as_ref();
        if let Some(id) = installed.map(|installed| installed.id)
            && self.model.granted.insert(id)
        {
            self.world.grant(id).await;
        }
    }

    async fn kill(&mut self, request: u8) {
        self.world.github.stall_at(u32::from(request) + 1);
        let worker = self.world.workers.queue.clone();
        tokio::select! {
            drained = worker.drain() => { drained.expect("the queue works"); }
            _ = self.world.github.stalled() => {}
        }
        self.world.github.unstall();
        self.world.workers = Workers::new(&self.world.context);
        self.world
            .clock
            .advance(self.world.context.config.queue.lease + Duration::from_secs(1));
    }

    /// Which repositories a binding that has never synced could come to: whatever any name led to that it
    /// was given, or that one of these was called since.
    fn follow_names(&mut self) {
        let (github, model) = (&self.world.github, &self.model);
        for bound in self.bound.values_mut().filter(|bound| bound.id.is_none()) {
            for (owner, name) in &bound.names {
                let led = github
                    .repository_named(owner, name)
                    .or_else(|| github.redirect_of(owner, name));
                bound.candidates.extend(led);
            }
            for id in &bound.candidates {
                let repo = model.find(*id);
                bound
                    .names
                    .insert((model.owner(repo.owner).login.clone(), repo.name.clone()));
            }
        }
    }
}
