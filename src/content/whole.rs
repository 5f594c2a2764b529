use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Content;
use crate::db::Conn;
use crate::db::schema::{blobs, content_files, contents};
use crate::git::{EntryMode, Oid, hash_listing};
use crate::ids::BlobId;

/// One file, and the blob that has its bytes, if it is there.
type Row = (String, String, String, Option<BlobId>);

/// The files of a content that have bytes, by path. `None` when it is not what was published: somebody has
/// taken rows away behind our back, and it has to be fetched anew. The bytes themselves are believed.
pub async fn whole_files(
    content: &Content,
    conn: &mut Conn,
) -> QueryResult<Option<BTreeMap<String, BlobId>>> {
    let its_bytes = content_files::blob_id
        .eq(blobs::id.nullable())
        .and(blobs::sha.eq(content_files::sha))
        .and(blobs::repository_id.eq(content.repository_id));
    let rows: Vec<Row> = content_files::table
        .left_join(blobs::table.on(its_bytes.assume_not_null()))
        .filter(content_files::content_id.eq(content.id))
        .select((
            content_files::path,
            content_files::mode,
            content_files::sha,
            blobs::id.nullable(),
        ))
        .load(conn)
        .await?;
    let listing: Option<Option<String>> = contents::table
        .find(content.id)
        .select(contents::listing_sha)
        .first(conn)
        .await
        .optional()?;
    let published = listing
        .flatten()
        .unwrap_or_else(|| content.tree_sha.clone());
    let is_whole = added_up(&rows).is_some_and(|found| found.to_string() == published);
    let with_bytes = |(path, .., blob): Row| Some((path, blob?));
    Ok(is_whole.then(|| rows.into_iter().filter_map(with_bytes).collect()))
}

/// `None` when a file has no bytes.
fn added_up(rows: &[Row]) -> Option<Oid> {
    let entries: Option<Vec<(&str, EntryMode, Oid)>> = rows
        .iter()
        .map(|(path, mode, sha, blob)| {
            let mode: EntryMode = mode.parse().ok()?;
            let is_there = blob.is_some() || !mode.is_file();
            is_there.then_some((path.as_str(), mode, sha.parse().ok()?))
        })
        .collect();
    Some(hash_listing(entries?))
}
