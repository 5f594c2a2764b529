//! Describes what routes refuse: most of it is the same for all of a sort, and said here once.

use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use crate::routes::problem::{CONTENT_TYPE, Kind};

/// Of everything that needs a token.
const OF_ALL: [Kind; 5] = [
    Kind::Unauthorized,
    Kind::Forbidden,
    Kind::TooManyAttempts,
    Kind::Internal,
    Kind::Unavailable,
];
/// Of what has a body.
const OF_BODIES: [Kind; 5] = [
    Kind::MalformedBody,
    Kind::BodyTimeout,
    Kind::BodyTooLarge,
    Kind::NotJson,
    Kind::InvalidBody,
];

pub(super) fn describe(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            if path.starts_with("/webhooks/") {
                // Proven by the signature of the body.
                operation.security = Some(vec![SecurityRequirement::default()]);
            }
            if operation.security.is_none() {
                add(operation);
            }
            as_problems(operation);
        }
    }
}

fn add(operation: &mut Operation) {
    let has = |place: ParameterIn| {
        let parameters = operation.parameters.iter().flatten();
        parameters
            .filter_map(|parameter| match parameter {
                RefOr::T(parameter) => Some(&parameter.parameter_in),
                RefOr::Ref(_) => None,
            })
            .any(|other| *other == place)
    };
    let mut kinds = OF_ALL.to_vec();
    if has(ParameterIn::Path) {
        kinds.push(Kind::NotFound);
    }
    if has(ParameterIn::Query) {
        kinds.push(Kind::InvalidQuery);
    }
    if operation.request_body.is_some() {
        kinds.extend(OF_BODIES);
    }
    for kind in kinds {
        let status = kind.status().as_u16().to_string();
        let response = ResponseBuilder::new().description(kind.title()).build();
        let responses = &mut operation.responses.responses;
        responses.entry(status).or_insert(RefOr::T(response));
    }
}

/// Whatever is refused is a problem.
fn as_problems(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
            && response.content.is_empty()
        {
            add_problem(response);
        }
    }
}

fn add_problem(response: &mut Response) {
    let problem = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .build();
    response
        .content
        .insert(CONTENT_TYPE.to_owned(), problem.into());
}
