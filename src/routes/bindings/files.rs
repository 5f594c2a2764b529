use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::at::{At, AtPath};
use super::{readable, served};
use crate::binding::Binding;
use crate::content::{self, Content, ContentFile};
use crate::db::Conn;
use crate::ids::ContentId;
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::etag::ETag;
use crate::routes::page::{self, Page};
use crate::routes::problem::{ApiError, Kind};
use crate::token::Role;

/// What a binding serves, and whose it is: of the last good sync, whatever the last one said.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FilesBody {
    github_repo_id: i64,
    /// Of the repository when this was published.
    github_owner_id: i64,
    github_installation_id: i64,
    github_ref: String,
    root_path: String,
    commit_sha: String,
    tree_sha: String,
    date_published: DateTime<Utc>,
    files: Vec<FileBody>,
}

/// One entry below the root path.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FileBody {
    #[schema(example = "css/site.css")]
    path: String,
    /// As `git ls-tree` writes it.
    #[schema(example = "100644")]
    mode: String,
    /// Bytes.
    size: i64,
    /// Of the blob; of a submodule, its commit.
    sha: String,
    /// Why it has no bytes here; null for a file.
    skipped: Option<Skipped>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Skipped {
    Symlink,
    Submodule,
}

impl Skipped {
    fn of(file: &ContentFile) -> Option<Self> {
        match (file.blob_id, file.mode.as_str()) {
            (Some(_), _) => None,
            (None, "120000") => Some(Self::Symlink),
            (None, _) => Some(Self::Submodule),
        }
    }
}

impl From<ContentFile> for FileBody {
    fn from(file: ContentFile) -> Self {
        Self {
            skipped: Skipped::of(&file),
            path: file.path,
            mode: file.mode,
            size: file.size,
            sha: file.sha,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FileListQuery {
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// From the `Link` of the page before. All pages are of the tree that the first was of.
    cursor: Option<String>,
}

/// Lists the files that a binding serves, by path
///
/// Of the last good sync, whatever the last one said.
#[utoipa::path(
    get, path = "/orgs/{org}/bindings/{name}/files", tag = "bindings", operation_id = "list_files",
    params(AtPath, FileListQuery),
    responses(
        (status = 200, description = "A page of them, and whose they are", body = FilesBody),
        (status = 403, description = "The organisation has no grant for it any more"),
    ),
)]
pub(super) async fn list(
    api: web::Data<Api>,
    caller: Caller,
    at: At,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.read().await?;
    let binding = at.find(&caller, Role::Viewer, &mut conn).await?;
    let query: FileListQuery = page::query(&request)?;
    let page = Page::new("files", query.limit, query.cursor.as_deref())?;
    let (content, after) = begin(&binding, page.after(), &mut conn).await?;
    readable::check(&binding, content.id, &api, &mut conn).await?;
    let mut rows = content::files(content.id, after, page.rows(), &mut conn).await?;
    let next = page.cut(&mut rows, |file| format!("{}:{}", content.id, file.path));
    let body = FilesBody {
        github_repo_id: content::source(&content, &mut conn).await?.get(),
        github_owner_id: content.owner_id.get(),
        github_installation_id: content.installation_id.get(),
        github_ref: content.git_ref,
        root_path: content.root_path,
        commit_sha: content.commit_sha,
        tree_sha: content.tree_sha,
        date_published: content.created_at,
        files: rows.into_iter().map(FileBody::from).collect(),
    };
    Ok(page.answer(&api, &request, &body, next.as_deref()))
}

/// The content to list, and the path to go on after. A list that was begun goes on with the same
/// content though it may have been replaced; it is collected only later.
pub(in crate::routes) async fn begin<'a>(
    binding: &Binding,
    position: Option<&'a str>,
    conn: &mut Conn,
) -> Result<(Content, Option<&'a str>), ApiError> {
    let Some(position) = position else {
        let id = binding.content_id.ok_or_else(no_content)?;
        let content = content::find(id, conn).await?;
        return Ok((content.ok_or_else(no_content)?, None));
    };
    let (id, path) = position.split_once(':').ok_or_else(page::bad_cursor)?;
    let id = id.parse().map_err(|_| page::bad_cursor())?;
    let content = content::find(ContentId::new(id), conn).await?;
    let content = content.filter(|content| content.binding_id == binding.id);
    Ok((content.ok_or_else(page::bad_cursor)?, Some(path)))
}

fn no_content() -> ApiError {
    ApiError::no_such("content yet: no sync of the binding has succeeded")
}

/// Gives the bytes of one file
///
/// Never as a page or a script: as text or as bytes, to be saved.
#[utoipa::path(
    get, path = "/orgs/{org}/bindings/{name}/files/{path}", tag = "bindings", operation_id = "get_file",
    params(
        AtPath,
        ("path" = String, Path, description = "As listed; it may have slashes"),
        ("If-None-Match" = Option<String>, Header, description = "The tag that the client has"),
    ),
    responses(
        (status = 200, description = "Its bytes", body = Vec<u8>, content_type = "application/octet-stream",
            headers(("ETag" = String, description = "The sha of its blob"))),
        (status = 304, description = "As the client has it"),
        (status = 403, description = "The organisation has no grant for it any more"),
        (status = 503, description = "Too many files are read at once (`BINDERY_FILES_MEMORY`)"),
    ),
)]
pub(super) async fn file(
    api: web::Data<Api>,
    caller: Caller,
    at: At,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.read().await?;
    let binding = at.find(&caller, Role::Viewer, &mut conn).await?;
    let content = binding.content_id.ok_or_else(no_content)?;
    readable::check(&binding, content, &api, &mut conn).await?;
    let path = path_of(&request).ok_or_else(no_such_file)?;
    let file = content::file(content, &path, &mut conn).await?;
    let file = file.ok_or_else(no_such_file)?;
    if file.blob_id.is_none() {
        return Err(not_a_file(&file));
    }
    let etag = ETag::new(&file.sha);
    if etag.is_known_to(request.headers()) {
        let etag = (header::ETAG, etag.as_str());
        return Ok(HttpResponse::NotModified().insert_header(etag).finish());
    }
    // Nobody waits for room with a connection in hand.
    drop(conn);
    let room = served::room(&file, binding.organization_id, &api).await?;
    match content::file_bytes(content, &path, &mut *api.read().await?).await? {
        Some((file, Some(bytes))) => Ok(served::raw(&file, bytes, room)),
        Some((file, None)) => Err(not_a_file(&file)),
        None => Err(no_such_file()),
    }
}

/// The path as it is in the tree. The router has decoded all but `%25`, `%2F` and `%2B`.
pub(in crate::routes) fn path_of(request: &HttpRequest) -> Option<String> {
    let path = request.match_info().get("path")?;
    let path = percent_decode_str(path).decode_utf8().ok()?;
    (!path.is_empty() && !path.contains('\0')).then(|| path.into_owned())
}

fn no_such_file() -> ApiError {
    ApiError::no_such("file in the content of the binding")
}

fn not_a_file(file: &ContentFile) -> ApiError {
    let what = match Skipped::of(file) {
        Some(Skipped::Submodule) => "a submodule",
        Some(Skipped::Symlink) | None => "a symlink",
    };
    ApiError::new(
        Kind::NotAFile,
        format!("this is {what}, which is listed and never followed"),
    )
}
