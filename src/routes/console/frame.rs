//! What every page has around its content.

use actix_web::HttpResponse;
use actix_web::http::header;
use maud::{DOCTYPE, Markup, html};

use super::visitor::{self, Visitor};
use super::{assets, parts};
use crate::routes::Api;
use crate::routes::problem::{ApiError, Problem};
use crate::token::Role;

pub(super) const HTML: &str = "text/html; charset=utf-8";

/// Which part of the console a page is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Bindings,
    Deliveries,
    Jobs,
    Repositories,
    Explain,
    Audit,
}

impl Section {
    const ALL: [Self; 7] = [
        Self::Overview,
        Self::Bindings,
        Self::Deliveries,
        Self::Jobs,
        Self::Repositories,
        Self::Explain,
        Self::Audit,
    ];

    const fn name_and_path(self) -> (&'static str, &'static str) {
        match self {
            Self::Overview => ("Overview", ""),
            Self::Bindings => ("Bindings", "/bindings"),
            Self::Deliveries => ("Deliveries", "/deliveries"),
            Self::Jobs => ("Jobs", "/jobs"),
            Self::Repositories => ("Repositories", "/repositories"),
            Self::Explain => ("Explain", "/explain"),
            Self::Audit => ("Audit", "/audit"),
        }
    }

    /// Nobody is led to what they may not see.
    fn is_for(self, visitor: &Visitor) -> bool {
        match self {
            Self::Deliveries => visitor.may_globally(Role::Viewer),
            Self::Audit => visitor.may(Role::Admin),
            _ => true,
        }
    }
}

/// One page of somebody's.
pub(super) struct Page<'a> {
    pub(super) section: Section,
    pub(super) title: &'a str,
    /// Seconds between two looks at what has changed, where there is script; 0: it stays as it is.
    pub(super) live: u32,
    pub(super) content: Markup,
}

impl Page<'_> {
    pub(super) fn show(self, visitor: &Visitor) -> HttpResponse {
        let body = html! {
            (masthead(visitor, self.section))
            main id="content" tabindex="-1" { h1 { (self.title) } (self.content) }
        };
        answer(whole(&visitor.api, self.title, self.live, &body))
    }
}

pub(super) fn answer(page: Markup) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, HTML))
        .body(page.into_string())
}

/// A page of nobody's: where one signs in.
pub(super) fn bare(api: &Api, title: &str, content: &Markup) -> Markup {
    let body = html! { main.bare id="content" tabindex="-1" { (content) } };
    whole(api, title, 0, &body)
}

/// A refusal or a failure, for whoever it met.
pub(super) fn problem(api: &Api, problem: &Problem) -> Markup {
    let content = html! {
        p.brand { (mark(api)) "Bindery" }
        h1 { (problem.title) }
        p { (problem.detail) }
        @if !problem.errors.is_empty() {
            ul { @for error in &problem.errors { li { code { (error.field) } ": " (error.reason) } } }
        }
        p.quiet { "Status " (problem.status) ", " code { (problem.problem_type) } }
        p { (parts::link(&visitor::link(api, ""), "Back to the overview")) }
    };
    bare(api, problem.title, &content)
}

/// Whatever no page answers to.
pub(super) async fn no_such_page(_: Visitor) -> Result<HttpResponse, ApiError> {
    Err(ApiError::no_such("page"))
}

fn whole(api: &Api, title: &str, live: u32, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex, nofollow";
                title { (title) " · Bindery" }
                link rel="icon" type="image/svg+xml" href=(assets::ICON.url(api));
                link rel="stylesheet" href=(assets::STYLE.url(api));
                script src=(assets::SCRIPT.url(api)) defer {}
            }
            body data-live-every=[(live > 0).then_some(live)] {
                a.skip href="#content" { "Skip to the content" }
                (body)
            }
        }
    }
}

pub(super) fn mark(api: &Api) -> Markup {
    html! { img src=(assets::ICON.url(api)) alt="" width="24" height="24"; }
}

fn masthead(visitor: &Visitor, here: Section) -> Markup {
    html! {
        header.masthead {
            a.brand href=(visitor.link("")) { (mark(&visitor.api)) "Bindery" }
            nav aria-label="Console" {
                ul {
                    @for section in Section::ALL {
                        @if section.is_for(visitor) { li { (tab(visitor, section, here)) } }
                    }
                }
            }
            div.who {
                span { (visitor.caller.label()) " " span.quiet { (visitor.caller.role().as_str()) } }
                (parts::act(visitor, &visitor.link("/sign-out"), "Sign out", false))
            }
        }
        p.quiet.stale id="stale" role="status" hidden { "The service does not answer: what you see may be old." }
    }
}

fn tab(visitor: &Visitor, section: Section, here: Section) -> Markup {
    let (name, path) = section.name_and_path();
    html! { a href=(visitor.link(path)) aria-current=[(section == here).then_some("page")] { (name) } }
}
