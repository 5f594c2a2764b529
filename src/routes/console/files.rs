//! What a binding serves, by path.

use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::frame::{Page, Section};
use super::parts::{Table, bytes, code, empty, link, next_page, quiet, sha, short};
use super::query;
use super::time::ago;
use super::visitor::Visitor;
use crate::content::{self, Content, ContentFile};
use crate::routes::bindings::{At, begin, check_readable};
use crate::routes::page;
use crate::routes::problem::ApiError;
use crate::token::Role;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FilesQuery {
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(super) async fn list(
    visitor: Visitor,
    at: At,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let asked: FilesQuery = query::read(&request)?;
    let page = page::Page::new("files", asked.limit.or(Some(100)), asked.cursor.as_deref())?;
    let mut conn = visitor.api.read().await?;
    let view = at.view(&visitor.caller, Role::Viewer, &mut conn).await?;
    let (content, after) = begin(&view.binding, page.after(), &mut conn).await?;
    check_readable(&view.binding, content.id, &visitor.api, &mut conn).await?;
    let mut rows = content::files(content.id, after, page.rows(), &mut conn).await?;
    drop(conn);
    let next = page.cut(&mut rows, |file| format!("{}:{}", content.id, file.path));
    let next = next.map(|position| query::next(&request, &page::encode("files", &position)));
    let place = view.place();
    let table = Table {
        caption: "Files",
        columns: &["Path", "Size", "Mode", "Sha"],
        rows: rows
            .iter()
            .map(|file| row(&visitor, &place, file))
            .collect(),
    };
    let body = html! {
        (served(&visitor, &place, &content))
        (table.or(empty("No file is served.", html! { "Nothing was below the root path at that commit." })))
        (next_page(next.as_deref()))
    };
    let page = Page {
        section: Section::Bindings,
        title: &format!("Files of {}", short(&place)),
        live: 0,
        content: body,
    };
    Ok(page.show(&visitor))
}

/// What a list of files, or one, is of.
pub(super) fn served(visitor: &Visitor, place: &str, content: &Content) -> Markup {
    html! {
        p.lead {
            "Of commit " (sha(&content.commit_sha)) ", tree " (sha(&content.tree_sha)) ", published "
            (ago(content.created_at, visitor.now())) ". " (link(&visitor.link(place), "The binding"))
        }
    }
}

fn row(visitor: &Visitor, place: &str, file: &ContentFile) -> Vec<Markup> {
    let path = match file.blob_id {
        Some(_) => link(&visitor.link(&to(place, &file.path)), &file.path),
        None => code(&file.path),
    };
    let size = match (file.blob_id, file.mode.as_str()) {
        (Some(_), _) => html! { (bytes(file.size)) },
        (None, "120000") => quiet("symlink, not followed"),
        (None, _) => quiet("submodule, not followed"),
    };
    vec![path, size, code(&file.mode), sha(&file.sha)]
}

/// What stands for itself within a path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn to(place: &str, path: &str) -> String {
    format!("{place}/files/{}", utf8_percent_encode(path, PATH))
}
