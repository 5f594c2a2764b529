//! HTTP: headers, redirects on the same host only, time-outs, and caps on bodies.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION,
};
use reqwest::{Method, Response, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::config::{ClientLimits, GitHubConfig, GitHubConfigError};
use super::request::Request;
use crate::clock::Clock;
use crate::github::error::GitHubError;

/// Sends requests to one GitHub and reads the answers, whatever their status; knows no meaning of either.
#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    /// Without a slash at the end.
    base: String,
    in_flight: Semaphore,
    call_timeout: Duration,
    clock: Clock,
}

/// What GitHub said, complete.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// When it had arrived, by our clock.
    pub(super) at: DateTime<Utc>,
}

/// Who asks, and for which version of the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Credentials<'a> {
    pub(super) bearer: &'a SecretString,
    pub(super) if_none_match: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, thiserror::Error)]
enum Fault {
    #[error("the request could not be built: {0}")]
    Request(&'static str),
    #[error("no complete answer within {} s", .0.as_secs())]
    CallTimeout(Duration),
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    #[error("the answer redirects to another server, which is never followed")]
    RedirectElsewhere,
    #[error("the answer redirects in a loop, or more than {MAX_REDIRECTS} times")]
    RedirectLoop,
    #[error("the answer redirects without saying where to")]
    RedirectNowhere,
}

/// GitHub needs one for a rename, and one more for a rename of the owner.
const MAX_REDIRECTS: usize = 5;
/// Of an error's body only the message is read.
const MAX_ERROR_BYTES: u64 = 64 << 10;
const API_VERSION: &str = "2022-11-28";

impl Transport {
    pub(super) fn new(config: &GitHubConfig, clock: Clock) -> Result<Self, GitHubConfigError> {
        let limits = &config.limits;
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-github-api-version",
            HeaderValue::from_static(API_VERSION),
        );
        let http = builder(limits)
            .default_headers(headers)
            .build()
            .map_err(GitHubConfigError::Http)?;
        Ok(Self {
            http,
            base: config.api_url.as_str().trim_end_matches('/').to_owned(),
            in_flight: Semaphore::new(limits.max_in_flight.min(Semaphore::MAX_PERMITS)),
            call_timeout: limits.call_timeout,
            clock,
        })
    }

    /// Waits for a place among the requests under way.
    pub(super) async fn enter(&self) -> SemaphorePermit<'_> {
        self.in_flight
            .acquire()
            .await
            .expect("this semaphore is never closed")
    }

    /// One request and its redirects. `_place` is what [`enter`](Self::enter) gave.
    pub(super) async fn exchange(
        &self,
        request: &Request,
        credentials: Credentials<'_>,
        _place: &SemaphorePermit<'_>,
    ) -> Result<Answer, GitHubError> {
        let within = self.call_timeout;
        tokio::time::timeout(within, self.follow(request, credentials))
            .await
            .unwrap_or_else(|_| Err(GitHubError::unavailable(Fault::CallTimeout(within))))
    }

    async fn follow(
        &self,
        request: &Request,
        credentials: Credentials<'_>,
    ) -> Result<Answer, GitHubError> {
        let mut visited = vec![self.url(request)?];
        loop {
            let url = visited.last().expect("it begins with one").clone();
            let response = self.send(request, credentials, url.clone()).await?;
            let is_link = request.is_for_a_link && response.status() == StatusCode::FOUND;
            if is_link || !is_redirect(response.status()) {
                return self.read(request, response).await;
            }
            let next = target(&url, request, &response)?;
            if visited.len() > MAX_REDIRECTS || visited.contains(&next) {
                return Err(GitHubError::unexpected(Fault::RedirectLoop));
            }
            visited.push(next);
        }
    }

    fn url(&self, request: &Request) -> Result<Url, GitHubError> {
        // A path that cannot be written is a thing that GitHub cannot have.
        let path = request.path.as_deref().ok_or(GitHubError::NotFound)?;
        Url::parse(&format!("{}{path}", self.base))
            .map_err(|_| GitHubError::unexpected(Fault::Request("no such URL")))
    }

    async fn send(
        &self,
        request: &Request,
        credentials: Credentials<'_>,
        url: Url,
    ) -> Result<Response, GitHubError> {
        let mut builder = self
            .http
            .request(request.method.clone(), url)
            .header(ACCEPT, request.accept)
            .header(AUTHORIZATION, bearer(credentials.bearer)?);
        if let Some(etag) = credentials.if_none_match {
            builder = builder.header(IF_NONE_MATCH, etag);
        }
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        builder.send().await.map_err(network)
    }

    async fn read(&self, request: &Request, response: Response) -> Result<Answer, GitHubError> {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = if status.is_success() {
            read_capped(response, request.cap.bytes)
                .await?
                .ok_or_else(|| too_large(request))?
        } else {
            read_some(response, MAX_ERROR_BYTES).await?
        };
        Ok(Answer {
            status,
            headers,
            body,
            at: self.clock.now(),
        })
    }
}

/// What every client of ours begins with.
pub(super) fn builder(limits: &ClientLimits) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("bindery/", env!("CARGO_PKG_VERSION")))
        // Redirects are followed by hand: a token must not leave the server it is for.
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(limits.connect_timeout)
        .read_timeout(limits.read_idle)
}

fn bearer(secret: &SecretString) -> Result<HeaderValue, GitHubError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", secret.expose_secret()))
        .map_err(|_| GitHubError::unexpected(Fault::Request("a token that no header can hold")))?;
    value.set_sensitive(true);
    Ok(value)
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 307 | 308)
}

/// Where a redirect leads, if it stays on the same server.
fn target(from: &Url, request: &Request, response: &Response) -> Result<Url, GitHubError> {
    let to = response
        .headers()
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| GitHubError::unexpected(Fault::RedirectNowhere))?;
    let same_server = to.origin() == from.origin() && to.origin().is_tuple();
    let keeps_method =
        request.method == Method::GET || matches!(response.status().as_u16(), 307 | 308);
    if same_server && keeps_method && to.username().is_empty() && to.password().is_none() {
        Ok(to)
    } else {
        Err(GitHubError::unexpected(Fault::RedirectElsewhere))
    }
}

/// The whole body, or `None` when it has more than `cap` bytes.
async fn read_capped(mut response: Response, cap: u64) -> Result<Option<Bytes>, GitHubError> {
    let announced = response
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > cap) {
        return Ok(None);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        if (body.len() + chunk.len()) as u64 > cap {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}

/// The beginning of a body.
async fn read_some(mut response: Response, cap: u64) -> Result<Bytes, GitHubError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(network)? {
        body.extend_from_slice(&chunk);
        if body.len() as u64 >= cap {
            break;
        }
    }
    Ok(body.freeze())
}

fn too_large(request: &Request) -> GitHubError {
    let limit = request.cap.bytes;
    if request.cap.is_of_a_thing {
        GitHubError::TooLarge {
            what: request.cap.what,
            limit,
        }
    } else {
        GitHubError::unexpected(Fault::TooLarge(limit))
    }
}

/// reqwest's errors carry the URL, ours must not: it is for the eyes of GitHub and of nobody else.
pub(super) fn network(error: reqwest::Error) -> GitHubError {
    let error = error.without_url();
    if error.is_builder() {
        GitHubError::unexpected(error)
    } else {
        GitHubError::unavailable(error)
    }
}
