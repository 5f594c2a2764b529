//! A form that somebody who is signed in sent from a page of the console's. No other site can make their
//! browser send one: it sends no cookie then, the browser says where it comes from, and the key is not known.

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use serde::Deserialize;

use super::visitor::Visitor;
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::body::Body;
use crate::routes::problem::{ApiError, Kind};
use crate::session::SessionSecret;

/// The proof that whoever is signed in means what is asked for.
pub(super) struct Meant {
    pub(super) api: web::Data<Api>,
    pub(super) caller: Caller,
    pub(super) session: SessionSecret,
}

#[derive(Deserialize)]
struct Keyed {
    key: String,
}

impl FromRequest for Meant {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Body::from_request(request, payload).into_inner();
        let request = request.clone();
        async move {
            let visitor = Visitor::of(&request).await?;
            check_origin(&request, &visitor.api)?;
            let body = body.map_err(|error| ApiError::internal(&error))?;
            let form: Keyed = body.form().await?;
            if !visitor.session.is_form_key(&form.key) {
                return Err(not_meant());
            }
            Ok(Self {
                api: visitor.api,
                caller: visitor.caller,
                session: visitor.session,
            })
        }
        .boxed_local()
    }
}

/// Refuses a form of another site's page, and one of which a browser does not say whose page it was on.
pub(super) fn check_origin(request: &HttpRequest, api: &Api) -> Result<(), ApiError> {
    let headers = request.headers();
    let is_ours = match one(headers, "sec-fetch-site") {
        Some(site) => site == "same-origin",
        // Older browsers, and plain HTTP.
        None => one(headers, "origin").is_some_and(|origin| is_own(origin, headers, api)),
    };
    if is_ours { Ok(()) } else { Err(not_meant()) }
}

/// By the address that clients reach us by, or by the one that this very request was sent to.
fn is_own(origin: &str, headers: &HeaderMap, api: &Api) -> bool {
    let Ok(origin) = url::Url::parse(origin) else {
        return false;
    };
    let own = url::Url::parse(&api.base_url);
    if own.is_ok_and(|own| own.origin() == origin.origin()) {
        return true;
    }
    let asked = one(headers, "host").map(|host| format!("{}://{host}", origin.scheme()));
    let asked = asked.and_then(|asked| url::Url::parse(&asked).ok());
    asked.is_some_and(|asked| asked.origin() == origin.origin())
}

fn one<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn not_meant() -> ApiError {
    ApiError::new(
        Kind::Forbidden,
        "this form was not sent from a page of yours; load the page anew, and send it from there",
    )
}
