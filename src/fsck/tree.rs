//! I6 and I5 of what is served: every file of the tree is listed, with bytes of that repository.

use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::binding::Bound;
use super::{Findings, Invariant, Rule};
use crate::content::Content;
use crate::db::Conn;
use crate::db::schema::{blobs, content_files, contents};
use crate::git::{EntryMode, Oid, hash_listing};
use crate::ids::RepositoryRowId;

const NOT_THE_TREE: Rule = Rule {
    invariant: Invariant::Atomic,
    name: "listing_is_not_the_tree",
    means: "The files that are served do not add up to the tree that was published: some are missing, too many or changed.",
    remedy: "Sync it (POST {binding}/sync): what is not whole is fetched and published anew.",
};

const NO_BYTES: Rule = Rule {
    invariant: Invariant::Atomic,
    name: "file_without_bytes",
    means: "A file is listed and its bytes are not stored: reading it fails.",
    remedy: "Sync it (POST {binding}/sync): what is missing is fetched and published anew.",
};

const OTHER_BYTES: Rule = Rule {
    invariant: Invariant::Atomic,
    name: "file_with_other_bytes",
    means: "A file is listed with the bytes of another one.",
    remedy: "Sync it (POST {binding}/sync): what is not whole is published anew.",
};

const BYTES_OF_ANOTHER: Rule = Rule {
    invariant: Invariant::Identity,
    name: "bytes_of_another_repository",
    means: "The bytes of a file are kept for another repository: a SHA-1 is trusted only within one.",
    remedy: "Sync it (POST {binding}/sync); find out what wrote the row, for Bindery does not.",
};

/// Rows of one page.
const PAGE: i64 = 5000;

/// One file, and what its bytes are kept as.
#[derive(Debug, Queryable)]
struct Row {
    path: String,
    mode: String,
    sha: String,
    size: i64,
    /// Whose they are, their sha and their size.
    blob: Option<(RepositoryRowId, String, i64)>,
}

/// The listing of one binding is held in memory: some 150 bytes for each of BINDERY_SYNC_MAX_FILES.
pub(super) async fn check(
    bound: &Bound,
    content: &Content,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    let mut files: Vec<(String, EntryMode, Oid)> = Vec::new();
    let mut last = String::new();
    let mut unreadable = None;
    loop {
        let page = read(content, &last, conn).await?;
        let Some(end) = page.last() else {
            break;
        };
        last.clone_from(&end.path);
        findings.looked_at("files", page.len());
        for row in page {
            look_at(&row, bound, content, findings);
            match (row.mode.parse(), row.sha.parse()) {
                (Ok(mode), Ok(sha)) => files.push((row.path, mode, sha)),
                _ => unreadable = Some(row.path),
            }
        }
    }
    let entries = files
        .iter()
        .map(|(path, mode, sha)| (path.as_str(), *mode, *sha));
    let found = hash_listing(entries).to_string();
    let published = published(content, conn).await?;
    if let Some(path) = unreadable {
        findings.add(
            &NOT_THE_TREE,
            bound.place(),
            format!("{path} has no mode and sha of git's"),
        );
    } else if found != published {
        let what = format!(
            "{} files add up to {found}, not to {published}",
            files.len()
        );
        findings.add(&NOT_THE_TREE, bound.place(), what);
    }
    Ok(())
}

/// In the order of the primary key, whichever that is: the tree is put together afterwards.
async fn read(content: &Content, after: &str, conn: &mut Conn) -> QueryResult<Vec<Row>> {
    content_files::table
        .left_join(blobs::table)
        .filter(content_files::content_id.eq(content.id))
        .filter(content_files::path.gt(after))
        .order(content_files::path)
        .limit(PAGE)
        .select((
            content_files::path,
            content_files::mode,
            content_files::sha,
            content_files::size,
            (blobs::repository_id, blobs::sha, blobs::size).nullable(),
        ))
        .load(conn)
        .await
}

fn look_at(row: &Row, bound: &Bound, content: &Content, findings: &mut Findings) {
    let place = || format!("{}, {}", bound.place(), row.path.escape_debug());
    let is_file = row.mode.parse::<EntryMode>().is_ok_and(EntryMode::is_file);
    match &row.blob {
        None if is_file => findings.add(&NO_BYTES, place(), format!("no blob {}", row.sha)),
        Some((repository, ..)) if *repository != content.repository_id => {
            let what = format!("they are kept for the repository in row {repository}");
            findings.add(&BYTES_OF_ANOTHER, place(), what);
        }
        Some((_, sha, size)) if *sha != row.sha || *size != row.size => {
            let what = format!("{sha} of {size} bytes, not {} of {}", row.sha, row.size);
            findings.add(&OTHER_BYTES, place(), what);
        }
        _ => {}
    }
}

/// What the listing added up to when it was published.
async fn published(content: &Content, conn: &mut Conn) -> QueryResult<String> {
    let listing: Option<String> = contents::table
        .find(content.id)
        .select(contents::listing_sha)
        .first(conn)
        .await?;
    Ok(listing.unwrap_or_else(|| content.tree_sha.clone()))
}
