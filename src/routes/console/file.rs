//! One file that a binding serves, as text: never as a page or a script.

use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::files::served;
use super::frame::{Page, Section};
use super::parts::{bytes, facts, link, sha};
use super::visitor::Visitor;
use crate::content::{self, ContentFile};
use crate::routes::bindings::{At, begin, check_readable, path_of};
use crate::routes::problem::ApiError;
use crate::token::Role;

/// Larger ones are not shown here: the API gives them.
const MOST: i64 = 256 << 10;

pub(super) async fn show(
    visitor: Visitor,
    at: At,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut conn = visitor.api.read().await?;
    let view = at.view(&visitor.caller, Role::Viewer, &mut conn).await?;
    let (content, _) = begin(&view.binding, None, &mut conn).await?;
    check_readable(&view.binding, content.id, &visitor.api, &mut conn).await?;
    let no_such = || ApiError::no_such("file in the content of the binding");
    let path = path_of(&request).ok_or_else(no_such)?;
    let file = content::file(content.id, &path, &mut conn).await?;
    let file = file.ok_or_else(no_such)?;
    let text = match file.size <= MOST {
        true => content::file_bytes(content.id, &path, &mut conn).await?,
        false => None,
    };
    drop(conn);
    let text = text.and_then(|(_, bytes)| String::from_utf8(bytes?).ok());
    let place = view.place();
    let body = html! {
        (served(&visitor, &place, &content))
        (facts(vec![("Size", html! { (bytes(file.size)) }), ("Mode", html! { code { (file.mode) } }), ("Sha", sha(&file.sha))]))
        (shown(&file, text.as_deref()))
        p { (link(&visitor.link(&format!("{place}/files")), "All files")) }
    };
    let page = Page {
        section: Section::Bindings,
        title: &file.path,
        live: 0,
        content: body,
    };
    Ok(page.show(&visitor))
}

fn shown(file: &ContentFile, text: Option<&str>) -> Markup {
    html! {
        @match text {
            Some(text) if !text.contains('\0') => { pre tabindex="0" { code { (text) } } }
            _ if file.blob_id.is_none() => { p.quiet { "A symlink or a submodule: it is listed and never followed." } }
            _ => { p.quiet { "It is no text, or too large to be shown here: " code { "GET …/files/{path}" } " gives its bytes." } }
        }
    }
}
