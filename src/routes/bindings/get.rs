use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::at::{At, AtPath};
use super::representation::BindingBody;
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::problem::ApiError;
use crate::token::Role;

/// Shows a binding
#[utoipa::path(
    get, path = "/orgs/{org}/bindings/{name}", tag = "bindings", operation_id = "get_binding",
    params(AtPath, ("If-None-Match" = Option<String>, Header, description = "The tag that the client has")),
    responses(
        (status = 200, description = "It", body = BindingBody, headers(("ETag" = String))),
        (status = 304, description = "As the client has it"),
    ),
)]
pub(super) async fn get(
    api: web::Data<Api>,
    caller: Caller,
    at: At,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let view = at
        .view(&caller, Role::Viewer, &mut *api.read().await?)
        .await?;
    let (body, etag) = BindingBody::tagged(&view, at.url(&api), &api);
    let tag = (header::ETAG, etag.as_str());
    if etag.is_known_to(request.headers()) {
        return Ok(HttpResponse::NotModified().insert_header(tag).finish());
    }
    Ok(HttpResponse::Ok().insert_header(tag).json(body))
}
