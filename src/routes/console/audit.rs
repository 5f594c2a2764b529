//! What was done and what was refused, for admins.

use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::frame::{Page, Section};
use super::parts::{Table, choice, code, empty, field, filters, next_page, quiet};
use super::time::{ago, exact};
use super::visitor::Visitor;
use super::{pills, query};
use crate::audit::{self, Action, ActorKind, AuditEvent};
use crate::organization;
use crate::routes::audit::AuditListQuery;
use crate::routes::page;
use crate::routes::problem::ApiError;
use crate::token::Role;

pub(super) async fn list(visitor: Visitor, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    visitor.caller.needs(Role::Admin)?;
    let asked: AuditListQuery = query::read(&request)?;
    let page = page::Page::new("audit", asked.limit, asked.cursor.as_deref())?;
    let filter = asked.filter(visitor.caller.organization(), &page)?;
    let mut conn = visitor.api.read().await?;
    let mut rows = audit::list(&filter, page.rows(), &mut conn).await?;
    let next = page.cut(&mut rows, |event| event.id.to_string());
    let next = next.map(|position| query::next(&request, &page::encode("audit", &position)));
    let ids = rows.iter().filter_map(|event| event.organization_id);
    let slugs = organization::slugs(ids, &mut conn).await?;
    drop(conn);
    let slug = |event: &AuditEvent| slugs.get(&event.organization_id?).map(String::as_str);
    let table = Table {
        caption: "The audit log",
        columns: &[
            "What",
            "Who",
            "Where",
            "Organisation",
            "Result",
            "From",
            "When",
        ],
        rows: rows
            .iter()
            .map(|event| row(&visitor, event, slug(event)))
            .collect(),
    };
    let content = html! {
        (narrow(&visitor, &request))
        (table.or(empty("Nothing is here.", html! { "Ask for less, or for longer ago." })))
        (next_page(next.as_deref()))
    };
    let page = Page {
        section: Section::Audit,
        title: "Audit",
        live: 0,
        content,
    };
    Ok(page.show(&visitor))
}

fn narrow(visitor: &Visitor, request: &HttpRequest) -> Markup {
    let words: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
    let given = |name| query::given(request, name);
    filters(
        &visitor.link("/audit"),
        html! {
            (choice("action", "What", &words, &given("action")))
            (field("actor", "Who", "a token's id, or configured_admin", &given("actor")))
            (field("since", "Since", "2026-11-20T00:00:00Z", &given("since")))
        },
    )
}

fn row(visitor: &Visitor, event: &AuditEvent, organization: Option<&str>) -> Vec<Markup> {
    vec![
        html! { (event.action) },
        actor(event),
        html! { code.wrap { (event.place) } @if let Some(detail) = &event.detail { " " span.quiet { (detail) } } },
        organization.map_or_else(|| quiet("–"), |slug| html! { (slug) }),
        pills::http(event.status),
        event
            .source
            .as_deref()
            .map_or_else(|| quiet("the process"), code),
        html! { (ago(event.at, visitor.now())) " " span.quiet { (exact(event.at)) } },
    ]
}

fn actor(event: &AuditEvent) -> Markup {
    match (event.actor, &event.token_label, event.token_id) {
        (ActorKind::Token, Some(label), Some(id)) => {
            html! { (label) " " span.quiet { "token " (id.get()) } }
        }
        (ActorKind::Token, ..) => quiet("a token"),
        (ActorKind::ConfiguredAdmin, ..) => html! { "configured admin" },
        (ActorKind::Process, ..) => html! { "the process" },
    }
}
