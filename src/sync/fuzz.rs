//! What of a sync reads a contributor's words, without a database: for the fuzzers alone.

use super::stop::Stop;
use super::{listing, required};
use crate::github::client::Tree;

/// The entries that a listing proves to be its tree's, or why it is not believed.
pub fn listing(tree: &Tree) -> Result<Vec<String>, String> {
    let entries = listing::read(tree).map_err(said)?;
    listing::prove(tree.sha, &entries).map_err(said)?;
    Ok(entries.into_iter().map(|entry| entry.path).collect())
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
