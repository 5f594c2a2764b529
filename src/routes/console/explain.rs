//! "Why did my push not arrive?": one box that takes whatever one has at hand.

use actix_web::{HttpRequest, HttpResponse};
use maud::{Markup, html};

use super::frame::{Page, Section};
use super::parts::{empty, job_link, link, short};
use super::search::{self, Searched};
use super::visitor::Visitor;
use super::{pills, query};
use crate::binding::{self, BindingFilter, BindingView, RepositoryFilter};
use crate::db::Conn;
use crate::explain::{self, BindingPlace, Explanation, Options, Question, Sight, Sought};
use crate::github::RepositoryName;
use crate::github::ids::RepositoryId;
use crate::ids::{BindingId, JobId};
use crate::queue::{self, Job};
use crate::repository;
use crate::routes::problem::ApiError;
use crate::sync;
use crate::token::Role;

/// Repositories that a commit is looked for in, and bindings of one repository that are told of.
const REPOSITORIES: i64 = 5;
const BINDINGS: i64 = 10;

/// What there is to say.
#[derive(Default)]
struct Answer {
    jobs: Vec<Job>,
    explanations: Vec<Explanation>,
}

pub(super) async fn show(visitor: Visitor, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    visitor.caller.needs(Role::Viewer)?;
    let text = query::given(&request, "q");
    let answer = match search::read(&text) {
        Some(searched) => Some(answer(&visitor, searched).await?),
        None => None,
    };
    let content = html! {
        (search_box(&visitor, &text))
        @match &answer {
            Some(answer) => { (told(&visitor, answer)) }
            None if text.trim().is_empty() => { (hints(&visitor)) }
            None => { (empty("This is nothing that can be asked about.", hints(&visitor))) }
        }
    };
    let page = Page {
        section: Section::Explain,
        title: "Explain",
        live: 0,
        content,
    };
    Ok(page.show(&visitor))
}

async fn answer(visitor: &Visitor, searched: Searched) -> Result<Answer, ApiError> {
    let mut conn = visitor.api.read().await?;
    let mut answer = Answer::default();
    let questions = questions(visitor, searched, &mut answer, &mut conn).await?;
    let options = Options {
        sight: visitor.caller.organization().map_or(Sight::All, Sight::Of),
        ..Options::of(&visitor.api.context.config)
    };
    for question in questions {
        let explained = explain::explain(&question, &options, visitor.now(), &mut conn).await?;
        answer.explanations.push(explained);
    }
    Ok(answer)
}

/// What was searched for, as what can be asked. Jobs are told of by themselves.
async fn questions(
    visitor: &Visitor,
    searched: Searched,
    answer: &mut Answer,
    conn: &mut Conn,
) -> Result<Vec<Question>, ApiError> {
    Ok(match searched {
        Searched::Delivery(guid) => {
            visitor.caller.needs_global(Role::Viewer)?;
            vec![Question::Delivery(guid)]
        }
        Searched::CommitOf(repository, commit) => vec![Question::Commit { repository, commit }],
        Searched::Commit(commit) => {
            let organization = visitor.caller.organization();
            let text = commit.to_string();
            let known = repository::knowing(&text, organization, REPOSITORIES, conn).await?;
            let of = |id| Question::Commit {
                repository: Sought::Id(id),
                commit,
            };
            known.into_iter().map(of).collect()
        }
        Searched::Binding(place) => at_place(visitor, &place, conn).await?.into_iter().collect(),
        Searched::Name(sought, place) => {
            let short = match place {
                Some(place) => at_place(visitor, &place, conn).await?,
                None => None,
            };
            let mut found = bound_to(visitor, &sought, conn).await?;
            found.extend(short);
            found
        }
        Searched::Number(id) => of_number(visitor, id, answer, conn).await?,
    })
}

/// `None`: there is none, or none that whoever asks may know of.
async fn at_place(
    visitor: &Visitor,
    place: &BindingPlace,
    conn: &mut Conn,
) -> Result<Option<Question>, ApiError> {
    let Some(id) = place.find(conn).await? else {
        return Ok(None);
    };
    let found = binding::find(id, conn).await?;
    let found = found.filter(|binding| visitor.caller.sees(Some(binding.organization_id)));
    Ok(found.map(|binding| Question::Binding(binding.id)))
}

/// All that is bound to what goes, or went when it was asked for, by this name.
async fn bound_to(
    visitor: &Visitor,
    sought: &Sought,
    conn: &mut Conn,
) -> Result<Vec<Question>, ApiError> {
    let grants = visitor.api.context.config.access.grants;
    let by = match sought {
        Sought::Id(id) => RepositoryFilter::Id(*id),
        Sought::Name(name) => {
            RepositoryFilter::Name(RepositoryName::new(&*name.owner, &*name.name), grants)
        }
    };
    let filter = BindingFilter {
        organization: visitor.caller.organization(),
        repository: Some(by),
        ..BindingFilter::default()
    };
    let views: Vec<BindingView> = binding::list(&filter, BINDINGS, conn).await?;
    let of = |view: &BindingView| Question::Binding(view.binding.id);
    Ok(views.iter().map(of).collect())
}

/// A job and its binding; or what is bound to the repository of this number.
async fn of_number(
    visitor: &Visitor,
    id: JobId,
    answer: &mut Answer,
    conn: &mut Conn,
) -> Result<Vec<Question>, ApiError> {
    let job = queue::find(id, conn).await?;
    let job = job.filter(|job| visitor.caller.sees(job.organization_id));
    let mut found = match RepositoryId::new(id.get()) {
        Some(repository) => bound_to(visitor, &Sought::Id(repository), conn).await?,
        None => Vec::new(),
    };
    if let Some(job) = job {
        if job.kind == sync::KIND {
            let target = binding::find(BindingId::new(job.target), conn).await?;
            let target = target.filter(|it| visitor.caller.sees(Some(it.organization_id)));
            found.extend(target.map(|binding| Question::Binding(binding.id)));
        }
        answer.jobs.push(job);
    }
    Ok(found)
}

fn search_box(visitor: &Visitor, text: &str) -> Markup {
    html! {
        form.search method="get" action=(visitor.link("/explain")) role="search" {
            label.field {
                span { "What did not arrive?" }
                input type="search" name="q" value=(text) autofocus[text.is_empty()] autocomplete="off" spellcheck="false" maxlength="512"
                    placeholder="A GUID, a sha, owner/name, a binding, a job";
            }
            button.button.main type="submit" { "Explain" }
        }
    }
}

fn hints(visitor: &Visitor) -> Markup {
    html! {
        ul.hints {
            @if visitor.caller.is_global() { li { "a delivery's GUID, from GitHub's Recent deliveries: " code { "72d3162e-cc78-11e3-81ab-4c9367dc0958" } } }
            li { "a commit, in full, with its repository or without: " code { "owner/name@6dcb09b…" } }
            li { "a repository: " code { "owner/name" } }
            li { "a binding: " code { "/orgs/{org}/bindings/{name}" } " or " code { "org/name" } }
            li { "a job: " code { "12" } }
        }
    }
}

fn told(visitor: &Visitor, answer: &Answer) -> Markup {
    if answer.jobs.is_empty() && answer.explanations.is_empty() {
        let to_do = html! { "Nothing by this name, and no commit of this sha, is known here. "
        "Ask for a commit with its repository: " code { "owner/name@sha" } "." };
        return empty("Nothing is known of it.", to_do);
    }
    html! {
        @for job in &answer.jobs {
            p.note { (job_link(visitor, job.id)) " is " (pills::job(job.state)) "." }
        }
        @for explanation in &answer.explanations { (explained(visitor, explanation)) }
    }
}

fn explained(visitor: &Visitor, explanation: &Explanation) -> Markup {
    let verdict = &explanation.verdict;
    html! {
        section.explained {
            h2 { (explanation.asked) }
            div.verdict {
                p { (pills::code(verdict.code)) " " strong { (verdict.says) } }
                p { "To do: " (verdict.to_do) }
                @if let Some(place) = &verdict.binding {
                    p { (link(&visitor.link(place), &short(place))) }
                }
            }
            @if !explanation.steps.is_empty() {
                ol.steps {
                    @for step in &explanation.steps {
                        li { span.step { (step.code.as_str().replace('_', " ")) } " " span { (step.says) } }
                    }
                }
            }
        }
    }
}
