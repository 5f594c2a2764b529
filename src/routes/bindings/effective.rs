//! `GET …/effective`: the project's override or the organisation's default, whichever serves.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::at::{At, AtPath, no_such};
use super::representation::BindingBody;
use crate::binding::{self, BindingView, Place};
use crate::db::Conn;
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
    responses((status = 200, description = "It, and which of the two it is", body = EffectiveBody)),
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
        if let Some(view) = with_content(place, &name, &mut conn).await? {
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
) -> Result<Option<BindingView>, ApiError> {
    let found = binding::find_in(place, name.as_str(), conn).await?;
    match found.filter(|binding| binding.content_id.is_some()) {
        Some(binding) => Ok(binding::view(binding.id, conn).await?),
        None => Ok(None),
    }
}
