//! The job kind `content_sync`, step by step.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use serde_json::json;
use tokio::sync::{OwnedMutexGuard, Semaphore};

use super::download::{self, Downloader, Stored};
use super::hint::{self, PushHint};
use super::listing::{Entry, Lister};
use super::locate::{Located, Locator};
use super::publish::Publish;
use super::required;
use super::resolve::{Resolved, Resolver};
use super::stop::{Learnt, Step, Stop};
use crate::binding::{self, BindingView, RootPath};
use crate::content::{self, Content, NewContent, NewFile};
use crate::context::Context;
use crate::db::Conn;
use crate::git::{GitRef, Oid};
use crate::ids::{BindingId, BlobId, RepositoryRowId};
use crate::queue::{self, Finish, Job, JobKind, JobState, Outcome, Settled};

/// The job kind `content_sync`.
pub struct ContentSync {
    pub(super) context: Context,
    /// What the downloads of all syncs may hold in memory.
    budget: Arc<Semaphore>,
    /// Syncs of one repository look one after the other, so that the second finds what the first saw.
    looking: Mutex<HashMap<RepositoryRowId, Weak<tokio::sync::Mutex<()>>>>,
}

#[async_trait]
impl JobKind for ContentSync {
    fn name(&self) -> &'static str {
        super::KIND
    }

    async fn run(&self, job: &Job) -> anyhow::Result<Finish> {
        match self.sync(job).await {
            Ok(finish) | Err(Stop::Finish(finish)) => Ok(finish),
            Err(Stop::Error(error)) => Err(error),
        }
    }

    async fn discarded(
        &self,
        job: &Job,
        error: &str,
        proof: &Settled,
        conn: &mut Conn,
    ) -> QueryResult<()> {
        // What waits was asked for later, perhaps for another source: it will say how things stand.
        // Behind the lock, so that a change of the binding that is under way is seen with its job.
        if binding::lock(BindingId::new(job.target), conn)
            .await?
            .is_none()
        {
            return Ok(());
        }
        let later = queue::running_or_waiting(super::KIND, job.target, conn).await?;
        if later.iter().any(|later| later.state != JobState::Running) {
            return Ok(());
        }
        let now = self.context.clock.now();
        binding::fail(BindingId::new(job.target), error, job.id, now, proof, conn).await
    }
}

impl ContentSync {
    pub fn new(context: Context) -> Self {
        Self {
            context,
            budget: download::budget(),
            looking: Mutex::default(),
        }
    }

    async fn sync(&self, job: &Job) -> Step<Finish> {
        let hints: Vec<PushHint> = job.hints_as();
        self.gather(job).await?;
        let looking = self.look(job).await?;
        // Read behind the lock: another sync may have seen what this one was about to ask.
        let Some(target) = self.target(job).await? else {
            return Ok(Outcome::Cancelled {
                reason: "the binding was deleted".to_owned(),
            }
            .into());
        };
        let context = &self.context;
        let located = Locator {
            context,
            job,
            target: &target,
            hints: &hints,
        }
        .locate()
        .await?;
        let resolver = Resolver {
            context,
            job,
            target: &target,
            hints: &hints,
            located: &located,
        };
        let git_ref = resolver.git_ref()?;
        let resolved = resolver.resolve(&git_ref).await?;
        drop(looking);
        let attempt = Attempt {
            sync: self,
            job,
            target,
            located,
            git_ref,
            pushed_at: hint::pushed_at(resolved.commit.sha, &hints),
            resolved,
        };
        // The ref is there and the repository is ours to read: what stands in the way is another thing.
        let found = Learnt {
            finding: Some(None),
            ..attempt.learnt()
        };
        attempt.run().await.map_err(|stop| stop.having(found))
    }

    async fn target(&self, job: &Job) -> Step<Option<BindingView>> {
        let mut conn = self.context.db.read().await?;
        Ok(binding::view(BindingId::new(job.target), &mut conn).await?)
    }

    async fn look(&self, job: &Job) -> Step<Option<OwnedMutexGuard<()>>> {
        let binding = {
            let mut conn = self.context.db.read().await?;
            binding::find(BindingId::new(job.target), &mut conn).await?
        };
        let Some(repository) = binding.and_then(|binding| binding.repository_id) else {
            return Ok(None);
        };
        let lock = {
            let mut looking = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
            looking.retain(|_, lock| lock.strong_count() > 0);
            match looking.get(&repository).and_then(Weak::upgrade) {
                Some(lock) => lock,
                None => {
                    let lock = Arc::default();
                    looking.insert(repository, Arc::downgrade(&lock));
                    lock
                }
            }
        };
        Ok(Some(lock.lock_owned().await))
    }
}

/// A sync that knows which commit it is about.
struct Attempt<'a> {
    sync: &'a ContentSync,
    job: &'a Job,
    target: BindingView,
    located: Located,
    git_ref: GitRef,
    pushed_at: Option<DateTime<Utc>>,
    resolved: Resolved,
}

impl Attempt<'_> {
    async fn run(self) -> Step<Finish> {
        let learnt = self.learnt();
        let limits = &self.context().config.sync;
        let lister = Lister {
            located: &self.located,
            limits,
            learnt: &learnt,
        };
        let held = self.held().cloned();
        let commit = self.resolved.commit;
        if let Some(held) = &held
            && self.target.binding.commit_sha == Some(commit.sha.to_string())
            && let Some(files) = self.whole_files(held).await?
        {
            return self.unchanged(held, &files).await;
        }
        let root = self.root()?;
        let tree = lister.tree_under(commit, &root).await?;
        if let Some(held) = &held
            && held.tree_sha == tree.to_string()
            && let Some(files) = self.whole_files(held).await?
        {
            return self.unchanged(held, &files).await;
        }
        let entries = lister.entries_of(tree).await?;
        let downloader = Downloader {
            context: self.context(),
            located: &self.located,
            budget: &self.sync.budget,
            learnt: &learnt,
            commit: commit.sha,
            root: &root,
        };
        let stored = downloader.store(&entries).await?;
        let files = files(&entries, &stored.blobs)?;
        required::check(&self.target.binding, &by_path(&files), self.context()).await?;
        Ok(self.publish(tree, files, &stored))
    }

    fn root(&self) -> Step<RootPath> {
        let root = self.target.binding.root();
        root.map_err(|error| Stop::discard(error.to_string()))
    }

    /// What is published, if it is of this repository and this folder.
    fn held(&self) -> Option<&Content> {
        let binding = &self.target.binding;
        self.target.current_content().filter(|content| {
            content.repository_id == self.located.repository.id
                && content.root_path == binding.root_path
        })
    }

    /// Its files, if all of it is still stored: what was lost is fetched anew, not called unchanged.
    async fn whole_files(&self, held: &Content) -> Step<Option<BTreeMap<String, BlobId>>> {
        let mut conn = self.context().db.read().await?;
        let files = content::whole_files(held, &mut conn).await?;
        if files.is_none() {
            tracing::warn!(content.id = %held.id, "what is published is not whole any more");
        }
        Ok(files)
    }

    /// Nothing is downloaded and nothing is moved; the required files may be others than last time.
    async fn unchanged(self, held: &Content, files: &BTreeMap<String, BlobId>) -> Step<Finish> {
        required::check(&self.target.binding, files, self.context()).await?;
        let result = json!({
            "outcome": "unchanged",
            "commit": self.resolved.commit.sha,
            "tree": held.tree_sha,
            "api_stale": self.resolved.api_stale,
        });
        Ok(self.finish(result, None))
    }

    fn publish(self, tree: Oid, files: Vec<NewFile>, stored: &Stored) -> Finish {
        let result = json!({
            "outcome": "published",
            "commit": self.resolved.commit.sha,
            "tree": tree,
            "files": files.len(),
            "downloaded": stored.downloaded,
            "archived": stored.archived,
            "api_stale": self.resolved.api_stale,
        });
        let listing = NewFile::add_up_to(&files);
        let content = NewContent {
            binding: self.target.binding.id,
            repository: self.located.repository.id,
            owner_id: self.located.repository.owner_id,
            installation_id: self.located.installation.github_id,
            git_ref: self.git_ref.to_string(),
            root_path: self.target.binding.root_path.clone(),
            commit: self.resolved.commit.sha,
            tree,
            files,
            listing: (listing != tree).then_some(listing),
        };
        self.finish(result, Some(content))
    }

    fn finish(self, result: serde_json::Value, content: Option<NewContent>) -> Finish {
        let publish = Publish {
            job: self.job.id,
            grants: self.context().config.access.grants,
            at: self.context().clock.now(),
            commit: self.resolved.commit.sha.to_string(),
            pushed_at: self.pushed_at,
            binding: self.target.binding,
            located: self.located,
            git_ref: self.git_ref,
            content,
        };
        Finish::with(Outcome::Completed(result), publish)
    }

    fn learnt(&self) -> Learnt {
        Learnt {
            job: Some(self.job.id),
            binding: Some(self.target.binding.clone()),
            tried: Some(self.resolved.commit.sha),
            installation: Some(self.located.installation.id),
            at: self.context().clock.now(),
            ..Learnt::default()
        }
    }

    fn context(&self) -> &Context {
        &self.sync.context
    }
}

fn files(entries: &[Entry], blobs: &BTreeMap<String, BlobId>) -> Step<Vec<NewFile>> {
    let file = |entry: &Entry| -> Step<NewFile> {
        let blob = blobs.get(&entry.oid.to_string()).copied();
        if entry.mode.is_file() && blob.is_none() {
            return Err(Stop::Error(anyhow::anyhow!(
                "{} was collected while it was being synced",
                entry.oid
            )));
        }
        let blob = blob.filter(|_| entry.mode.is_file());
        Ok(NewFile {
            path: entry.path.clone(),
            mode: entry.mode,
            sha: entry.oid,
            size: entry.size,
            blob,
        })
    };
    entries.iter().map(file).collect()
}

fn by_path(files: &[NewFile]) -> BTreeMap<String, BlobId> {
    files
        .iter()
        .filter_map(|file| Some((file.path.clone(), file.blob?)))
        .collect()
}

impl std::fmt::Debug for ContentSync {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContentSync")
    }
}
