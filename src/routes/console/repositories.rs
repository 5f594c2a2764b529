//! The repositories that are known, as far as whoever looks may know of them.

use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};
use serde::Deserialize;

use super::frame::{Page, Section};
use super::parts::{Table, code, empty, link, next_page, quiet};
use super::time::ago;
use super::visitor::Visitor;
use super::{pills, query};
use crate::ids::{InstallationRowId, RepositoryRowId};
use crate::repository::{self, Repository, RepositoryListFilter};
use crate::routes::page;
use crate::routes::problem::ApiError;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RepositoriesQuery {
    /// Our row of it.
    installation: Option<i64>,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(super) async fn list(visitor: Visitor, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let asked: RepositoriesQuery = query::read(&request)?;
    let page = page::Page::new("repositories", asked.limit, asked.cursor.as_deref())?;
    let filter = RepositoryListFilter {
        organization: visitor.caller.organization(),
        needs_grant: !visitor.api.context.config.access.grants.allow(false),
        installation: asked.installation.map(InstallationRowId::new),
        after: page.after_id()?.map(RepositoryRowId::new),
    };
    let mut rows = repository::list(&filter, page.rows(), &mut *visitor.api.read().await?).await?;
    let next = page.cut(&mut rows, |row| row.id.to_string());
    let next = next.map(|position| query::next(&request, &page::encode("repositories", &position)));
    let table = Table {
        caption: "Repositories",
        columns: &[
            "Repository",
            "GitHub's id",
            "Reach",
            "Default branch",
            "Visibility",
            "Confirmed",
        ],
        rows: rows
            .iter()
            .map(|repository| row(&visitor, repository))
            .collect(),
    };
    let none = empty(
        "No repository is known.",
        html! { "One is known once something is bound to it and has synced, or once GitHub told of it." },
    );
    let content = html! {
        p.lead { (link(&visitor.link("/installations"), "Installations")) " of the GitHub App, through which these are read." }
        (table.or(none))
        (next_page(next.as_deref()))
    };
    let page = Page {
        section: Section::Repositories,
        title: "Repositories",
        live: 0,
        content,
    };
    Ok(page.show(&visitor))
}

fn row(visitor: &Visitor, repository: &Repository) -> Vec<Markup> {
    let to = visitor.link(&format!("/repositories/{}", repository.id));
    let branch = repository.default_branch.as_deref();
    vec![
        link(&to, &repository.full_name().to_string()),
        code(&repository.github_id.to_string()),
        pills::repository(repository),
        branch.map_or_else(|| quiet("unknown"), code),
        html! { (repository.visibility.as_deref().unwrap_or("unknown")) @if repository.archived { ", archived" } },
        ago(repository.confirmed_at, visitor.now()),
    ]
}
