//! What surrounds every page: what a browser may do with it, and a page in place of the API's problem.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::uri::PathAndQuery;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;

use super::{frame, query, visitor};
use crate::routes::Api;
use crate::routes::problem::{ApiError, Kind, Problem};

/// Nothing but what this server itself serves; nothing within a line of HTML.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

pub(in crate::routes) async fn dress<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let asked = request.request().clone();
    let answer = match next.call(request).await {
        Ok(answer) => answer.map_into_boxed_body(),
        Err(error) => ServiceResponse::from_err(error, asked),
    };
    let mut answer = as_page(answer);
    harden(answer.headers_mut());
    Ok(answer)
}

/// The error stays with the answer, for whoever writes down what was refused.
fn as_page(answer: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let refused = answer.response().error();
    let refused = refused.and_then(|error| error.as_error::<ApiError>());
    let Some((kind, problem)) = refused.map(|refused| (refused.kind(), refused.problem())) else {
        return answer;
    };
    match kind {
        Kind::Unauthorized => lead_to_sign_in(answer),
        _ => show(answer, &problem),
    }
}

fn lead_to_sign_in(mut answer: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let request = answer.request();
    let api = Api::of(request);
    let sign_in = visitor::link(&api, "/sign-in");
    let to = match *request.method() {
        Method::GET => {
            let wanted = request
                .uri()
                .path_and_query()
                .map_or("", PathAndQuery::as_str);
            query::with(&sign_in, &[("next", wanted)])
        }
        _ => sign_in,
    };
    *answer.response_mut().status_mut() = StatusCode::SEE_OTHER;
    let headers = answer.headers_mut();
    headers.remove(header::WWW_AUTHENTICATE);
    headers.remove(header::CONTENT_TYPE);
    if let Ok(to) = HeaderValue::from_str(&to) {
        headers.insert(header::LOCATION, to);
    }
    answer.map_body(|_, _| BoxBody::new(()))
}

fn show(mut answer: ServiceResponse<BoxBody>, problem: &Problem) -> ServiceResponse<BoxBody> {
    let api = Api::of(answer.request());
    let page = frame::problem(&api, problem).into_string();
    let headers = answer.headers_mut();
    headers.remove(header::WWW_AUTHENTICATE);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(frame::HTML));
    answer.map_body(|_, _| BoxBody::new(page))
}

fn harden(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        // With `no-referrer` a form would not say where it comes from.
        (header::REFERRER_POLICY, "same-origin"),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
