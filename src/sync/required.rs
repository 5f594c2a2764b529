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
    let invalid =
        |why: String| Stop::discard(format!("the required file {path} is not valid TOML: {why}"));
    let text = std::str::from_utf8(&bytes).map_err(|error| invalid(error.to_string()))?;
    match toml::from_str::<toml::Table>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid(error.message().to_owned())),
    }
}
