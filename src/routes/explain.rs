//! "Why did my push not arrive?" A delivery is no tenant's, so only tokens of all organisations may ask for
//! one. Of a commit and of a binding the token of one organisation is told what that may know: its own
//! bindings, as they and their jobs show themselves.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Api;
use super::auth::Caller;
use super::page;
use super::problem::ApiError;
use crate::db::Conn;
use crate::explain::{self, BindingPlace, Explanation, Options, Question, Sight, Sought};
use crate::git::Oid;
use crate::ids::BindingId;
use crate::token::Role;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExplainQuery {
    /// A delivery's GUID (`X-GitHub-Delivery`). For tokens of all organisations.
    delivery: Option<String>,
    /// GitHub's numeric id of a repository, or `owner/name` as requested or as called now; with `commit`.
    #[param(example = "octo/templates")]
    repository: Option<String>,
    /// The commit that a push brought, in full.
    #[param(min_length = 40, max_length = 40)]
    commit: Option<String>,
    /// A binding's place, as in its `self_url`.
    #[param(example = "/orgs/octo/bindings/site")]
    binding: Option<String>,
}

/// The same, understood.
enum Asked {
    Of(Question),
    Binding(BindingPlace),
}

impl ExplainQuery {
    fn read(&self) -> Result<Asked, ApiError> {
        match (
            &self.delivery,
            &self.repository,
            &self.commit,
            &self.binding,
        ) {
            (Some(guid), None, None, None) => {
                page::check_plain("delivery", guid)?;
                Ok(Asked::Of(Question::Delivery(guid.clone())))
            }
            (None, Some(repository), Some(commit), None) => Ok(Asked::Of(Question::Commit {
                repository: sought(repository)?,
                commit: oid(commit)?,
            })),
            (None, None, None, Some(place)) => {
                let place = place.parse::<BindingPlace>();
                place
                    .map(Asked::Binding)
                    .map_err(|error| invalid("binding", &error))
            }
            _ => Err(ApiError::invalid_query(
                "give `delivery`, or `repository` with `commit`, or `binding`: one of the three",
            )),
        }
    }
}

fn sought(text: &str) -> Result<Sought, ApiError> {
    text.parse::<Sought>()
        .map_err(|error| invalid("repository", &error))
}

fn oid(text: &str) -> Result<Oid, ApiError> {
    let lower = text.to_ascii_lowercase();
    let oid = lower.parse::<Oid>();
    oid.map_err(|_| {
        ApiError::invalid_query(
            "commit: the whole sha is expected, forty hex digits (`git rev-parse` gives it)",
        )
    })
}

fn invalid(name: &str, error: &dyn std::fmt::Display) -> ApiError {
    ApiError::invalid_query(format!("{name}: {error}"))
}

/// Says why a push did or did not arrive
///
/// From what is stored alone: GitHub is not asked. The steps are in the order in which a push travels; the
/// verdict has a stable code, a sentence, and what to do. A delivery is for tokens of all organisations; a
/// token of one is told of a commit and of a binding what its organisation may know.
#[utoipa::path(
    get, path = "/explain", tag = "explain", operation_id = "explain",
    params(ExplainQuery),
    responses(
        (status = 200, description = "What is known, and the verdict", body = Explanation),
        (status = 404, description = "There is no such binding"),
    ),
)]
pub(super) async fn get(
    api: web::Data<Api>,
    caller: Caller,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    caller.needs(Role::Viewer)?;
    let query: ExplainQuery = page::query(&request)?;
    if query.delivery.is_some() {
        caller.needs_global(Role::Viewer)?;
    }
    let asked = query.read()?;
    let mut conn = api.read().await?;
    let question = match asked {
        Asked::Of(question) => question,
        Asked::Binding(place) => Question::Binding(find(&place, &caller, &mut conn).await?),
    };
    let options = Options {
        sight: caller.organization().map_or(Sight::All, Sight::Of),
        ..Options::of(&api.context.config)
    };
    let explanation = explain::explain(&question, &options, api.now(), &mut conn).await?;
    Ok(HttpResponse::Ok().json(explanation))
}

async fn find(
    place: &BindingPlace,
    caller: &Caller,
    conn: &mut Conn,
) -> Result<BindingId, ApiError> {
    let organization = place.organization.as_str();
    caller.tenant(organization, Role::Viewer, conn).await?;
    let found = place.find(conn).await?;
    found.ok_or_else(|| ApiError::no_such("binding"))
}
