//! One delivery: how it came, what it says, what was decided, and a way to have it processed again.

use std::borrow::Cow;

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::deliveries::event;
use super::frame::{Page, Section};
use super::parts::{
    self, Table, act, bytes, code, empty, facts, job_link, link, live, quiet, sha_or, short,
};
use super::time::{ago, ago_or};
use super::visitor::Visitor;
use super::{pills, query};
use crate::binding;
use crate::db::Conn;
use crate::github::delivery_body::BodyFormat;
use crate::github::ids::{InstallationId, RepositoryId};
use crate::inbox::{self, Decision, Delivery, DeliveryState};
use crate::routes::deliveries::{no_such, visible};
use crate::routes::problem::ApiError;
use crate::token::Role;

/// Bytes of a body beyond which it is not read for showing, and characters of it that are shown.
const READ: i64 = 2 << 20;
const SHOWN: usize = 100_000;

/// Decisions that are shown with the binding's place.
const DECISIONS: usize = 100;

pub(super) async fn show(
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = visible(&visitor.caller, &id, Role::Viewer)?;
    let mut conn = visitor.api.read().await?;
    let delivery = inbox::find(id, &mut conn).await?.ok_or_else(no_such)?;
    let decisions = inbox::decisions_of(id, &mut conn).await?;
    let decided = decided(&visitor, &decisions, &mut conn).await?;
    let body = match delivery.body_size <= READ {
        true => inbox::body(id, &mut conn).await?,
        false => None,
    };
    drop(conn);
    let content = html! {
        (actions(&visitor, &delivery))
        (live("delivery", html! {
            (standing(&visitor, &delivery))
            h2 { "What was decided" }
            (decided)
        }))
        h2 { "Headers" }
        (headers(&delivery))
        h2 { "Body" }
        (self::body(&delivery, body.as_deref()))
    };
    let waits = delivery.state == DeliveryState::Received;
    let page = Page {
        section: Section::Deliveries,
        title: &format!("Delivery {}", delivery.guid),
        live: if waits { 2 } else { 0 },
        content,
    };
    Ok(page.show(&visitor))
}

fn actions(visitor: &Visitor, delivery: &Delivery) -> Markup {
    let replay = visitor.link(&format!("/deliveries/{}/replay", delivery.id));
    let explain = query::with(&visitor.link("/explain"), &[("q", &delivery.guid)]);
    html! {
        div.actions {
            @if visitor.may(Role::Operator) { (act(visitor, &replay, "Process it again", true)) }
            a.button href=(explain) { "Explain" }
        }
    }
}

fn standing(visitor: &Visitor, delivery: &Delivery) -> Markup {
    let now = visitor.now();
    let app = visitor.api.context.apps.of_row(delivery.github_app_id);
    let signed = match delivery.signed_by {
        Some(by) => html! { "the " (by_words(by)) " secret" },
        None => quiet("nobody: it was fetched from GitHub's list"),
    };
    let number = |id: Option<i64>| id.map_or_else(|| quiet("none"), |id| code(&id.to_string()));
    facts(vec![
        (
            "State",
            html! { span role="status" { (pills::delivery(delivery.state)) }
            @if let Some(reason) = &delivery.reason { " " (reason.replace('_', " ")) } },
        ),
        (
            "Detail",
            delivery
                .detail
                .as_deref()
                .map_or_else(|| quiet("none"), |detail| html! { span.error { (detail) } }),
        ),
        ("Event", event(delivery)),
        ("Signed by", signed),
        (
            "App",
            app.map_or_else(
                || quiet("not configured any more"),
                |app| html! { (app.host) ", App " (app.app_id.get()) },
            ),
        ),
        (
            "Repository id",
            number(delivery.repository_github_id.map(RepositoryId::get)),
        ),
        (
            "Installation id",
            number(delivery.installation_github_id.map(InstallationId::get)),
        ),
        (
            "Ref",
            delivery
                .git_ref
                .as_deref()
                .map_or_else(|| quiet("none"), code),
        ),
        ("Head", sha_or(delivery.head_sha.as_deref(), "none")),
        ("Sent", ago(delivery.sent_at, now)),
        ("Received", ago(delivery.received_at, now)),
        ("Processed", ago_or(delivery.processed_at, "not yet", now)),
        ("Attempts", html! { (delivery.attempts) }),
    ])
}

fn by_words(by: inbox::SignedBy) -> &'static str {
    match by {
        inbox::SignedBy::Current => "current",
        inbox::SignedBy::Previous => "previous",
    }
}

async fn decided(
    visitor: &Visitor,
    decisions: &[Decision],
    conn: &mut Conn,
) -> Result<Markup, ApiError> {
    let mut rows = Vec::new();
    for decision in decisions.iter().take(DECISIONS) {
        let view = binding::view(decision.binding_id, conn).await?;
        let place = view.map(|view| view.place());
        rows.push(row(visitor, decision, place.as_deref()));
    }
    let more = decisions.len() - rows.len();
    let table = Table {
        caption: "What was decided",
        columns: &["Binding", "Verdict", "Reason", "Job"],
        rows,
    };
    let to_do = html! { "Nothing is bound to what it is about, or nothing had to be decided. " strong { "Explain" } " says which." };
    Ok(html! {
        (table.or(empty("No binding was considered.", to_do)))
        @if more > 0 { p.quiet { "And " (more) " more." } }
    })
}

fn row(visitor: &Visitor, decision: &Decision, place: Option<&str>) -> Vec<Markup> {
    vec![
        match place {
            Some(place) => link(&visitor.link(place), &short(place)),
            None => html! { "binding " (decision.binding_id.get()) },
        },
        pills::verdict(decision.verdict),
        html! { (decision.reason.replace('_', " ")) },
        decision
            .job_id
            .map_or_else(|| quiet("–"), |id| job_link(visitor, id)),
    ]
}

fn headers(delivery: &Delivery) -> Markup {
    let rows = delivery.headers.0.iter();
    let table = Table {
        caption: "Headers",
        columns: &["Name", "Value"],
        rows: rows
            .map(|(name, value)| vec![code(name), html! { code.wrap { (value) } }])
            .collect(),
    };
    table.or(empty(
        "None is kept.",
        html! { "It was not received, but found in GitHub's list." },
    ))
}

fn body(delivery: &Delivery, body: Option<&[u8]>) -> Markup {
    let Some(body) = body else {
        let says = match delivery.body_size {
            0 => "None is kept.".to_owned(),
            size if size > READ => format!("It is too large to be shown here: {}.", bytes(size)),
            _ => "It is no longer kept.".to_owned(),
        };
        return parts::quiet(&says);
    };
    let text = pretty(delivery, body);
    let shown: String = text.chars().take(SHOWN).collect();
    let is_cut = shown.len() < text.len();
    html! {
        p.quiet { (bytes(delivery.body_size)) @if is_cut { ", of which the beginning is shown" } }
        pre.tall tabindex="0" { code { (shown) } }
    }
}

/// JSON on lines of its own; what is none, as it is.
fn pretty(delivery: &Delivery, body: &[u8]) -> String {
    let content_type = delivery.headers.0.get("content-type");
    let format = content_type.and_then(|value| BodyFormat::of(value));
    let json = format.unwrap_or(BodyFormat::Json).json(body);
    let json = json.unwrap_or(Cow::Borrowed(body));
    match serde_json::from_slice::<serde_json::Value>(&json) {
        Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_default(),
        Err(_) => String::from_utf8_lossy(&json).into_owned(),
    }
}
