//! Lists page by page: a limit, an opaque cursor, and a `Link` to the next page.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::Api;
use super::problem::ApiError;

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 100;
/// Bytes of the checksum: against a slip of the hand, not against malice, as a cursor gives nothing
/// that the same caller could not list.
const CHECKSUM: usize = 6;

/// The query's parameters. An unknown one is refused: a filter that is passed over answers another
/// question than the one that was asked.
pub(super) fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, ApiError> {
    query_of(request.query_string())
}

/// The same of a query by itself.
pub(super) fn query_of<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    web::Query::<T>::from_query(query)
        .map(web::Query::into_inner)
        .map_err(|error| match error {
            actix_web::error::QueryPayloadError::Deserialize(error) => {
                ApiError::invalid_query(error)
            }
            _ => ApiError::invalid_query("the query cannot be read"),
        })
}

/// A filter's text: no control character, which no row holds and no log line should.
pub(super) fn check_plain(name: &str, text: &str) -> Result<(), ApiError> {
    if text.len() <= 256 && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(ApiError::invalid_query(format!(
        "{name}: at most 256 bytes are expected, and no control characters"
    )))
}

/// Which page of which list.
#[derive(Debug)]
pub(super) struct Page {
    list: &'static str,
    limit: usize,
    /// Where the page before ended.
    after: Option<String>,
}

impl Page {
    pub(super) fn new(
        list: &'static str,
        limit: Option<u32>,
        cursor: Option<&str>,
    ) -> Result<Self, ApiError> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(ApiError::invalid_query(format!(
                "limit: 1 to {MAX_LIMIT} is expected"
            )));
        }
        Ok(Self {
            list,
            limit: limit as usize,
            after: cursor.map(|cursor| decode(list, cursor)).transpose()?,
        })
    }

    /// How many rows to ask for: one more than are shown, to know whether another page follows.
    pub(super) fn rows(&self) -> i64 {
        i64::try_from(self.limit + 1).unwrap_or(i64::MAX)
    }

    /// Where the page before ended.
    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The same, where lists are ordered by an id.
    pub(super) fn after_id(&self) -> Result<Option<i64>, ApiError> {
        self.after
            .as_deref()
            .map(|after| after.parse().map_err(|_| bad_cursor()))
            .transpose()
    }

    /// Cuts the rows to the page; the position is that of the last one shown, when more follow.
    pub(super) fn cut<T>(
        &self,
        rows: &mut Vec<T>,
        position: impl Fn(&T) -> String,
    ) -> Option<String> {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        rows.last().filter(|_| more).map(position)
    }

    /// The page, with a `Link` to the next one when `next` says where it begins.
    pub(super) fn answer<T: Serialize>(
        &self,
        api: &Api,
        request: &HttpRequest,
        body: &T,
        next: Option<&str>,
    ) -> HttpResponse {
        let mut answer = HttpResponse::Ok();
        if let Some(position) = next {
            let url = next_url(api, request, &encode(self.list, position));
            answer.insert_header((header::LINK, format!("<{url}>; rel=\"next\"")));
        }
        answer.json(body)
    }
}

fn next_url(api: &Api, request: &HttpRequest, cursor: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let kept = url::form_urlencoded::parse(request.query_string().as_bytes())
        .filter(|(name, _)| name != "cursor");
    query.extend_pairs(kept).append_pair("cursor", cursor);
    format!("{}?{}", api.url_of(request.uri().path()), query.finish())
}

fn checksum(list: &str, position: &str) -> [u8; CHECKSUM] {
    let digest = Sha256::digest(format!("{list}\n{position}"));
    std::array::from_fn(|index| digest[index])
}

pub(super) fn encode(list: &str, position: &str) -> String {
    let mut bytes = checksum(list, position).to_vec();
    bytes.extend(position.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn decode(list: &str, cursor: &str) -> Result<String, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad_cursor())?;
    let (sum, position) = bytes.split_at_checked(CHECKSUM).ok_or_else(bad_cursor)?;
    let position = std::str::from_utf8(position).map_err(|_| bad_cursor())?;
    if sum != checksum(list, position) {
        return Err(bad_cursor());
    }
    Ok(position.to_owned())
}

pub(super) fn bad_cursor() -> ApiError {
    ApiError::invalid_query(
        "cursor: take it as it was given, from the `Link` of the page before, or begin again without one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_taken_as_it_was_given() {
        for position in ["", "42", "a/ü b.txt"] {
            let cursor = encode("files", position);
            assert_eq!(decode("files", &cursor).ok().as_deref(), Some(position));
            assert!(decode("jobs", &cursor).is_err(), "of another list");
        }
    }

    #[test]
    fn a23_refuses_a_cursor_that_was_tampered_with() {
        let cursor = encode("jobs", "1000");
        let other = encode("jobs", "1001");
        let forged = format!("{}{}", &cursor[..8], &other[8..]);
        for bad in ["", "x", "1000", "%00", &cursor[1..], &forged] {
            assert!(decode("jobs", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a23_a_limit_is_1_to_100() {
        for good in [None, Some(1), Some(100)] {
            assert!(Page::new("jobs", good, None).is_ok());
        }
        for bad in [0, 101, 1_000_000_000] {
            assert!(Page::new("jobs", Some(bad), None).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_page_says_where_the_next_one_begins_only_when_there_is_one() {
        let page = Page::new("jobs", Some(2), None).expect("a page");
        let mut rows = vec![1, 2, 3];
        assert_eq!(page.cut(&mut rows, i32::to_string).as_deref(), Some("2"));
        assert_eq!(rows, [1, 2]);
        assert_eq!(page.cut(&mut rows, i32::to_string), None);
    }
}
