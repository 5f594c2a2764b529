//! The application that the server runs: the routes under their prefix, and what surrounds each.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::{DefaultHeaders, Next, from_fn};
use actix_web::{App, Error, HttpMessage, web};
use tracing::Span;
use tracing_actix_web::{RequestId, RootSpanBuilder, TracingLogger};

use super::problem::ApiError;
use super::{Api, audit, endpoints_of, metrics, unread};

/// One worker's application.
pub fn app(
    api: Api,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let prefix = api.context.config.http.path_prefix.clone();
    let served = endpoints_of(&api.context.config);
    App::new()
        .app_data(web::Data::new(api))
        .service(
            served
                .into_iter()
                .fold(web::scope(prefix.as_str()), |scope, endpoint| {
                    scope.service(endpoint.into_resource())
                }),
        )
        .default_service(web::to(no_such_path))
        .wrap(from_fn(audit::write_down))
        .wrap(from_fn(unread::hang_up))
        .wrap(
            DefaultHeaders::new()
                .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
                // Answers depend on the token, and are asked for again.
                .add((header::CACHE_CONTROL, "private, no-cache")),
        )
        .wrap(from_fn(metrics::measure))
        .wrap(from_fn(show_request_id))
        .wrap(TracingLogger::<RequestSpan>::new())
}

async fn no_such_path() -> Result<&'static str, ApiError> {
    Err(ApiError::no_such("path"))
}

/// The id under which the log tells of a request.
async fn show_request_id<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let id = request.extensions().get::<RequestId>().copied();
    let mut response = next.call(request).await?;
    if let Some(value) = id.and_then(|id| id.to_string().parse().ok()) {
        let name = header::HeaderName::from_static("x-request-id");
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// The span of one request. Neither the query nor any header is in it: a token may be there.
struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = request.extensions().get::<RequestId>().copied();
        tracing::info_span!(
            "request",
            request.id = id.map(tracing::field::display),
            http.method = %request.method(),
            http.route = request.match_pattern().unwrap_or_default(),
            http.status = tracing::field::Empty,
        )
    }

    fn on_request_end<B: MessageBody>(span: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        let status = match outcome {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        span.record("http.status", status.as_u16());
        tracing::debug!(parent: &span, "answered");
    }
}
