//! What of the client reads GitHub's words, without a connection: for the fuzzers alone.

use std::error::Error;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::delivery::next_cursor;
use super::rate_limit::{Signal, signal};
use super::send::minted;
use super::transport::Answer;
use super::{App, Commit, HookDelivery, Installation, Repository, Tree};
use crate::github::GitHubError;

/// An answer, whatever its status, as it came over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Raw<'a> {
    pub status: u16,
    pub headers: &'a [(&'a str, &'a [u8])],
    pub body: &'a [u8],
    pub at: DateTime<Utc>,
}

impl Raw<'_> {
    fn answer(&self) -> Option<Answer> {
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_bytes(value).ok()?);
        }
        Some(Answer {
            status: StatusCode::from_u16(self.status).ok()?,
            headers,
            body: Bytes::copy_from_slice(self.body),
            at: self.at,
        })
    }

    /// For how long it asks us to be silent, if it does and says so.
    pub fn pause(&self) -> Option<TimeDelta> {
        match signal(&self.answer()?)? {
            Signal::Until(until, _) => Some(until - self.at),
            Signal::Unsaid => None,
        }
    }

    /// Where its list goes on.
    pub fn cursor(&self) -> Option<String> {
        next_cursor(&self.answer()?).map(|cursor| cursor.0)
    }

    /// Whether a token minted so is used after this long; `None` when there is none in it.
    pub fn token_serves_for(&self, long: TimeDelta) -> Option<bool> {
        let token = minted(&self.answer()?).ok()?;
        Some(token.is_usable(self.at + long))
    }

    /// All that is said of it, read as each thing that GitHub is asked for.
    pub fn errors(&self) -> Vec<String> {
        let Some(answer) = self.answer() else {
            return Vec::new();
        };
        let list = answer.json_list::<HookDelivery>().map(drop);
        let read = [
            answer.json::<App>().map(drop),
            answer.json::<Commit>().map(drop),
            answer.json::<Installation>().map(drop),
            answer.json::<Repository>().map(drop),
            answer.json::<Tree>().map(drop),
            minted(&answer).map(drop),
            list,
        ];
        let refusals = [answer.refusal(), answer.permission_missing()];
        let errors = read.into_iter().filter_map(Result::err).chain(refusals);
        errors.map(|error| whole_text(&error)).collect()
    }
}

fn whole_text(error: &GitHubError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}
