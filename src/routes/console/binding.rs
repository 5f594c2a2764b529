//! One binding: what it follows and serves, how its syncs went, and a way to ask for one.

use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::bindings::follows;
use super::frame::{Page, Section};
use super::parts::{
    self, Table, act, code, empty, facts, job_link, link, live, outside, quiet, sha_or, short,
};
use super::time::{ago, ago_or};
use super::visitor::Visitor;
use super::{pills, query};
use crate::binding::BindingView;
use crate::db::Conn;
use crate::github::ids::{InstallationId, OwnerId};
use crate::ids::JobId;
use crate::queue::{self, Job, JobFilter};
use crate::routes::bindings::{At, web_url};
use crate::routes::problem::ApiError;
use crate::sync;
use crate::token::Role;

/// Jobs that are shown, the newest.
const JOBS: i64 = 20;

pub(super) async fn show(
    visitor: Visitor,
    at: At,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut conn = visitor.api.read().await?;
    let view = at.view(&visitor.caller, Role::Viewer, &mut conn).await?;
    let jobs = jobs(&visitor, &view, &mut conn).await?;
    let asked = asked(&visitor, &view, &request, &mut conn).await?;
    drop(conn);
    let place = view.place();
    let content = html! {
        p.lead { (follows(&visitor, &view)) }
        (actions(&visitor, &view))
        (live("binding", html! {
            @if let Some(job) = &asked { (progress(&visitor, job)) }
            (standing(&visitor, &view))
            h2 { "Syncs" }
            (history(&visitor, &jobs))
        }))
        (names(&visitor, &view))
    };
    let page = Page {
        section: Section::Bindings,
        title: &short(&place),
        live: 2,
        content,
    };
    Ok(page.show(&visitor))
}

async fn jobs(
    visitor: &Visitor,
    view: &BindingView,
    conn: &mut Conn,
) -> Result<Vec<Job>, ApiError> {
    let filter = JobFilter {
        kind: Some(sync::KIND.to_owned()),
        target: Some(view.binding.id.get()),
        organization: visitor.caller.organization(),
        ..JobFilter::default()
    };
    Ok(queue::list(&filter, JOBS, conn).await?)
}

/// The sync that somebody has just asked for here.
async fn asked(
    visitor: &Visitor,
    view: &BindingView,
    request: &HttpRequest,
    conn: &mut Conn,
) -> Result<Option<Job>, ApiError> {
    let Ok(id) = query::given(request, "asked").parse() else {
        return Ok(None);
    };
    let job = queue::find(JobId::new(id), conn).await?;
    Ok(job.filter(|job| {
        let is_of_it = job.kind == sync::KIND && job.target == view.binding.id.get();
        is_of_it && visitor.caller.sees(job.organization_id)
    }))
}

fn actions(visitor: &Visitor, view: &BindingView) -> Markup {
    let place = view.place();
    let grants = visitor.api.context.config.access.grants;
    let github = web_url(&view.binding, view.shown_repository(grants));
    html! {
        div.actions {
            @if visitor.may(Role::Operator) {
                (act(visitor, &visitor.link(&format!("{place}/sync")), "Sync now", true))
            }
            a.button href=(visitor.link(&format!("{place}/files"))) { "Files" }
            a.button href=(query::with(&visitor.link("/explain"), &[("q", &place)])) { "Explain" }
            (outside(&github, "On GitHub"))
        }
    }
}

/// What becomes of it, told as it goes.
fn progress(visitor: &Visitor, job: &Job) -> Markup {
    let (now, id) = (visitor.now(), job.id);
    let ended = job.finalized_at;
    html! {
        p.note role="status" {
            "You asked for a sync: " (job_link(visitor, id)) " is " (pills::job(job.state))
            @match ended {
                Some(at) => { " " (ago(at, now)) "." }
                None if job.scheduled_at > now => { ", due " (ago(job.scheduled_at, now)) "." }
                None => { "." }
            }
            @if let Some(last) = job.errors.0.last() { " " span.quiet { (last.error) } }
        }
    }
}

fn standing(visitor: &Visitor, view: &BindingView) -> Markup {
    let (binding, now) = (&view.binding, visitor.now());
    let grants = visitor.api.context.config.access.grants;
    let (owner, installation) = view.shown_ids(grants);
    let repository = view.repository.as_ref();
    let number =
        |id: Option<i64>| id.map_or_else(|| quiet("unknown yet"), |id| code(&id.to_string()));
    let tree = view
        .current_content()
        .map(|content| content.tree_sha.as_str());
    facts(vec![
        (
            "Last sync",
            html! { (pills::status(binding.status)) " " (ago_or(binding.synced_at, "never succeeded", now)) },
        ),
        (
            "Error",
            binding
                .error
                .as_deref()
                .map_or_else(|| quiet("none"), |error| html! { span.error { (error) } }),
        ),
        ("Access", pills::access(view.access(grants))),
        (
            "Commit",
            sha_or(binding.commit_sha.as_deref(), "nothing yet"),
        ),
        ("Tree", sha_or(tree, "nothing yet")),
        (
            "Ref",
            code(binding.git_ref.as_deref().unwrap_or("the default branch")),
        ),
        ("Root path", code(&binding.root_path)),
        (
            "Repository id",
            number(repository.map(|row| row.github_id.get())),
        ),
        ("Owner id", number(owner.map(OwnerId::get))),
        (
            "Installation id",
            number(installation.map(InstallationId::get)),
        ),
        ("Last delivery", last_delivery(visitor, view)),
        ("Made", ago(binding.created_at, now)),
    ])
}

/// Those who may see deliveries are led to it.
fn last_delivery(visitor: &Visitor, view: &BindingView) -> Markup {
    match (&view.last_delivery, view.binding.last_delivery_id) {
        (Some(guid), Some(id)) if visitor.caller.is_global() => {
            html! { a href=(visitor.link(&format!("/deliveries/{id}"))) { code { (guid) } } }
        }
        (Some(guid), _) => code(guid),
        (None, _) => quiet("none"),
    }
}

fn history(visitor: &Visitor, jobs: &[Job]) -> Markup {
    let table = Table {
        caption: "The newest syncs",
        columns: &["Job", "State", "Why", "Attempt", "Outcome", "When"],
        rows: jobs.iter().map(|job| row(visitor, job)).collect(),
    };
    table.or(empty(
        "No sync is known.",
        html! { "Jobs are kept for a while after they ended." },
    ))
}

fn row(visitor: &Visitor, job: &Job) -> Vec<Markup> {
    let error = job.errors.0.last().map(|attempt| attempt.error.as_str());
    let word = |key| job.result.as_ref().and_then(|it| it.0.get(key)?.as_str());
    let outcome = match (word("outcome"), word("commit"), error) {
        (Some(outcome), commit, _) => {
            html! { (outcome) @if let Some(commit) = commit { " " (parts::sha(commit)) } }
        }
        (None, _, Some(error)) => html! { span.error { (error) } },
        (None, _, None) => quiet("–"),
    };
    vec![
        job_link(visitor, job.id),
        pills::job(job.state),
        super::jobs::cause(visitor, job),
        html! { (job.attempt) " of " (job.max_attempts) },
        outcome,
        ago(job.finalized_at.unwrap_or(job.requested_at), visitor.now()),
    ]
}

/// What it was asked for as, and what that is called now and was before.
fn names(visitor: &Visitor, view: &BindingView) -> Markup {
    let grants = visitor.api.context.config.access.grants;
    let shown = view.shown_repository(grants);
    html! {
        h2 { "Names" }
        p { "Asked for as " code { (view.binding.requested_name().to_string()) } " on " (view.binding.github_host) "." }
        @match shown {
            Some(repository) => {
                p { "Called " code { (repository.full_name().to_string()) } " now: "
                    (link(&visitor.link(&format!("/repositories/{}", repository.id)), "the repository")) "." }
                (super::repository::names(&view.names, visitor.now()))
            }
            None => { p.quiet { "What it is called now is not known, or not for this organisation." } }
        }
    }
}
