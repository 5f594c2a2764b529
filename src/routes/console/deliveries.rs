//! Deliveries, for whoever is of all organisations.

use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::frame::{Page, Section};
use super::parts::{Table, choice, code, empty, field, filters, live, next_page, quiet, sha_or};
use super::time::ago;
use super::visitor::Visitor;
use super::{pills, query};
use crate::inbox::{self, Delivery, DeliveryState};
use crate::routes::deliveries::DeliveryListQuery;
use crate::routes::page;
use crate::routes::problem::ApiError;
use crate::token::Role;

pub(super) async fn list(visitor: Visitor, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    visitor.caller.needs_global(Role::Viewer)?;
    let asked: DeliveryListQuery = query::read(&request)?;
    let page = page::Page::new("deliveries", asked.limit, asked.cursor.as_deref())?;
    let filter = asked.filter(&page)?;
    let mut rows = inbox::list(&filter, page.rows(), &mut *visitor.api.read().await?).await?;
    let next = page.cut(&mut rows, |delivery| delivery.id.to_string());
    let next = next.map(|position| query::next(&request, &page::encode("deliveries", &position)));
    let table = Table {
        caption: "Deliveries",
        columns: &[
            "Delivery", "Event", "State", "Reason", "Ref", "Head", "Received",
        ],
        rows: rows
            .iter()
            .map(|delivery| row(&visitor, delivery))
            .collect(),
    };
    let none = empty(
        "No delivery is here.",
        html! { "Ask for less; or, if none ever came, look at the App's webhook URL and at its Recent deliveries on GitHub." },
    );
    let content = html! {
        (narrow(&visitor, &request))
        (live("deliveries", table.or(none)))
        (next_page(next.as_deref()))
    };
    let page = Page {
        section: Section::Deliveries,
        title: "Deliveries",
        live: 5,
        content,
    };
    Ok(page.show(&visitor))
}

fn narrow(visitor: &Visitor, request: &HttpRequest) -> Markup {
    let words: Vec<&str> = DeliveryState::ALL
        .iter()
        .map(|state| state.as_str())
        .collect();
    let given = |name| query::given(request, name);
    filters(
        &visitor.link("/deliveries"),
        html! {
            (choice("state", "State", &words, &given("state")))
            (field("event", "Event", "push", &given("event")))
            (field("guid", "GUID", "X-GitHub-Delivery", &given("guid")))
            (field("repository", "Repository's id", "GitHub's number", &given("repository")))
            (field("sha", "Commit", "in full", &given("sha")))
        },
    )
}

fn row(visitor: &Visitor, delivery: &Delivery) -> Vec<Markup> {
    let to = visitor.link(&format!("/deliveries/{}", delivery.id));
    let short = delivery.guid.get(..8).unwrap_or(&delivery.guid);
    vec![
        html! { a href=(to) title=(delivery.guid) { code { (short) } } },
        event(delivery),
        pills::delivery(delivery.state),
        delivery
            .reason
            .as_deref()
            .map_or_else(|| quiet("–"), |reason| html! { (reason.replace('_', " ")) }),
        delivery.git_ref.as_deref().map_or_else(|| quiet("–"), code),
        sha_or(delivery.head_sha.as_deref(), "–"),
        ago(delivery.received_at, visitor.now()),
    ]
}

pub(super) fn event(delivery: &Delivery) -> Markup {
    html! { (delivery.event) @if let Some(action) = &delivery.action { " " span.quiet { (action) } } }
}
