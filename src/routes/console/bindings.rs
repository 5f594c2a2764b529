//! The bindings that whoever looks may see.

use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};
use serde::Deserialize;

use super::frame::{Page, Section};
use super::parts::{Table, choice, empty, field, filters, link, live, next_page, sha_or, short};
use super::time::ago_or;
use super::visitor::Visitor;
use super::{pills, query};
use crate::binding::{self, BindingFilter, BindingView, Status};
use crate::db::Conn;
use crate::ids::{BindingId, OrganizationId};
use crate::repository::Repository;
use crate::routes::bindings;
use crate::routes::page;
use crate::routes::problem::ApiError;
use crate::token::Role;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BindingsQuery {
    status: Option<Status>,
    /// A slug.
    organization: Option<String>,
    repository: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(super) async fn list(visitor: Visitor, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let asked: BindingsQuery = query::read(&request)?;
    let page = page::Page::new("console-bindings", asked.limit, asked.cursor.as_deref())?;
    let mut conn = visitor.api.read().await?;
    let repository = asked.repository.as_deref();
    let filter = BindingFilter {
        organization: organization(&visitor, asked.organization.as_deref(), &mut conn).await?,
        status: asked.status,
        repository: repository
            .map(|text| bindings::repository(text, &visitor.api))
            .transpose()?,
        after: page.after_id()?.map(BindingId::new),
        ..BindingFilter::default()
    };
    let mut rows = binding::list(&filter, page.rows(), &mut conn).await?;
    drop(conn);
    let next = page.cut(&mut rows, |view| view.binding.id.to_string());
    let next =
        next.map(|position| query::next(&request, &page::encode("console-bindings", &position)));
    let content = html! {
        (narrow(&visitor, &request))
        (live("bindings", table(&visitor, &rows)))
        (next_page(next.as_deref()))
    };
    let page = Page {
        section: Section::Bindings,
        title: "Bindings",
        live: 5,
        content,
    };
    Ok(page.show(&visitor))
}

/// The one that is asked for, as the API would find it; without one all that the token is for.
async fn organization(
    visitor: &Visitor,
    slug: Option<&str>,
    conn: &mut Conn,
) -> Result<Option<OrganizationId>, ApiError> {
    match slug {
        Some(slug) => {
            let tenant = visitor.caller.tenant(slug, Role::Viewer, conn).await?;
            Ok(Some(tenant.organization.id))
        }
        None => Ok(visitor.caller.organization()),
    }
}

fn narrow(visitor: &Visitor, request: &HttpRequest) -> Markup {
    let words: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
    let given = |name| query::given(request, name);
    filters(
        &visitor.link("/bindings"),
        html! {
            (choice("status", "Last sync", &words, &given("status")))
            @if visitor.caller.is_global() {
                (field("organization", "Organisation", "acme", &given("organization")))
            }
            (field("repository", "Repository", "owner/name or id", &given("repository")))
        },
    )
}

fn table(visitor: &Visitor, rows: &[BindingView]) -> Markup {
    let table = Table {
        caption: "Bindings",
        columns: &[
            "Binding",
            "Follows",
            "Last sync",
            "Access",
            "Serves",
            "Synced",
        ],
        rows: rows.iter().map(|view| row(visitor, view)).collect(),
    };
    table.or(empty(
        "No binding is here.",
        html! { "Make one with " code { "PUT /orgs/{org}/bindings/{name}" } ", or ask for less." },
    ))
}

pub(super) fn row(visitor: &Visitor, view: &BindingView) -> Vec<Markup> {
    let (binding, place) = (&view.binding, view.place());
    let grants = visitor.api.context.config.access.grants;
    vec![
        link(&visitor.link(&place), &short(&place)),
        follows(visitor, view),
        pills::status(binding.status),
        pills::access(view.access(grants)),
        sha_or(binding.commit_sha.as_deref(), "nothing yet"),
        ago_or(binding.synced_at, "never", visitor.now()),
    ]
}

/// `owner/repo@ref:/path`, by the present name as far as it may be known.
pub(super) fn follows(visitor: &Visitor, view: &BindingView) -> Markup {
    let binding = &view.binding;
    let grants = visitor.api.context.config.access.grants;
    let name = view
        .shown_repository(grants)
        .map_or_else(|| binding.requested_name(), Repository::full_name);
    let git_ref = binding.git_ref.as_deref();
    html! {
        code.wrap { (name.to_string()) @if let Some(git_ref) = git_ref { "@" (git_ref) } ":" (binding.root_path) }
    }
}
