//! Fetches the blobs that are not stored, many by an archive and few one by one, verifies and stores them in
//! small batches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::listing::Entry;
use super::locate::Located;
use super::stop::{Learnt, Step, Stop};
use crate::binding::RootPath;
use crate::blob::{self, NewBlob};
use crate::context::Context;
use crate::git::{ObjectKind, Oid, hash_object};
use crate::ids::BlobId;

/// A batch is written in one transaction, and the inbox must not wait behind it.
const BATCH_BYTES: usize = 1 << 20;

/// Bytes that the downloads of all syncs may hold together, in units of a KiB. A file counts twice, for
/// it is copied once on its way into the database; one that is larger than the budget goes alone.
const BUDGET_KIB: u32 = 192 << 10;

/// Files in one transaction, however small.
const BATCH_FILES: usize = 200;

pub(super) struct Downloader<'a> {
    pub(super) context: &'a Context,
    pub(super) located: &'a Located,
    pub(super) budget: &'a Semaphore,
    pub(super) learnt: &'a Learnt,
    /// What is listed is of this commit, under this path.
    pub(super) commit: Oid,
    pub(super) root: &'a RootPath,
}

/// Verified blobs that wait to be written together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    blobs: Vec<NewBlob>,
    bytes: usize,
}

/// The stored blobs of a tree, by sha, and how many of them had to be downloaded.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) blobs: BTreeMap<String, BlobId>,
    pub(super) downloaded: usize,
    /// How many of those came with an archive.
    pub(super) archived: usize,
}

impl Downloader<'_> {
    pub(super) async fn store(&self, entries: &[Entry]) -> Step<Stored> {
        let sizes: BTreeMap<Oid, u64> = entries
            .iter()
            .filter(|entry| entry.mode.is_file())
            .map(|entry| (entry.oid, entry.size))
            .collect();
        let wanted: Vec<Oid> = sizes.keys().copied().collect();
        let mut blobs = self.stored(&wanted).await?;
        let lacking: Vec<Oid> = wanted
            .into_iter()
            .filter(|oid| !blobs.contains_key(&oid.to_string()))
            .collect();
        let mut missing: BTreeSet<Oid> = lacking.iter().copied().collect();
        self.take_from_archive(entries, &mut missing).await?;
        let archived = lacking.len() - missing.len();
        self.download(&missing, &sizes).await?;
        blobs.extend(self.stored(&lacking).await?);
        Ok(Stored {
            blobs,
            downloaded: lacking.len(),
            archived,
        })
    }

    async fn stored(&self, wanted: &[Oid]) -> Step<BTreeMap<String, BlobId>> {
        if wanted.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut conn = self.context.db.write().await?;
        Ok(blob::stored(self.located.repository.id, wanted, self.now(), &mut conn).await?)
    }

    async fn download(&self, missing: &BTreeSet<Oid>, sizes: &BTreeMap<Oid, u64>) -> Step<()> {
        let concurrent = self.context.config.sync.concurrent_downloads as usize;
        let fetches: Vec<_> = missing
            .iter()
            .map(|oid| self.fetch(*oid, sizes.get(oid).copied().unwrap_or(0)))
            .collect();
        let mut fetched = stream::iter(fetches).buffer_unordered(concurrent.max(1));
        let mut batch = Batch::default();
        while let Some((blob, share)) = fetched.try_next().await? {
            self.add(blob, &mut batch).await?;
            // A batch that waits for more is small and holds nothing: else two could wait for each other.
            drop(share);
        }
        self.write(batch).await
    }

    pub(super) async fn add(&self, blob: NewBlob, batch: &mut Batch) -> Step<()> {
        batch.bytes += blob.bytes.len();
        batch.blobs.push(blob);
        if batch.bytes >= BATCH_BYTES || batch.blobs.len() >= BATCH_FILES {
            self.write(std::mem::take(batch)).await?;
        }
        Ok(())
    }

    /// Room for a file of this size, until it is written.
    pub(super) async fn share(&self, size: u64) -> Step<SemaphorePermit<'_>> {
        let kib = u32::try_from((size * 2).div_ceil(1024)).unwrap_or(BUDGET_KIB);
        let kib = kib.clamp(1, BUDGET_KIB);
        let permit = self.budget.acquire_many(kib).await;
        Ok(permit.map_err(anyhow::Error::from)?)
    }

    async fn fetch(&self, oid: Oid, size: u64) -> Step<(NewBlob, SemaphorePermit<'_>)> {
        let permit = self.share(size).await?;
        let Located {
            app,
            installation,
            repository,
        } = self.located;
        let max = self.context.config.sync.max_file.as_u64();
        let bytes = app
            .github
            .blob(installation.github_id, repository.github_id, oid, max)
            .await
            .map_err(|error| Stop::of(error, self.learnt.clone(), "downloading a file"))?;
        let bytes = Vec::from(bytes);
        if hash_object(ObjectKind::Blob, &bytes) != oid {
            return Err(Stop::Error(anyhow::anyhow!(
                "the bytes that GitHub sent for {oid} are not that blob"
            )));
        }
        Ok((NewBlob { sha: oid, bytes }, permit))
    }

    pub(super) async fn write(&self, batch: Batch) -> Step<()> {
        if batch.blobs.is_empty() {
            return Ok(());
        }
        let repository = self.located.repository.id;
        let mut conn = self.context.db.write().await?;
        Ok(blob::store(repository, batch.blobs, self.now(), &mut conn).await?)
    }

    fn now(&self) -> DateTime<Utc> {
        self.context.clock.now()
    }
}

/// One budget for all syncs of the process.
pub(super) fn budget() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(BUDGET_KIB as usize))
}
