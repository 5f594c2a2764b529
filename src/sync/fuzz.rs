//! What of a sync reads a contributor's words, without a database: for the fuzzers alone.

use futures_util::FutureExt;

use super::stop::Stop;
use super::tar::{Bounds, Tar};
use super::{listing, required};
use crate::github::client::Tree;

/// The entries that a listing proves to be its tree's, or why it is not believed.
pub fn listing(tree: &Tree) -> Result<Vec<String>, String> {
    let entries = listing::read(tree).map_err(said)?;
    listing::prove(tree.sha, &entries).map_err(said)?;
    Ok(entries.into_iter().map(|entry| entry.path).collect())
}

/// A path and the bytes that a tar has under it.
pub type ArchivedFile = (Vec<u8>, Vec<u8>);

/// The regular files of a tar, in its order, and why it was not read to its end.
pub fn archive(tar: &[u8], bytes: u64, entries: u64) -> (Vec<ArchivedFile>, Option<String>) {
    let mut found = Vec::new();
    let read = async {
        let mut tar = Tar::new(tar, Bounds { bytes, entries });
        while let Some(file) = tar.next().await? {
            found.push((file.path, tar.bytes().await?));
        }
        std::io::Result::Ok(())
    };
    let read = read.now_or_never();
    let ended = read.expect("what is in memory is there at once");
    (found, ended.err().map(|error| error.to_string()))
}

/// What is wrong with a `template.toml`.
pub fn template(bytes: &[u8]) -> Option<String> {
    required::fault_of_toml(bytes)
}

fn said(stop: Stop) -> String {
    match stop {
        Stop::Error(error) => format!("{error:#}"),
        Stop::Finish(finish) => format!("{:?}", finish.outcome),
    }
}
