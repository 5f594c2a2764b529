//! Bodies of requests: read when the caller is known and may send one, and parsed at the door.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::Api;
use super::problem::{ApiError, FieldError, Kind};

/// From when it is asked for to its end: what a request needs of the database has the rest of its time.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A body that has not been read yet.
pub(super) struct Body {
    payload: web::Payload,
    headers: HeaderMap,
    /// Bytes.
    limit: usize,
}

impl Body {
    /// The JSON value of this type.
    pub(super) async fn json<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        check_declared(&self.headers)?;
        parse(&self.read().await?)
    }

    /// The same, of a body that may be left out when it would say nothing.
    pub(super) async fn json_or_default<T: DeserializeOwned + Default>(
        self,
    ) -> Result<T, ApiError> {
        let headers = self.headers.clone();
        let bytes = self.read().await?;
        if bytes.is_empty() {
            return Ok(T::default());
        }
        check_declared(&headers)?;
        parse(&bytes)
    }

    /// The fields of a form, as a browser sends it.
    pub(super) async fn form<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        let bytes = self.read().await?;
        let malformed = || ApiError::new(Kind::MalformedBody, "the fields of a form are expected");
        let text = std::str::from_utf8(&bytes).map_err(|_| malformed())?;
        let fields = web::Query::<T>::from_query(text).map_err(|_| malformed())?;
        Ok(fields.into_inner())
    }

    async fn read(self) -> Result<Bytes, ApiError> {
        if declared_length(&self.headers).is_some_and(|length| length > self.limit as u64) {
            return Err(too_large(self.limit));
        }
        match tokio::time::timeout(TIMEOUT, self.payload.to_bytes_limited(self.limit)).await {
            Ok(Ok(Ok(bytes))) => Ok(bytes),
            Ok(Ok(Err(_))) => Err(ApiError::new(Kind::MalformedBody, "the body broke off")),
            Ok(Err(_)) => Err(too_large(self.limit)),
            Err(_) => Err(ApiError::new(
                Kind::BodyTimeout,
                format!("a body must arrive within {} seconds", TIMEOUT.as_secs()),
            )),
        }
    }
}

impl FromRequest for Body {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limit = Api::of(request).context.config.http.max_body.as_u64();
        let headers = request.headers().clone();
        ready(
            web::Payload::from_request(request, payload)
                .into_inner()
                .map(|payload| Self {
                    payload,
                    headers,
                    limit: usize::try_from(limit).unwrap_or(usize::MAX),
                }),
        )
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn check_declared(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    let essence = text(header::CONTENT_TYPE)
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::new(
            Kind::NotJson,
            "send the body with `Content-Type: application/json`",
        ));
    }
    match text(header::CONTENT_ENCODING) {
        None | Some("identity") => Ok(()),
        Some(_) => Err(ApiError::new(
            Kind::NotJson,
            "send the body as it is, without `Content-Encoding`",
        )),
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        Kind::BodyTooLarge,
        format!("a body has at most {limit} bytes"),
    )
}

/// First as any JSON: nesting that is too deep is refused wherever it is, even within an unknown field.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice::<serde_json::Value>(bytes)
        .map_err(|error| ApiError::new(Kind::MalformedBody, error.to_string()))?;
    let mut json = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let cause = error.into_inner();
        match cause.classify() {
            Category::Data => {
                ApiError::invalid_body(vec![FieldError::new(field, without_place(&cause))])
            }
            Category::Syntax | Category::Eof | Category::Io => {
                ApiError::new(Kind::MalformedBody, cause.to_string())
            }
        }
    })
}

/// The field says more than "at line 1 column 17".
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what is refused is looked at")]
    struct Thing {
        name: String,
        inner: Option<Vec<u8>>,
    }

    fn refusal(body: &str) -> (u16, String) {
        let error = parse::<Thing>(body.as_bytes()).expect_err(body);
        (error.status_code().as_u16(), error.to_string())
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        for (body, field) in [
            (r#"{"name": 1}"#, "name: "),
            (r#"{"name": "a", "nmae": "b"}"#, "nmae: unknown field"),
            (r#"{"name": "a", "inner": [1, "x"]}"#, "inner[1]: "),
            ("{}", "missing field `name`"),
        ] {
            let (status, text) = refusal(body);
            assert_eq!(status, 422, "{body}");
            assert!(text.contains(field), "{body}: {text}");
        }
    }

    #[test]
    fn a26_refuses_what_is_not_json() {
        let deep = format!(r#"{{"x": {}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        for body in ["", "{", "{}{}", "nul", r#"{"name": "\ud800"}"#, &deep] {
            assert_eq!(refusal(body).0, 400, "{}", &body[..body.len().min(20)]);
        }
        assert!(parse::<Thing>(b"{\"name\": \"\xff\"}").is_err());
    }
}
