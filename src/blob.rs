//! Blobs: the bytes of files. A sha is trusted only within its repository.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::Conn;
use crate::db::schema::{blobs, content_files};
use crate::git::Oid;
use crate::ids::{BlobId, RepositoryRowId};

/// A file's bytes, whose sha has been verified.
#[derive(Debug, Clone)]
pub struct NewBlob {
    pub sha: Oid,
    pub bytes: Vec<u8>,
}

/// Both databases take at least this many parameters in one statement.
const CHUNK: usize = 500;

/// Those of `wanted` that are stored; each is marked as used, so that it is not collected while a
/// sync counts on it.
pub async fn stored(
    repository: RepositoryRowId,
    wanted: &[Oid],
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<BTreeMap<String, BlobId>> {
    let mut found = BTreeMap::new();
    for chunk in wanted.chunks(CHUNK) {
        let shas: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        let present = blobs::table.filter(
            blobs::repository_id
                .eq(repository)
                .and(blobs::sha.eq_any(shas)),
        );
        let rows: Vec<(String, BlobId)> = diesel::update(present)
            .set(blobs::used_at.eq(now))
            .returning((blobs::sha, blobs::id))
            .get_results(conn)
            .await?;
        found.extend(rows);
    }
    Ok(found)
}

/// Stores a batch; one that another sync has stored meanwhile is left as it is. In the order of the
/// shas, so that two that store the same ones wait for each other one way round.
pub async fn store(
    repository: RepositoryRowId,
    mut batch: Vec<NewBlob>,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<()> {
    batch.sort_by_key(|blob| blob.sha);
    for chunk in batch.chunks(CHUNK / 5) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|blob| {
                (
                    blobs::repository_id.eq(repository),
                    blobs::sha.eq(blob.sha.to_string()),
                    blobs::size.eq(i64::try_from(blob.bytes.len()).unwrap_or(i64::MAX)),
                    blobs::bytes.eq(&blob.bytes),
                    blobs::used_at.eq(now),
                )
            })
            .collect();
        diesel::insert_into(blobs::table)
            .values(rows)
            .on_conflict_do_nothing()
            .execute(conn)
            .await?;
    }
    Ok(())
}

pub async fn read(id: BlobId, conn: &mut Conn) -> QueryResult<Option<Vec<u8>>> {
    blobs::table
        .find(id)
        .select(blobs::bytes)
        .first(conn)
        .await
        .optional()
}

/// Deletes some that no content refers to and no sync has counted on since `unused_since`; fewer than
/// `limit` means: all of them.
///
/// A sync that took one for stored just before finds the reference refused when it publishes, and
/// runs again.
pub async fn collect(
    unused_since: DateTime<Utc>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<usize> {
    let referred = content_files::table.filter(content_files::blob_id.eq(blobs::id.nullable()));
    let unused: Vec<BlobId> = blobs::table
        .filter(blobs::used_at.lt(unused_since))
        .filter(not(exists(referred)))
        .order(blobs::used_at)
        .select(blobs::id)
        .limit(limit)
        .load(conn)
        .await?;
    let still_unused = blobs::table
        .filter(blobs::id.eq_any(unused))
        .filter(blobs::used_at.lt(unused_since));
    diesel::delete(still_unused).execute(conn).await
}
