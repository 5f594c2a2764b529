//! The API's description (OpenAPI 3.1), and the pages that show it.

mod places;
mod refusals;

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, ServerBuilder};
use utoipa_swagger_ui::Config;

use super::bindings::BindingsApi;
use super::problem::{ApiError, Problem};
use super::{
    Api, audit, deliveries, explain, grants, healing, health, jobs, metrics, organizations,
    projects, tokens, webhook,
};
use crate::audit::Action;

/// What the handlers say of themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bindery",
        description = "Keeps a database in step with GitHub: bind a place to a repository, a ref \
                       and a path, and its content follows.",
    ),
    paths(
        organizations::list,
        organizations::get,
        organizations::put,
        organizations::delete,
        projects::list,
        projects::get,
        projects::put,
        projects::delete,
        grants::list,
        grants::get,
        grants::put,
        grants::delete,
        jobs::list,
        jobs::get,
        jobs::command::retry,
        jobs::command::cancel,
        deliveries::list,
        deliveries::get,
        deliveries::replay,
        explain::get,
        healing::list,
        tokens::list,
        tokens::create,
        tokens::get,
        tokens::revoke,
        audit::list,
        audit::list_of_organization,
        webhook::receive,
        health::livez,
        health::readyz,
        metrics::metrics,
        json,
        pages,
        page
    ),
    components(schemas(Problem, Action)),
    security(("bearer" = []))
)]
struct Handlers;

/// The whole description, for clients that reach the server by this URL.
pub fn document(base_url: &str) -> Document {
    let mut document = Handlers::openapi();
    document.merge(BindingsApi::openapi());
    places::describe(&mut document);
    refusals::describe(&mut document);
    document.servers = Some(vec![ServerBuilder::new().url(base_url).build()]);
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("bearer", bearer);
    document
}

/// The description of this API
#[utoipa::path(
    get, path = "/openapi.json", tag = "documentation", operation_id = "openapi", security(()),
    responses((status = 200, description = "OpenAPI 3.1")),
)]
pub(super) async fn json(api: web::Data<Api>) -> HttpResponse {
    HttpResponse::Ok().json(document(&api.base_url))
}

/// Leads to the pages that show the description
#[utoipa::path(
    get, path = "/docs", tag = "documentation", operation_id = "docs", security(()),
    responses((status = 308, description = "They are below `/docs/`")),
)]
pub(super) async fn pages(api: web::Data<Api>) -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, api.url("/docs/")))
        .finish()
}

/// What the pages may load: themselves. Their styles set some of their own.
const PAGE_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     frame-ancestors 'none'";

/// The pages that show the description
#[utoipa::path(
    get, path = "/docs/{path}", tag = "documentation", operation_id = "docs_page", security(()),
    params(("path" = String, Path)),
    responses((status = 200, description = "A page, or a part of it", content_type = "text/html")),
)]
pub(super) async fn page(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    // Relative to `/docs/`, whatever the prefix; and no outside service judges the description.
    let config = Config::new(["../openapi.json"]).validator_url("none");
    let path = request.match_info().get("path").unwrap_or_default();
    let file = utoipa_swagger_ui::serve(path, Arc::new(config))
        .map_err(|error| ApiError::internal(&error))?
        .ok_or_else(|| ApiError::no_such("page"))?;
    let mut answer = HttpResponse::Ok();
    if file.gzpipped {
        answer.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    Ok(answer
        .insert_header((header::CONTENT_TYPE, file.content_type))
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .body(file.bytes.into_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use utoipa::openapi::path::PathItem;

    use super::*;
    use crate::routes::endpoints;

    fn described_methods(item: &PathItem) -> Vec<&'static str> {
        let operations = [
            ("GET", &item.get),
            ("PUT", &item.put),
            ("POST", &item.post),
            ("DELETE", &item.delete),
        ];
        operations
            .into_iter()
            .filter(|(_, operation)| operation.is_some())
            .map(|(method, _)| method)
            .collect()
    }

    #[test]
    fn every_route_is_described_and_every_description_is_of_a_route() {
        let mut registered = BTreeSet::new();
        for endpoint in endpoints() {
            for method in endpoint.methods() {
                registered.insert(format!("{method} {}", endpoint.template()));
            }
        }
        let document = document("https://bindery.example");
        let described: BTreeSet<_> = document
            .paths
            .paths
            .iter()
            .flat_map(|(path, item)| {
                let methods = described_methods(item).into_iter();
                methods.map(move |method| format!("{method} {path}"))
            })
            .collect();
        assert_eq!(registered, described);
    }

    #[test]
    fn every_operation_has_an_id_of_its_own_and_every_parameter_of_its_path() {
        let document = document("https://bindery.example");
        let mut ids = BTreeSet::new();
        for (path, item) in &document.paths.paths {
            for operation in operations(item) {
                let id = operation.operation_id.clone().expect("an id");
                let mut parameters = BTreeSet::new();
                for parameter in operation.parameters.iter().flatten() {
                    let utoipa::openapi::RefOr::T(parameter) = parameter else {
                        panic!("{id}: a parameter is written out");
                    };
                    assert!(
                        parameters.insert(parameter.name.clone()),
                        "{id}: {} twice",
                        parameter.name
                    );
                }
                for part in path.split('/').filter_map(|part| part.strip_prefix('{')) {
                    assert!(
                        parameters.contains(part.trim_end_matches('}')),
                        "{id}: {part}"
                    );
                }
                assert!(ids.insert(id.clone()), "{id} twice");
            }
        }
    }

    fn operations(item: &PathItem) -> impl Iterator<Item = &utoipa::openapi::path::Operation> {
        [&item.get, &item.put, &item.post, &item.delete]
            .into_iter()
            .flatten()
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let json = document("https://bindery.example").to_json().expect("JSON");
        let parsed: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let schemas = parsed["components"]["schemas"]
            .as_object()
            .expect("schemas");
        for reference in json.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().expect("a name");
            assert!(schemas.contains_key(name), "{name}");
        }
        assert_eq!(parsed["openapi"], "3.1.0");
    }
}
