//! A commit's files as one archive: GitHub's API says where it is, and another server hands it out.

use std::fmt;
use std::io;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use reqwest::header::{ACCEPT_ENCODING, LOCATION};
use reqwest::{Response, StatusCode};
use tokio::io::AsyncBufRead;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use tokio_util::io::StreamReader;
use url::Url;

use super::GitHub;
use super::config::{ClientLimits, GitHubConfig, GitHubConfigError};
use super::request::Request;
use super::transport::{Answer, builder, network};
use crate::git::Oid;
use crate::github::error::GitHubError;
use crate::github::ids::{InstallationId, RepositoryId};

/// Where archives are handed out: what they are counted under, for their URLs hold a token.
const ROUTE: &str = "codeload";

type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// A gzipped tar as it comes in. Bounded in bytes and in time; nothing of it is checked.
pub struct Archive<'a> {
    bytes: StreamReader<Chunks, Bytes>,
    _place: SemaphorePermit<'a>,
}

/// Fetches archives from where they may be fetched from, with no credentials but their links' own.
#[derive(Debug)]
pub(super) struct Archives {
    http: reqwest::Client,
    api: Url,
    servers: Vec<Url>,
    places: Semaphore,
    limits: ClientLimits,
}

#[derive(Debug, Clone, Copy, thiserror::Error)]
enum Fault {
    #[error("GitHub's link to the archive leads nowhere")]
    LeadsNowhere,
    #[error("GitHub's link to the archive leads to a server that is not for archives")]
    LeadsElsewhere,
    #[error("the archive is answered with status {0}")]
    Status(u16),
    #[error("the archive has more than {0} bytes")]
    TooLarge(u64),
    #[error("the archive takes too long")]
    TooSlow,
}

impl GitHub {
    /// The files of a commit, below one folder, as `git archive` writes them: without those that the
    /// repository's attributes leave out, and not always byte for byte as they are in git.
    ///
    /// Waits for a place among the archives that are being read. At most `max_bytes` are read of it, as it
    /// is compressed.
    ///
    /// # Errors
    /// Whatever the reason, the same files can be had blob by blob.
    pub async fn archive(
        &self,
        installation: InstallationId,
        repository: RepositoryId,
        commit: Oid,
        max_bytes: u64,
    ) -> Result<Archive<'_>, GitHubError> {
        // Before the link is asked for: it is good for a few minutes only.
        let place = self.archives.enter().await;
        let route = "/repositories/{repository_id}/tarball/{commit_sha}";
        let request = Request::get(route, &[&repository, &commit], self.json_cap()).for_a_link();
        let answered = self.as_installation(installation, &request, None).await?;
        let link = self.archives.link(&answered.answer)?;
        let bytes = self.archives.open(link, max_bytes).await?;
        Ok(Archive {
            bytes,
            _place: place,
        })
    }
}

impl Archive<'_> {
    pub fn bytes(&mut self) -> impl AsyncBufRead + Send + Unpin {
        &mut self.bytes
    }
}

impl Archives {
    pub(super) fn new(config: &GitHubConfig) -> Result<Self, GitHubConfigError> {
        let limits = config.limits.clone();
        let http = builder(&limits)
            // Whoever reads it counts what comes in, and what it becomes.
            .no_gzip()
            .build()
            .map_err(GitHubConfigError::Http)?;
        Ok(Self {
            http,
            servers: servers_of(&config.api_url),
            api: config.api_url.clone(),
            places: Semaphore::new(limits.max_archives.min(Semaphore::MAX_PERMITS)),
            limits,
        })
    }

    async fn enter(&self) -> SemaphorePermit<'_> {
        let place = self.places.acquire().await;
        place.expect("this semaphore is never closed")
    }

    /// Where the archive is, if it is where this GitHub keeps archives.
    fn link(&self, answer: &Answer) -> Result<Url, GitHubError> {
        if answer.status != StatusCode::FOUND {
            return Err(answer.refusal());
        }
        let link = answer
            .header(LOCATION)
            .and_then(|location| self.api.join(location).ok())
            .ok_or_else(|| GitHubError::unexpected(Fault::LeadsNowhere))?;
        let is_for_archives = link.username().is_empty()
            && link.password().is_none()
            && self
                .servers
                .iter()
                .any(|server| server.origin() == link.origin());
        if is_for_archives {
            Ok(link)
        } else {
            Err(GitHubError::unexpected(Fault::LeadsElsewhere))
        }
    }

    async fn open(
        &self,
        link: Url,
        max_bytes: u64,
    ) -> Result<StreamReader<Chunks, Bytes>, GitHubError> {
        let until = Instant::now() + self.limits.archive_timeout;
        let asked = self
            .http
            .get(link)
            .header(ACCEPT_ENCODING, "identity")
            .send();
        let answered = tokio::time::timeout_at(until, asked).await;
        let answered = answered
            .map_err(|_| GitHubError::unavailable(Fault::TooSlow))
            .and_then(|response| response.map_err(network));
        report(&answered);
        let response = answered?;
        match response.status() {
            StatusCode::OK => {}
            status if status.is_server_error() => {
                return Err(GitHubError::unavailable(Fault::Status(status.as_u16())));
            }
            status => return Err(GitHubError::unexpected(Fault::Status(status.as_u16()))),
        }
        if response.content_length().is_some_and(|all| all > max_bytes) {
            return Err(GitHubError::unexpected(Fault::TooLarge(max_bytes)));
        }
        Ok(StreamReader::new(chunks(response, max_bytes, until)))
    }
}

fn chunks(response: Response, max_bytes: u64, until: Instant) -> Chunks {
    let begin = (response, 0_u64);
    Box::pin(stream::try_unfold(
        begin,
        move |(mut response, so_far)| async move {
            let chunk = tokio::time::timeout_at(until, response.chunk()).await;
            let chunk = chunk.map_err(|_| io::Error::other(Fault::TooSlow))?;
            let Some(chunk) = chunk.map_err(|error| io::Error::other(network(error)))? else {
                return Ok(None);
            };
            let so_far = so_far + chunk.len() as u64;
            if so_far > max_bytes {
                return Err(io::Error::other(Fault::TooLarge(max_bytes)));
            }
            Ok(Some((chunk, (response, so_far))))
        },
    ))
}

/// The API's own server, where an Enterprise Server has them under `/_codeload`, and the one that is named
/// `codeload` beside it: of github.com, of `SUBDOMAIN.ghe.com`, of an Enterprise Server with subdomains.
fn servers_of(api_url: &Url) -> Vec<Url> {
    let mut servers = vec![api_url.clone()];
    if let Some(domain) = api_url.domain() {
        let name = domain.strip_prefix("api.").unwrap_or(domain);
        let mut beside = api_url.clone();
        if beside.set_host(Some(&format!("codeload.{name}"))).is_ok() {
            servers.push(beside);
        }
    }
    servers
}

/// As of every other request, without the URL.
fn report(answered: &Result<Response, GitHubError>) {
    let status = match answered {
        Ok(response) => response.status().as_u16().to_string(),
        Err(_) => "none".to_owned(),
    };
    tracing::debug!(method = "GET", route = ROUTE, status, "asked GitHub");
    metrics::counter!(
        "bindery_github_requests_total",
        "route" => ROUTE,
        "status" => status
    )
    .increment(1);
}

impl fmt::Debug for Archive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Archive")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://api.github.com", "https://codeload.github.com")]
    #[case("https://git.example.org/api/v3", "https://codeload.git.example.org")]
    #[case(
        "https://git.example.org:8443/api/v3",
        "https://codeload.git.example.org:8443"
    )]
    #[case("https://api.octocorp.ghe.com", "https://codeload.octocorp.ghe.com")]
    fn each_github_hands_its_archives_out_itself_or_beside(
        #[case] api: &str,
        #[case] beside: &str,
    ) {
        let (api, beside): (Url, Url) = (api.parse().expect("a URL"), beside.parse().expect("one"));
        let origins: Vec<_> = servers_of(&api).iter().map(Url::origin).collect();
        assert_eq!(origins, [api.origin(), beside.origin()]);
    }

    #[test]
    fn an_address_has_nothing_beside_it() {
        let api: Url = "http://127.0.0.1:4010".parse().expect("a URL");
        assert_eq!(servers_of(&api), [api]);
    }
}
