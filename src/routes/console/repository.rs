//! One repository: what it is called and was, whether it can be read and through what, and what is bound to it.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::frame::{Page, Section};
use super::parts::{Table, code, empty, facts, outside, quiet};
use super::time::{ago, ago_or, at};
use super::visitor::Visitor;
use super::{bindings, pills};
use crate::binding::{self, BindingFilter, BindingView, RepositoryFilter};
use crate::db::Conn;
use crate::ids::RepositoryRowId;
use crate::installation::{self, Installation};
use crate::repository::{self, FormerName, Repository};
use crate::routes::problem::ApiError;

/// Bindings that are shown.
const BINDINGS: i64 = 100;

pub(super) async fn show(
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let no_such = || visitor.caller.no_such("repository");
    let id = id
        .parse()
        .map(RepositoryRowId::new)
        .map_err(|_| no_such())?;
    let mut conn = visitor.api.read().await?;
    let repository = repository::find(id, &mut conn).await?.ok_or_else(no_such)?;
    let bound = bound(&visitor, &repository, &mut conn).await?;
    let grants = visitor.api.context.config.access.grants;
    let is_shown = bound
        .iter()
        .any(|view| view.shown_repository(grants).is_some());
    if !visitor.caller.is_global() && !is_shown {
        return Err(no_such());
    }
    let mut names = repository::names_of(&[id], &mut conn).await?;
    let installation = match repository.installation_id {
        Some(row) => installation::find(row, &mut conn).await?,
        None => None,
    };
    drop(conn);
    let name = repository.full_name().to_string();
    let content = html! {
        (standing(&visitor, &repository, installation.as_ref()))
        h2 { "Names" }
        (self::names(&names.remove(&id).unwrap_or_default(), visitor.now()))
        h2 { "Bound to it" }
        (table(&visitor, &bound))
    };
    let page = Page {
        section: Section::Repositories,
        title: &name,
        live: 0,
        content,
    };
    Ok(page.show(&visitor))
}

/// What is bound to it, as far as whoever looks may see.
async fn bound(
    visitor: &Visitor,
    repository: &Repository,
    conn: &mut Conn,
) -> Result<Vec<BindingView>, ApiError> {
    let filter = BindingFilter {
        organization: visitor.caller.organization(),
        repository: Some(RepositoryFilter::Id(repository.github_id)),
        ..BindingFilter::default()
    };
    let mut views = binding::list(&filter, BINDINGS, conn).await?;
    // The same number may be another repository's on another GitHub.
    views.retain(|view| view.binding.repository_id == Some(repository.id));
    Ok(views)
}

fn standing(
    visitor: &Visitor,
    repository: &Repository,
    installation: Option<&Installation>,
) -> Markup {
    let now = visitor.now();
    let github = format!(
        "https://{}/{}",
        repository.github_host,
        repository.full_name()
    );
    let branch = repository.default_branch.as_deref();
    let through = match installation {
        Some(through) => html! {
            "installation " code { (through.github_id.get()) }
            @if let Some(account) = &through.account_login { " on " (account) }
            " " (super::installations::state(through))
        },
        None => quiet("no installation"),
    };
    facts(vec![
        ("Reach", pills::repository(repository)),
        ("Read through", through),
        ("GitHub's id", code(&repository.github_id.to_string())),
        ("Owner's id", code(&repository.owner_id.to_string())),
        (
            "Default branch",
            branch.map_or_else(|| quiet("unknown"), code),
        ),
        (
            "Visibility",
            html! { (repository.visibility.as_deref().unwrap_or("unknown")) @if repository.archived { ", archived" } },
        ),
        (
            "Missing since",
            ago_or(repository.missing_since, "not missing", now),
        ),
        ("Confirmed", ago(repository.confirmed_at, now)),
        ("On GitHub", outside(&github, &github)),
    ])
}

fn table(visitor: &Visitor, bound: &[BindingView]) -> Markup {
    let table = Table {
        caption: "Bound to it",
        columns: &[
            "Binding",
            "Follows",
            "Last sync",
            "Access",
            "Serves",
            "Synced",
        ],
        rows: bound
            .iter()
            .map(|view| bindings::row(visitor, view))
            .collect(),
    };
    table.or(empty(
        "Nothing is bound to it.",
        html! { "Its events are known, and concern nothing." },
    ))
}

/// What it was called, the newest first.
pub(super) fn names(names: &[FormerName], now: DateTime<Utc>) -> Markup {
    let row = |name: &FormerName| {
        vec![
            html! { code { (name.owner) "/" (name.name) } },
            html! { (name.because.as_str().replace('_', " ")) },
            html! { (at(name.since)) " " span.quiet { (ago(name.since, now)) } },
        ]
    };
    let table = Table {
        caption: "Names",
        columns: &["Name", "Because", "Known since"],
        rows: names.iter().rev().map(row).collect(),
    };
    table.or(empty(
        "No name is known yet.",
        html! { "It is learnt with the first sync." },
    ))
}
