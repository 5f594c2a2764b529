//! Content: the stored tree of a binding at a commit. Immutable; a binding points at one.

mod whole;

pub use whole::whole_files;

use chrono::{DateTime, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::{bindings, blobs, content_files, contents, repositories};
use crate::db::{Conn, Dialect};
use crate::git::{EntryMode, Oid, hash_listing};
use crate::github::ids::{InstallationId, OwnerId, RepositoryId};
use crate::ids::{BindingId, BlobId, ContentId, RepositoryRowId};

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = contents, check_for_backend(Dialect))]
pub struct Content {
    pub id: ContentId,
    pub binding_id: BindingId,
    pub repository_id: RepositoryRowId,
    pub owner_id: OwnerId,
    pub installation_id: InstallationId,
    pub git_ref: String,
    pub root_path: String,
    pub commit_sha: String,
    pub tree_sha: String,
    pub created_at: DateTime<Utc>,
}

/// A tree that is about to be published, and whose it is.
#[derive(Debug, Clone)]
pub struct NewContent {
    pub binding: BindingId,
    pub repository: RepositoryRowId,
    pub owner_id: OwnerId,
    pub installation_id: InstallationId,
    pub git_ref: String,
    pub root_path: String,
    pub commit: Oid,
    pub tree: Oid,
    pub files: Vec<NewFile>,
    /// What the files add up to, where that is not the tree; see [`NewFile::add_up_to`].
    pub listing: Option<Oid>,
}

/// One entry below the root path. Symlinks and submodules have no blob: they are listed, not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    pub path: String,
    pub mode: EntryMode,
    pub sha: Oid,
    pub size: u64,
    pub blob: Option<BlobId>,
}

impl NewFile {
    /// What git would call the tree that holds these files and nothing else. Not always the one that they
    /// are from: that may have empty folders, or modes that are written otherwise today.
    pub fn add_up_to(files: &[Self]) -> Oid {
        let entries = files
            .iter()
            .map(|file| (file.path.as_str(), file.mode, file.sha));
        hash_listing(entries)
    }
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = content_files, check_for_backend(Dialect))]
pub struct ContentFile {
    pub path: String,
    pub mode: String,
    pub sha: String,
    pub size: i64,
    pub blob_id: Option<BlobId>,
}

/// Rows of `content_files` in one statement: six parameters each, within SQLite's 32,766.
const ROWS: usize = 1000;

/// Writes the whole tree, in the transaction that publishes it.
pub async fn insert(
    new: &NewContent,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<ContentId> {
    let row = (
        contents::binding_id.eq(new.binding),
        contents::repository_id.eq(new.repository),
        contents::owner_id.eq(new.owner_id),
        contents::installation_id.eq(new.installation_id),
        contents::git_ref.eq(&new.git_ref),
        contents::root_path.eq(&new.root_path),
        contents::commit_sha.eq(new.commit.to_string()),
        contents::tree_sha.eq(new.tree.to_string()),
        contents::listing_sha.eq(new.listing.map(|sha| sha.to_string())),
        contents::created_at.eq(now),
    );
    let id: ContentId = diesel::insert_into(contents::table)
        .values(row)
        .returning(contents::id)
        .get_result(conn)
        .await?;
    for chunk in new.files.chunks(ROWS) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|file| {
                (
                    content_files::content_id.eq(id),
                    content_files::path.eq(&file.path),
                    content_files::mode.eq(file.mode.as_str()),
                    content_files::sha.eq(file.sha.to_string()),
                    content_files::size.eq(i64::try_from(file.size).unwrap_or(i64::MAX)),
                    content_files::blob_id.eq(file.blob),
                )
            })
            .collect();
        diesel::insert_into(content_files::table)
            .values(rows)
            .execute(conn)
            .await?;
    }
    Ok(id)
}

pub async fn find(id: ContentId, conn: &mut Conn) -> QueryResult<Option<Content>> {
    contents::table
        .find(id)
        .select(Content::as_select())
        .first(conn)
        .await
        .optional()
}

/// The newest that was published for a binding at a commit, if it is still kept.
pub async fn of_commit(
    binding: BindingId,
    commit: &str,
    conn: &mut Conn,
) -> QueryResult<Option<Content>> {
    contents::table
        .filter(contents::binding_id.eq(binding))
        .filter(contents::commit_sha.eq(commit))
        .order(contents::id.desc())
        .select(Content::as_select())
        .first(conn)
        .await
        .optional()
}

/// By path, after the one given.
pub async fn files(
    content: ContentId,
    after: Option<&str>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<ContentFile>> {
    content_files::table
        .filter(content_files::content_id.eq(content))
        .filter(content_files::path.gt(after.unwrap_or_default()))
        .order(content_files::path)
        .limit(limit)
        .select(ContentFile::as_select())
        .load(conn)
        .await
}

pub async fn file(
    content: ContentId,
    path: &str,
    conn: &mut Conn,
) -> QueryResult<Option<ContentFile>> {
    content_files::table
        .find((content, path))
        .select(ContentFile::as_select())
        .first(conn)
        .await
        .optional()
}

/// A file's bytes with its row, in one query: the content may be replaced between two.
pub async fn file_bytes(
    content: ContentId,
    path: &str,
    conn: &mut Conn,
) -> QueryResult<Option<(ContentFile, Option<Vec<u8>>)>> {
    content_files::table
        .left_join(blobs::table)
        .filter(
            content_files::content_id
                .eq(content)
                .and(content_files::path.eq(path)),
        )
        .select((ContentFile::as_select(), blobs::bytes.nullable()))
        .first(conn)
        .await
        .optional()
}

/// GitHub's id of the repository that the content is from.
pub async fn source(content: &Content, conn: &mut Conn) -> QueryResult<RepositoryId> {
    repositories::table
        .find(content.repository_id)
        .select(repositories::github_id)
        .first(conn)
        .await
}

/// All content of a binding that goes.
pub async fn drop_all(binding: BindingId, conn: &mut Conn) -> QueryResult<()> {
    diesel::delete(contents::table.filter(contents::binding_id.eq(binding)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Files that are deleted in one transaction.
const SLICE: i64 = 2000;

/// Deletes one content that was replaced before `replaced_before`, or a slice of its files: until then a
/// reader that began with it can finish. `false` when there is none.
pub async fn collect(replaced_before: DateTime<Utc>, conn: &mut Conn) -> QueryResult<bool> {
    let newer = diesel::alias!(contents as newer);
    let pointed_at = bindings::table.filter(bindings::content_id.eq(contents::id.nullable()));
    // Replaced when the next one of its binding was made.
    let replaced = newer
        .filter(newer.field(contents::binding_id).eq(contents::binding_id))
        .filter(newer.field(contents::id).gt(contents::id))
        .filter(newer.field(contents::created_at).lt(replaced_before));
    let old: Option<ContentId> = contents::table
        .filter(not(exists(pointed_at)))
        .filter(exists(replaced))
        .order(contents::id)
        .select(contents::id)
        .first(conn)
        .await
        .optional()?;
    let Some(old) = old else {
        return Ok(false);
    };
    let of_it = content_files::content_id.eq(old);
    let slice_ends: Option<String> = content_files::table
        .filter(of_it)
        .order(content_files::path)
        .select(content_files::path)
        .limit(1)
        .offset(SLICE)
        .first(conn)
        .await
        .optional()?;
    match slice_ends {
        Some(path) => {
            let slice = content_files::table.filter(of_it.and(content_files::path.lt(path)));
            diesel::delete(slice).execute(conn).await?;
        }
        None => {
            diesel::delete(contents::table.find(old))
                .execute(conn)
                .await?;
        }
    }
    Ok(true)
}
