//! `GET …/effective`: the project's override or the organisation's default, whichever serves.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::at::{At, AtPath, no_such};
use super::readable;
use super::representation::BindingBody;
use crate::binding::{self, BindingView, Place};
use crate::db::Conn;
use crate::ids::ContentId;
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::problem::ApiError;
use crate::slug::Slug;
use crate::token::Role;

/// Which of two bindings a project is served from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EffectiveBody {
    source: Source,
    binding: BindingBody,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Source {
    /// The project's own.
    Project,
    /// The organisation's, the default of its projects.
    Organization,
}

/// Shows which binding is served here
///
/// The project's own when it has content, else the organisation's of the same name when that has.
#[utoipa::path(
    get, path = "/orgs/{org}/bindings/{name}/effective", tag = "bindings",
    operation_id = "get_effective_binding",
    params(AtPath),
    responses(
        (status = 200, description = "It, and which of the two it is", body = EffectiveBody),
        (status = 403, description = "The organisation has no grant any more for what it is filled from"),
    ),
)]
pub(super) async fn effective(
    api: web::Data<Api>,
    caller: Caller,
    at: At,
) -> Result<HttpResponse, ApiError> {
    let mut conn = api.read().await?;
    let place = at.place(&caller, Role::Viewer, &mut conn).await?;
    let name: Slug = at.name().parse().map_err(|_| no_such())?;
    let default = Place {
        project: None,
        ..place
    };
    let candidates = [
        place.project.is_some().then_some((Source::Project, place)),
        Some((Source::Organization, default)),
    ];
    for (source, place) in candidates.into_iter().flatten() {
        if let Some((view, content)) = with_content(place, &name, &mut conn).await? {
            readable::check(&view.binding, content, &api, &mut conn).await?;
            let binding = BindingBody::new(&view, &api);
            return Ok(HttpResponse::Ok().json(EffectiveBody { source, binding }));
        }
    }
    Err(ApiError::no_such("binding that has content"))
}

async fn with_content(
    place: Place,
    name: &Slug,
    conn: &mut Conn,
) -> Result<Option<(BindingView, ContentId)>, ApiError> {
    let Some(binding) = binding::find_in(place, name.as_str(), conn).await? else {
        return Ok(None);
    };
    let view = binding::view(binding.id, conn).await?;
    Ok(view.and_then(|view| {
        let content = view.binding.content_id?;
        Some((view, content))
    }))
}
