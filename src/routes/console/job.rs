//! One job: where it stands, what befell it, and what can be done about it.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::frame::{Page, Section};
use super::parts::{self, Table, act, code, empty, facts, link, live, quiet, short};
use super::pills;
use super::time::{ago, ago_or};
use super::visitor::Visitor;
use crate::binding;
use crate::db::Conn;
use crate::ids::{BindingId, JobId};
use crate::queue::{self, Job, JobEvent, JobState};
use crate::routes::problem::ApiError;
use crate::sync;
use crate::token::Role;

pub(super) async fn show(
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let no_such = || visitor.caller.no_such("job");
    let id = id.parse().map(JobId::new).map_err(|_| no_such())?;
    let mut conn = visitor.api.read().await?;
    let job = queue::find(id, &mut conn).await?;
    let job = job
        .filter(|job| visitor.caller.sees(job.organization_id))
        .ok_or_else(no_such)?;
    let events = queue::events_of(id, &mut conn).await?;
    let place = place(&job, &mut conn).await?;
    drop(conn);
    let content = html! {
        (actions(&visitor, &job))
        (live("job", html! {
            (standing(&visitor, &job, place.as_deref()))
            (errors(&visitor, &job))
            h2 { "What befell it" }
            (happened(&visitor, &events))
            @if let Some(result) = &job.result { h2 { "What came of it" } (parts::json(&result.0)) }
        }))
    };
    let page = Page {
        section: Section::Jobs,
        title: &format!("Job {}", job.id),
        live: if job.finalized_at.is_none() { 2 } else { 0 },
        content,
    };
    Ok(page.show(&visitor))
}

/// Of the binding that it syncs: its organisation is the job's.
async fn place(job: &Job, conn: &mut Conn) -> Result<Option<String>, ApiError> {
    if job.kind != sync::KIND {
        return Ok(None);
    }
    let view = binding::view(BindingId::new(job.target), conn).await?;
    let view = view.filter(|view| Some(view.binding.organization_id) == job.organization_id);
    Ok(view.map(|view| view.place()))
}

fn actions(visitor: &Visitor, job: &Job) -> Markup {
    let to = |what| visitor.link(&format!("/jobs/{}/{what}", job.id));
    html! {
        @if visitor.may(Role::Operator) {
            div.actions {
                @if job.state != JobState::Running { (act(visitor, &to("retry"), "Do it again now", true)) }
                @if job.finalized_at.is_none() { (act(visitor, &to("cancel"), "Call it off", false)) }
            }
        }
    }
}

fn standing(visitor: &Visitor, job: &Job, place: Option<&str>) -> Markup {
    let now = visitor.now();
    let target = match place {
        Some(place) => html! { (link(&visitor.link(place), &short(place))) },
        None => html! { (job.target) },
    };
    facts(vec![
        (
            "State",
            html! { span role="status" { (pills::job(job.state)) } },
        ),
        ("Kind", html! { (job.kind.replace('_', " ")) }),
        ("About", target),
        ("Why", super::jobs::cause(visitor, job)),
        ("Lane", html! { (pills::lane(job.lane)) }),
        (
            "Attempt",
            html! { (job.attempt) " of " (job.max_attempts) @if job.deferrals > 0 { ", put off " (job.deferrals) " times" } },
        ),
        ("Asked for", ago(job.requested_at, now)),
        ("Due", ago(job.scheduled_at, now)),
        ("Last begun", ago_or(job.attempted_at, "not yet", now)),
        ("Ended", ago_or(job.finalized_at, "not yet", now)),
        (
            "Worker",
            job.worker.as_deref().map_or_else(|| quiet("none"), code),
        ),
    ])
}

fn errors(visitor: &Visitor, job: &Job) -> Markup {
    let rows = job.errors.0.iter().rev();
    let rows = rows.map(|failed| {
        vec![
            html! { (failed.attempt) },
            html! { span.error { (failed.error) } },
            ago(failed.at, visitor.now()),
        ]
    });
    let table = Table {
        caption: "Attempts that failed",
        columns: &["Attempt", "Error", "When"],
        rows: rows.collect(),
    };
    html! { @if !job.errors.0.is_empty() { h2 { "Attempts that failed" } (table.or(html! {})) } }
}

fn happened(visitor: &Visitor, events: &[JobEvent]) -> Markup {
    let row = |event: &JobEvent| {
        vec![
            html! { (event.event.as_str()) },
            html! { code.wrap { (event.detail.0.to_string()) } },
            ago(event.at, visitor.now()),
        ]
    };
    let table = Table {
        caption: "Events",
        columns: &["Event", "Detail", "When"],
        rows: events.iter().map(row).collect(),
    };
    table.or(empty(
        "Nothing out of the ordinary.",
        html! { "It was asked for, and runs or ran." },
    ))
}
