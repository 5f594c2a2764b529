//! I6: the stored bytes are what their shas say, whether anything refers to them or not.

use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use super::{Findings, Invariant, Rule};
use crate::db::Conn;
use crate::db::schema::blobs;
use crate::git::{ObjectKind, hash_object};
use crate::ids::{BlobId, RepositoryRowId};

const NOT_THE_BYTES: Rule = Rule {
    invariant: Invariant::Atomic,
    name: "bytes_are_not_the_blob",
    means: "Stored bytes do not have the SHA-1 or the size that they were stored under: a file is served that is not in the repository.",
    remedy: "Check disk and memory. Delete the bindings that serve it and PUT them again after BINDERY_CONTENT_GRACE, or restore a backup.",
};

/// Rows of one page; their bytes are read in batches.
const PAGE: i64 = 1000;

/// Bytes held at once, beyond one file.
const BATCH: i64 = 4 << 20;

#[derive(Debug, Queryable)]
struct Row {
    id: BlobId,
    repository: RepositoryRowId,
    sha: String,
    size: i64,
    stored: i64,
}

/// A row never changes but for its use: no snapshot has to hold several together.
pub(super) async fn check(findings: &mut Findings, conn: &mut Conn) -> QueryResult<()> {
    let mut last = BlobId::new(0);
    loop {
        let page: Vec<Row> = blobs::table
            .filter(blobs::id.gt(last))
            .order(blobs::id)
            .limit(PAGE)
            .select((
                blobs::id,
                blobs::repository_id,
                blobs::sha,
                blobs::size,
                sql::<BigInt>("CAST(length(bytes) AS BIGINT)"),
            ))
            .load(conn)
            .await?;
        let Some(end) = page.last() else {
            return Ok(());
        };
        last = end.id;
        findings.looked_at("blobs", page.len());
        for batch in batches(&page) {
            check_batch(batch, findings, conn).await?;
        }
    }
}

fn batches(page: &[Row]) -> impl Iterator<Item = &[Row]> {
    let mut held = 0;
    page.chunk_by(move |row, next| {
        held += row.stored;
        let fits = held + next.stored <= BATCH;
        if !fits {
            held = 0;
        }
        fits
    })
}

async fn check_batch(batch: &[Row], findings: &mut Findings, conn: &mut Conn) -> QueryResult<()> {
    let ids: Vec<BlobId> = batch.iter().map(|row| row.id).collect();
    let stored: Vec<(BlobId, Vec<u8>)> = blobs::table
        .filter(blobs::id.eq_any(ids))
        .order(blobs::id)
        .select((blobs::id, blobs::bytes))
        .load(conn)
        .await?;
    for (id, bytes) in stored {
        let Some(row) = batch.iter().find(|row| row.id == id) else {
            continue;
        };
        let found = hash_object(ObjectKind::Blob, &bytes).to_string();
        if found != row.sha || usize::try_from(row.size) != Ok(bytes.len()) {
            let place = format!("blob {id}, of the repository in row {}", row.repository);
            let (size, length) = (row.size, bytes.len());
            let what = format!("{found} of {length} bytes, stored as {} of {size}", row.sha);
            findings.add(&NOT_THE_BYTES, place, what);
        }
    }
    Ok(())
}
