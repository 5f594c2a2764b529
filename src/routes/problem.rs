//! Refusals and failures as `application/problem+json` (RFC 9457).

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use diesel::result::{DatabaseErrorKind, Error as QueryError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::binding::InvalidField;
use crate::db::DbError;
use crate::token::Role;

pub(super) const CONTENT_TYPE: &str = "application/problem+json";

/// Seconds after which a client that was told "not now" may come again: a database that restarts is
/// back within a few, and a request waits a few for it by itself.
const RETRY_AFTER: u32 = 5;

/// The same, of what is counted by the minute.
const A_MINUTE: u32 = 60;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $status:ident, $slug:literal, $title:literal;)+) => {
        /// Every kind of problem. The slug is the end of its `type` and never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $kind,)+ }

        impl Kind {
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            pub const fn slug(self) -> &'static str {
                match self { $(Self::$kind => $slug),+ }
            }

            pub const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title),+ }
            }

            pub const fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status),+ }
            }
        }
    };
}

kinds! {
    InvalidQuery = BAD_REQUEST, "invalid-query", "A parameter of the query cannot be used";
    MalformedBody = BAD_REQUEST, "malformed-body", "The body is not one JSON value";
    UnusableDelivery = BAD_REQUEST, "unusable-delivery", "The delivery cannot be used";
    UnprovenDelivery = UNAUTHORIZED, "unproven-delivery", "Nothing proves that GitHub sent the delivery";
    Unauthorized = UNAUTHORIZED, "unauthorized", "A good bearer token is needed";
    Forbidden = FORBIDDEN, "forbidden", "The token may not do this";
    NotGranted = FORBIDDEN, "not-granted", "The organisation has no grant for what it bound";
    NotFound = NOT_FOUND, "not-found", "There is no such thing";
    NotAFile = NOT_FOUND, "not-a-file", "The path is not one of a file";
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed", "The resource has no such method";
    BodyTimeout = REQUEST_TIMEOUT, "body-timeout", "The body did not arrive in time";
    NotEmpty = CONFLICT, "not-empty", "It still has bindings or projects";
    GrantedToAnother = CONFLICT, "granted-to-another", "Another organisation has the installation";
    LastAdmin = CONFLICT, "last-admin", "Nobody else could administer the service";
    JobRunning = CONFLICT, "job-running", "The job runs already";
    JobFinished = CONFLICT, "job-finished", "The job has ended already";
    NotReplayable = CONFLICT, "not-replayable", "The delivery cannot be processed again";
    NotComparable = CONFLICT, "not-comparable", "GitHub cannot be asked for it as things are";
    Conflict = CONFLICT, "conflict", "Something else changed at the same time";
    PreconditionFailed = PRECONDITION_FAILED, "precondition-failed", "The resource is not in the state asked for";
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large";
    NotJson = UNSUPPORTED_MEDIA_TYPE, "not-json", "The body is not declared as JSON";
    NotADelivery = UNSUPPORTED_MEDIA_TYPE, "not-a-delivery", "The body is not declared as a delivery's";
    InvalidBody = UNPROCESSABLE_ENTITY, "invalid-body", "Fields of the body have to be changed";
    InvalidPath = UNPROCESSABLE_ENTITY, "invalid-path", "A part of the path has to be changed";
    TooManyAttempts = TOO_MANY_REQUESTS, "too-many-attempts", "Too many tokens were refused";
    TooManySyncs = TOO_MANY_REQUESTS, "too-many-syncs", "Too many syncs were asked for";
    HeadTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large", "The headers are too large";
    Internal = INTERNAL_SERVER_ERROR, "internal", "The service failed";
    Unavailable = SERVICE_UNAVAILABLE, "unavailable", "The service cannot answer now";
    DatabaseUnavailable = SERVICE_UNAVAILABLE, "database-unavailable", "The database does not answer";
    NoApp = SERVICE_UNAVAILABLE, "no-app", "No GitHub App is configured";
}

/// A problem as it is answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// `/problems/` and a stable slug.
    #[serde(rename = "type")]
    #[schema(example = "/problems/not-found")]
    pub problem_type: String,
    pub title: &'static str,
    /// The status code again.
    pub status: u16,
    /// What can be changed; of a failure of ours, the id to quote.
    pub detail: String,
    /// The fields to change, of a body or a path that was understood and refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Of a failure of ours: the id under which the log tells its cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// A field that has to be changed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    pub field: String,
    pub reason: String,
}

/// Why a request was not done. The cause of a failure is logged and is not in it.
#[derive(Debug)]
pub struct ApiError {
    kind: Kind,
    detail: String,
    errors: Vec<FieldError>,
    /// Of a failure.
    id: Option<String>,
    /// Of a 405.
    allow: Option<String>,
    /// Refused to who has a good token, with too low a role or for another scope.
    wants_rights: bool,
}

impl ApiError {
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            id: None,
            allow: None,
            wants_rights: matches!(kind, Kind::Forbidden),
        }
    }

    pub fn unauthorized() -> Self {
        Self::new(
            Kind::Unauthorized,
            "send `Authorization: Bearer TOKEN` with a token that has neither expired nor been revoked",
        )
    }

    pub fn role_too_low(has: Role, needs: Role) -> Self {
        Self::new(
            Kind::Forbidden,
            format!("this needs the role {needs}, and the token has the role {has}"),
        )
    }

    pub fn global_only() -> Self {
        Self::new(
            Kind::Forbidden,
            "this needs a token for all organisations, and the token is for one",
        )
    }

    /// The same words for what is not there and for what the caller may not see.
    pub fn no_such(thing: &str) -> Self {
        Self::new(Kind::NotFound, format!("there is no such {thing}"))
    }

    pub fn method_not_allowed(allow: &str) -> Self {
        Self {
            allow: Some(allow.to_owned()),
            ..Self::new(Kind::MethodNotAllowed, format!("allowed here: {allow}"))
        }
    }

    pub fn invalid_query(reason: impl fmt::Display) -> Self {
        Self::new(Kind::InvalidQuery, reason.to_string())
    }

    pub fn invalid_body(errors: Vec<FieldError>) -> Self {
        Self::with_fields(Kind::InvalidBody, errors)
    }

    pub fn invalid_field(field: &str, reason: impl fmt::Display) -> Self {
        Self::invalid_body(vec![FieldError::new(field, reason)])
    }

    pub fn invalid_path(part: &str, reason: impl fmt::Display) -> Self {
        Self::with_fields(Kind::InvalidPath, vec![FieldError::new(part, reason)])
    }

    fn with_fields(kind: Kind, errors: Vec<FieldError>) -> Self {
        let reasons: Vec<_> = errors
            .iter()
            .map(|error| format!("{}: {}", error.field, error.reason))
            .collect();
        Self {
            errors,
            ..Self::new(kind, reasons.join("; "))
        }
    }

    /// Logs the cause under a new id, and keeps the id alone.
    pub fn internal(cause: &dyn fmt::Display) -> Self {
        let id = new_id();
        tracing::error!(error.id = %id, error = %cause, "a request failed");
        let detail =
            format!("the failure is not yours; quote the id {id} to whoever runs the service");
        Self {
            id: Some(id),
            ..Self::new(Kind::Internal, detail)
        }
    }

    /// Likewise, for what may be otherwise in a moment.
    pub fn unavailable(cause: &dyn fmt::Display) -> Self {
        let id = new_id();
        tracing::warn!(error.id = %id, error = %cause, "a request could not be served");
        Self {
            id: Some(id),
            ..Self::new(
                Kind::Unavailable,
                format!("try again in {RETRY_AFTER} seconds"),
            )
        }
    }

    /// Nobody knows how far it got.
    pub fn out_of_time() -> Self {
        let id = new_id();
        tracing::warn!(error.id = %id, "a request was given up: the database did not answer in time");
        Self {
            id: Some(id),
            ..Self::new(
                Kind::DatabaseUnavailable,
                format!(
                    "try again in {RETRY_AFTER} seconds; what was to be changed may have been, or not"
                ),
            )
        }
    }

    /// It may be there, and is not for who asks: in words that do not tell.
    #[must_use]
    pub fn for_want_of_rights(mut self) -> Self {
        self.wants_rights = true;
        self
    }

    pub fn is_for_want_of_rights(&self) -> bool {
        self.wants_rights
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn problem(&self) -> Problem {
        Problem {
            problem_type: format!("/problems/{}", self.kind.slug()),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: self.detail.clone(),
            errors: self.errors.clone(),
            id: self.id.clone(),
        }
    }

    fn add_headers(&self, answer: &mut HttpResponseBuilder) {
        match self.kind {
            Kind::Unauthorized => {
                answer.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            Kind::Unavailable | Kind::DatabaseUnavailable | Kind::NoApp | Kind::TooManyAttempts => {
                answer.insert_header((header::RETRY_AFTER, RETRY_AFTER));
            }
            Kind::TooManySyncs => {
                answer.insert_header((header::RETRY_AFTER, A_MINUTE));
            }
            Kind::BodyTooLarge | Kind::BodyTimeout => {
                // What was not read must not be taken for the next request.
                answer.force_close();
            }
            _ => {}
        }
        if let Some(allow) = &self.allow {
            answer.insert_header((header::ALLOW, allow.as_str()));
        }
    }
}

impl FieldError {
    pub fn new(field: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self {
            field: field.into(),
            reason: reason.to_string(),
        }
    }
}

impl From<InvalidField> for FieldError {
    fn from(invalid: InvalidField) -> Self {
        Self::new(invalid.field, invalid.reason)
    }
}

/// 64 random bits: enough to find one line in a log.
fn new_id() -> String {
    hex::encode(rand::random::<[u8; 8]>())
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.slug(), self.detail)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.kind.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = HttpResponse::build(self.kind.status());
        self.add_headers(&mut answer);
        answer
            .insert_header((header::CONTENT_TYPE, CONTENT_TYPE))
            .body(serde_json::to_string(&self.problem()).unwrap_or_default())
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Connection(_) => Self::unavailable(&error),
            DbError::Query(error) => error.into(),
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match &error {
            QueryError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => Self::new(
                Kind::Conflict,
                "what this refers to was deleted, or is referred to anew; look and repeat it",
            ),
            _ if crate::db::is_passing(&error) => Self::unavailable(&error),
            _ => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const PAGE: &str = include_str!("../../docs/problems.md");

    #[test]
    fn every_kind_has_a_slug_of_its_own_and_is_documented() {
        let slugs: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
        assert_eq!(slugs.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            let row = format!("| `{}` | {} |", kind.slug(), kind.status().as_u16());
            assert!(PAGE.contains(&row), "docs/problems.md lacks {row}");
        }
        let (_, table) = PAGE.split_once("|---|").expect("a table");
        let rows = table.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, Kind::ALL.len(), "a row without a kind");
    }

    #[test]
    fn a_failure_gives_an_id_and_never_the_cause() {
        let error = ApiError::from(DbError::Connection("10.0.0.7 refused bindery".into()));
        assert_eq!(error.status_code(), StatusCode::SERVICE_UNAVAILABLE);
        let problem = serde_json::to_string(&error.problem()).expect("a problem is JSON");
        assert!(!problem.contains("10.0.0.7"), "{problem}");
        assert!(problem.contains("\"id\""), "{problem}");
        let answer = error.error_response();
        assert!(answer.headers().contains_key(header::RETRY_AFTER));
    }

    #[test]
    fn a_query_that_fails_is_no_fault_of_the_caller() {
        let error = ApiError::from(QueryError::NotFound);
        assert_eq!(error.kind(), Kind::Internal);
    }
}
