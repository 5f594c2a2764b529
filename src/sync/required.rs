//! The files without which a tree is not published.

use std::collections::BTreeMap;

use super::stop::{Step, Stop};
use crate::binding::Binding;
use crate::blob;
use crate::context::Context;
use crate::ids::BlobId;

/// Docverse's clients expect this one to be readable, not only there.
const TEMPLATE: &str = "template.toml";

/// `files` are the tree's files, by path.
pub(super) async fn check(
    binding: &Binding,
    files: &BTreeMap<String, BlobId>,
    context: &Context,
) -> Step<()> {
    for path in &binding.required_files.0 {
        let Some(blob) = files.get(path) else {
            return Err(Stop::discard(format!(
                "the required file {path} is missing under {}",
                binding.root_path
            )));
        };
        if path == TEMPLATE {
            check_toml(path, *blob, context).await?;
        }
    }
    Ok(())
}

async fn check_toml(path: &str, id: BlobId, context: &Context) -> Step<()> {
    let mut conn = context.db.read().await?;
    let bytes = blob::read(id, &mut conn).await?.unwrap_or_default();
    match fault_of_toml(&bytes) {
        None => Ok(()),
        Some(why) => Err(Stop::discard(format!(
            "the required file {path} is not valid TOML: {why}"
        ))),
    }
}

pub(super) fn fault_of_toml(bytes: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Some(error.to_string()),
    };
    let error = toml::from_str::<toml::Table>(text).err()?;
    Some(error.message().to_owned())
}
