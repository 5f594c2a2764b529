//! Many files at once: a commit's archive as a source of bytes, each file of which is proven by its sha.
//!
//! The listing says what there is; the archive says nothing. What it lacks or has otherwise (attributes leave
//! files out, put words in and turn line ends) is fetched blob by blob, and so is all of it when it cannot be read.

use std::collections::{BTreeSet, HashMap};

use async_compression::tokio::bufread::GzipDecoder;
use tokio::io::AsyncRead;

use super::download::{Batch, Downloader};
use super::listing::Entry;
use super::locate::Located;
use super::stop::{Step, Stop};
use super::tar::{Bounds, Tar};
use crate::binding::RootPath;
use crate::blob::NewBlob;
use crate::git::{ObjectKind, Oid, hash_object};

/// Fewer files come sooner one by one: six at a time they take the second that GitHub needs to make an
/// archive of a middling repository, and more bytes come with it than are wanted.
const FEWEST: usize = 64;

/// What a spared request is worth in bytes that nobody wanted, compressed and not: a request takes about
/// 100 ms, in which a slow line brings so much. Text is packed to a quarter.
const WORTH: u64 = 256 << 10;
const WORTH_UNPACKED: u64 = 1 << 20;

/// However many requests are spared.
const MOST: u64 = 256 << 20;
const MOST_UNPACKED: u64 = 1 << 30;

/// Entries of one archive: larger repositories than are known have half as many.
const MOST_ENTRIES: u64 = 1_000_000;

/// How much of an archive is read for the files that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Allowance {
    compressed: u64,
    unpacked: u64,
}

impl Allowance {
    /// `None` when the files are better fetched one by one: they are few, or what is known of the archive
    /// is more than would be read of it.
    fn of(missing: usize, missing_bytes: u64, listed_bytes: u64) -> Option<Self> {
        let spared = missing as u64;
        let allowance = Self {
            compressed: missing_bytes + (spared * WORTH).min(MOST),
            unpacked: missing_bytes + (spared * WORTH_UNPACKED).min(MOST_UNPACKED),
        };
        (missing >= FEWEST && listed_bytes <= allowance.unpacked).then_some(allowance)
    }
}

/// The files that are missing, by their paths in the repository.
#[derive(Debug)]
struct Wanted<'a> {
    prefix: &'a str,
    by_path: HashMap<&'a [u8], &'a Entry>,
}

impl<'a> Wanted<'a> {
    fn new(root: &'a RootPath, entries: &'a [Entry], missing: &BTreeSet<Oid>) -> Self {
        let files = entries
            .iter()
            .filter(|entry| entry.mode.is_file() && missing.contains(&entry.oid));
        Self {
            prefix: root.as_str().trim_matches('/'),
            by_path: files.map(|entry| (entry.path.as_bytes(), entry)).collect(),
        }
    }

    /// What the listing has at a path of the archive's, below its one folder.
    fn at(&self, path: &[u8]) -> Option<&'a Entry> {
        let slash = path.iter().position(|byte| *byte == b'/')?;
        let path = &path[slash + 1..];
        let path = match self.prefix {
            "" => path,
            prefix => path.strip_prefix(prefix.as_bytes())?.strip_prefix(b"/")?,
        };
        self.by_path.get(path).copied()
    }
}

impl Downloader<'_> {
    /// Stores what the archive has of the missing files, and takes them out of `missing`. An archive that
    /// cannot be had or read is logged, and fails nothing.
    pub(super) async fn take_from_archive(
        &self,
        entries: &[Entry],
        missing: &mut BTreeSet<Oid>,
    ) -> Step<()> {
        let sizes = |wanted: &dyn Fn(&Entry) -> bool| -> u64 {
            let files = entries.iter().filter(|entry| entry.mode.is_file());
            files
                .filter(|entry| wanted(entry))
                .map(|entry| entry.size)
                .sum()
        };
        let missing_bytes = sizes(&|entry| missing.contains(&entry.oid));
        let Some(allowance) = Allowance::of(missing.len(), missing_bytes, sizes(&|_| true)) else {
            return Ok(());
        };
        let wanted = Wanted::new(self.root, entries, missing);
        let mut batch = Batch::default();
        let taken = self.read(allowance, &wanted, missing, &mut batch).await;
        // What came before it broke is as good as any.
        self.write(batch).await?;
        match taken {
            Err(Stop::Error(error)) if error.is::<Unusable>() => {
                let still_missing = missing.len();
                tracing::warn!(error = %format!("{error:#}"), still_missing, "the archive is of no more use: fetching file by file");
                Ok(())
            }
            taken => taken,
        }
    }

    async fn read(
        &self,
        allowance: Allowance,
        wanted: &Wanted<'_>,
        missing: &mut BTreeSet<Oid>,
        batch: &mut Batch,
    ) -> Step<()> {
        let Located {
            app,
            installation,
            repository,
        } = self.located;
        let (installation, repository) = (installation.github_id, repository.github_id);
        let asked = app
            .github
            .archive(installation, repository, self.commit, allowance.compressed);
        let mut archive = asked.await.map_err(unusable)?;
        let bounds = Bounds {
            bytes: allowance.unpacked,
            entries: MOST_ENTRIES,
        };
        let mut tar = Tar::new(GzipDecoder::new(archive.bytes()), bounds);
        self.take(&mut tar, wanted, missing, batch).await
    }

    /// Ends with the tar, or with the last file that is missing.
    async fn take(
        &self,
        tar: &mut Tar<impl AsyncRead + Unpin>,
        wanted: &Wanted<'_>,
        missing: &mut BTreeSet<Oid>,
        batch: &mut Batch,
    ) -> Step<()> {
        while !missing.is_empty() {
            let Some(file) = tar.next().await.map_err(unusable)? else {
                break;
            };
            let Some(entry) = wanted.at(&file.path) else {
                continue;
            };
            if entry.size != file.size || !missing.contains(&entry.oid) {
                continue;
            }
            let share = self.share(file.size).await?;
            let bytes = tar.bytes().await.map_err(unusable)?;
            if hash_object(ObjectKind::Blob, &bytes) == entry.oid {
                missing.remove(&entry.oid);
                let sha = entry.oid;
                self.add(NewBlob { sha, bytes }, batch).await?;
            }
            drop(share);
        }
        Ok(())
    }
}

/// Of the archive, and of nothing else in a sync.
#[derive(Debug, thiserror::Error)]
#[error("reading the archive")]
struct Unusable(#[source] anyhow::Error);

fn unusable(error: impl Into<anyhow::Error>) -> Stop {
    Stop::Error(Unusable(error.into()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::EntryMode;

    #[test]
    fn an_archive_is_for_many_files_that_are_much_of_it() {
        assert_eq!(Allowance::of(63, 63, 63), None, "few");
        let many = Allowance::of(64, 1_000, 1_000).expect("many");
        assert_eq!(many.compressed, 1_000 + (16 << 20));
        assert_eq!(many.unpacked, 1_000 + (64 << 20));
        assert_eq!(Allowance::of(64, 1_000, many.unpacked), Some(many));
        assert_eq!(Allowance::of(64, 1_000, many.unpacked + 1), None);
        let most = Allowance::of(100_000, 5, 5).expect("many");
        assert_eq!(
            (most.compressed, most.unpacked),
            (5 + MOST, 5 + MOST_UNPACKED)
        );
    }

    #[test]
    fn a_path_is_compared_and_nothing_else() {
        let entry = |path: &str| Entry {
            path: path.to_owned(),
            mode: EntryMode::File,
            oid: Oid::ZERO,
            size: 1,
        };
        let entries = [entry("x"), entry("d/y")];
        let missing = BTreeSet::from([Oid::ZERO]);
        let (whole, below): (RootPath, RootPath) =
            ("/".parse().expect("a root"), "/a/b".parse().expect("one"));
        let of = |root, path: &str| {
            let found = Wanted::new(root, &entries, &missing).at(path.as_bytes());
            found.map(|entry| entry.path.clone())
        };
        assert_eq!(of(&whole, "top/x").as_deref(), Some("x"));
        assert_eq!(of(&whole, "top/d/y").as_deref(), Some("d/y"));
        assert_eq!(of(&below, "top/a/b/d/y").as_deref(), Some("d/y"));
        for other in ["x", "top/../x", "top//x", "/top/x", "top/./x", "top/x/", ""] {
            assert_eq!(of(&whole, other), None, "{other}");
        }
        for other in ["top/x", "top/a/bx", "top/a/b", "top/a/b//x"] {
            assert_eq!(of(&below, other), None, "{other}");
        }
    }
}
