//! Installations of the GitHub App: on which account, whether they work, and whose they are.

use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};
use serde::Deserialize;

use super::frame::{Page, Section};
use super::parts::{Table, code, empty, link, next_page, quiet};
use super::pills::{Tone, pill};
use super::query;
use super::time::{ago, ago_or};
use super::visitor::Visitor;
use crate::db::Conn;
use crate::grant;
use crate::ids::InstallationRowId;
use crate::installation::{self, Installation};
use crate::organization;
use crate::routes::page;
use crate::routes::problem::ApiError;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct InstallationsQuery {
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(super) async fn list(visitor: Visitor, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let asked: InstallationsQuery = query::read(&request)?;
    let page = page::Page::new("installations", asked.limit, asked.cursor.as_deref())?;
    let after = page.after_id()?.map(InstallationRowId::new);
    let organization = visitor.caller.organization();
    let mut conn = visitor.api.read().await?;
    let mut found = installation::list(organization, after, page.rows(), &mut conn).await?;
    let next = page.cut(&mut found, |(row, _)| row.id.to_string());
    let next =
        next.map(|position| query::next(&request, &page::encode("installations", &position)));
    let mut rows = Vec::with_capacity(found.len());
    for (installation, host) in &found {
        let holder = holder(installation, host, &mut conn).await?;
        rows.push(row(&visitor, installation, host, holder.as_deref()));
    }
    drop(conn);
    let table = Table {
        caption: "Installations",
        columns: &[
            "Installation",
            "Account",
            "State",
            "Covers",
            "Granted to",
            "Confirmed",
        ],
        rows,
    };
    let none = empty(
        "No installation is known.",
        html! { "Install the App on an account, then grant it: " code { "PUT /orgs/{org}/installations/{id}" } "." },
    );
    let content = html! {
        p.lead { (link(&visitor.link("/repositories"), "Repositories")) " that are read through these." }
        (table.or(none))
        (next_page(next.as_deref()))
    };
    let page = Page {
        section: Section::Repositories,
        title: "Installations",
        live: 0,
        content,
    };
    Ok(page.show(&visitor))
}

/// The slug of the organisation that may bind its repositories.
async fn holder(
    installation: &Installation,
    host: &str,
    conn: &mut Conn,
) -> Result<Option<String>, ApiError> {
    let Some(id) = grant::holder(host, installation.github_id, conn).await? else {
        return Ok(None);
    };
    let found = organization::find_by_id(id, conn).await?;
    Ok(found.map(|organization| organization.slug))
}

fn row(
    visitor: &Visitor,
    installation: &Installation,
    host: &str,
    holder: Option<&str>,
) -> Vec<Markup> {
    let (now, row) = (visitor.now(), installation.id.to_string());
    let repositories = query::with(&visitor.link("/repositories"), &[("installation", &row)]);
    let account = installation.account_login.as_deref();
    vec![
        html! { a href=(repositories) { code { (installation.github_id.get()) } } " " span.quiet { (host) } },
        account.map_or_else(|| quiet("unknown yet"), |account| html! { (account) }),
        html! {
            (state(installation))
            @if let Some(until) = installation.paused_until.filter(|until| *until > now) {
                " " span.quiet { "out of requests, goes on " (ago(until, now)) }
            }
        },
        html! { (installation.repository_selection.as_deref().unwrap_or("unknown")) },
        holder.map_or_else(|| quiet("nobody"), code),
        ago_or(installation.confirmed_at, "not yet", now),
    ]
}

pub(super) fn state(installation: &Installation) -> Markup {
    if installation.deleted_at.is_some() {
        return pill(Tone::Bad, "uninstalled");
    }
    if installation.suspended_at.is_some() {
        return pill(Tone::Warn, "suspended");
    }
    match installation.missing_permission() {
        Some(permission) => {
            html! { (pill(Tone::Warn, "lacks a permission")) " " code { (permission) } }
        }
        None => pill(Tone::Good, "works"),
    }
}
