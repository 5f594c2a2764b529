use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::at::At;
use super::representation::BindingBody;
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::problem::ApiError;
use crate::token::Role;

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
    let mut answer = if etag.is_known_to(request.headers()) {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer.insert_header((header::ETAG, etag.as_str()));
    if etag.is_known_to(request.headers()) {
        return Ok(answer.finish());
    }
    Ok(answer.json(body))
}
