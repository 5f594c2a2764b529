//! The jobs that whoever looks may see.

use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::frame::{Page, Section};
use super::parts::{Table, choice, empty, field, filters, job_link, live, next_page, quiet};
use super::time::ago;
use super::visitor::Visitor;
use super::{pills, query};
use crate::ids::DeliveryId;
use crate::queue::{self, Cause, Job, JobState};
use crate::routes::jobs::JobListQuery;
use crate::routes::page;
use crate::routes::problem::ApiError;

pub(super) async fn list(visitor: Visitor, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let asked: JobListQuery = query::read(&request)?;
    let page = page::Page::new("jobs", asked.limit, asked.cursor.as_deref())?;
    let filter = asked.filter(&visitor.caller, &page)?;
    let mut conn = visitor.api.read().await?;
    let mut rows = queue::list(&filter, page.rows(), &mut conn).await?;
    drop(conn);
    let next = page.cut(&mut rows, |job| job.id.to_string());
    let next = next.map(|position| query::next(&request, &page::encode("jobs", &position)));
    let table = Table {
        caption: "Jobs",
        columns: &[
            "Job",
            "Kind",
            "State",
            "Lane",
            "Why",
            "Attempt",
            "Last error",
            "When",
        ],
        rows: rows.iter().map(|job| row(&visitor, job)).collect(),
    };
    let none = empty(
        "No job is here.",
        html! { "Ask for less: jobs are kept for a while after they ended." },
    );
    let content = html! {
        (narrow(&visitor, &request))
        (live("jobs", table.or(none)))
        (next_page(next.as_deref()))
    };
    let page = Page {
        section: Section::Jobs,
        title: "Jobs",
        live: 5,
        content,
    };
    Ok(page.show(&visitor))
}

fn narrow(visitor: &Visitor, request: &HttpRequest) -> Markup {
    let words: Vec<&str> = JobState::ALL.iter().map(|state| state.as_str()).collect();
    let given = |name| query::given(request, name);
    filters(
        &visitor.link("/jobs"),
        html! {
            (choice("state", "State", &words, &given("state")))
            (field("kind", "Kind", "content_sync", &given("kind")))
            (field("binding", "Binding's id", "42", &given("binding")))
        },
    )
}

fn row(visitor: &Visitor, job: &Job) -> Vec<Markup> {
    let error = job.errors.0.last().map(|attempt| attempt.error.as_str());
    vec![
        job_link(visitor, job.id),
        html! { (job.kind.replace('_', " ")) " " span.quiet { (job.target) } },
        pills::job(job.state),
        html! { (pills::lane(job.lane)) },
        cause(visitor, job),
        html! { (job.attempt) " of " (job.max_attempts) },
        error.map_or_else(|| quiet("–"), |error| html! { span.error { (error) } }),
        ago(job.finalized_at.unwrap_or(job.requested_at), visitor.now()),
    ]
}

/// Why a job exists, in a few words.
pub(super) fn cause(visitor: &Visitor, job: &Job) -> Markup {
    match &job.cause.0 {
        Cause::Delivery { id, guid } => delivery(visitor, *id, guid),
        Cause::Operator { token } => html! { "asked by " (token) },
        Cause::Timer { name } => html! { (name.replace('_', " ")) },
        Cause::Other(_) => quiet("another version's"),
    }
}

/// Those who may see deliveries are led to it.
fn delivery(visitor: &Visitor, id: DeliveryId, guid: &str) -> Markup {
    let short = guid.get(..8).unwrap_or(guid);
    html! {
        @if visitor.caller.is_global() {
            a href=(visitor.link(&format!("/deliveries/{id}"))) title=(guid) { "delivery " code { (short) } }
        } @else {
            span title=(guid) { "delivery " code { (short) } }
        }
    }
}
