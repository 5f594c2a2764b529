use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::clock::Clock;
use crate::github::client::{ClientLimits, GitHub, GitHubConfig};
use crate::github::ids::{AppId, InstallationId, RepositoryId};
use crate::github::{GitHubError, PrivateKeyPem};

pub(super) const KEY: &str = include_str!("../../../../fixtures/test-app-key.pem");
pub(super) const OTHER_KEY: &str = include_str!("../../../../fixtures/keys/rsa-2048-pkcs8.pem");

pub(super) const REPOSITORY: &str = "/repositories/77";

pub(super) fn key(pem: &str) -> PrivateKeyPem {
    PrivateKeyPem::parse(pem).expect("a good key")
}

pub(super) fn app_id() -> AppId {
    AppId::new(991_207).expect("an id")
}

pub(super) fn installation(id: i64) -> InstallationId {
    InstallationId::new(id).expect("an id")
}

pub(super) fn repository_id() -> RepositoryId {
    RepositoryId::new(77).expect("an id")
}

pub(super) fn noon() -> DateTime<Utc> {
    "2026-03-02T12:00:00Z".parse().expect("a time")
}

pub(super) fn repository_json() -> Value {
    json!({
        "id": 77, "name": "handbook", "owner": { "id": 5, "login": "harbour-works" },
        "default_branch": "main", "private": true, "visibility": "private",
        "archived": false, "disabled": false,
    })
}

pub(super) fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A server, the time there and here, and a client of it.
pub(super) struct World {
    pub(super) server: MockServer,
    pub(super) clock: Clock,
    pub(super) mints: Mints,
}

impl World {
    /// GitHub mints tokens for everyone: `ghs_1`, `ghs_2`, …
    pub(super) async fn new() -> Self {
        let world = Self::without_tokens().await;
        Mock::given(method("POST"))
            .and(path_regex(r"^/app/installations/\d+/access_tokens$"))
            .respond_with(world.mints.clone())
            .mount(&world.server)
            .await;
        world
    }

    pub(super) async fn without_tokens() -> Self {
        let clock = Clock::manual(noon());
        Self {
            server: MockServer::start().await,
            mints: Mints {
                minted: Arc::default(),
                clock: clock.clone(),
            },
            clock,
        }
    }

    pub(super) fn config(&self) -> GitHubConfig {
        let url = self.server.uri().parse().expect("a URL");
        GitHubConfig::new(url, app_id(), key(KEY))
    }

    pub(super) fn client(&self) -> GitHub {
        GitHub::new(self.config(), self.clock.clone()).expect("a client")
    }

    pub(super) async fn on(&self, at: &str, respond: impl Respond + 'static) {
        self.on_exactly(at, self.dated(respond)).await;
    }

    /// Without a date of the tests' own: the answer brings one, or the server gives the real time.
    pub(super) async fn on_exactly(&self, at: &str, respond: impl Respond + 'static) {
        Mock::given(path(at))
            .respond_with(respond)
            .mount(&self.server)
            .await;
    }

    /// Answers the next `times` requests only; what is mounted later answers those after.
    pub(super) async fn first(&self, times: u64, at: &str, respond: impl Respond + 'static) {
        Mock::given(path(at))
            .respond_with(self.dated(respond))
            .up_to_n_times(times)
            .mount(&self.server)
            .await;
    }

    pub(super) fn dated<R>(&self, respond: R) -> Dated<R> {
        Dated {
            respond,
            clock: self.clock.clone(),
        }
    }

    pub(super) fn mints(&self) -> usize {
        self.mints.minted.load(Ordering::SeqCst)
    }

    /// The requests so far, mints apart.
    pub(super) async fn requests(&self) -> Vec<Request> {
        let mut requests = self.server.received_requests().await.expect("recorded");
        requests.retain(|request| !request.url.path().ends_with("/access_tokens"));
        requests
    }

    /// Asks for the repository as installation 1.
    pub(super) async fn ask(&self, client: &GitHub) -> Result<(), GitHubError> {
        self.ask_as(client, 1).await
    }

    pub(super) async fn ask_as(&self, client: &GitHub, id: i64) -> Result<(), GitHubError> {
        use crate::github::client::RepositoryKey;
        let key = RepositoryKey::Id(repository_id());
        client.repository(installation(id), key, None).await?;
        Ok(())
    }
}

/// Dates an answer by the tests' clock.
pub(super) struct Dated<R> {
    respond: R,
    clock: Clock,
}

impl<R: Respond> Respond for Dated<R> {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let date = http_date(self.clock.now());
        self.respond
            .respond(request)
            .insert_header("date", date.as_str())
    }
}

/// Mints `ghs_1`, `ghs_2`, … for an hour each.
#[derive(Clone)]
pub(super) struct Mints {
    pub(super) minted: Arc<AtomicUsize>,
    clock: Clock,
}

impl Respond for Mints {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let number = self.minted.fetch_add(1, Ordering::SeqCst) + 1;
        let expires_at = self.clock.now() + TimeDelta::hours(1);
        let template = ResponseTemplate::new(201).set_body_json(json!({
            "token": format!("ghs_{number}"),
            "expires_at": expires_at.to_rfc3339(),
            "permissions": { "contents": "read", "metadata": "read" },
            "repository_selection": "all",
        }));
        template.insert_header("date", http_date(self.clock.now()).as_str())
    }
}

/// A server that takes one connection after another and writes `head`, then what `after` says.
pub(super) async fn raw_server(head: &'static str, after: After) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 8192];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(head.as_bytes()).await;
                match after {
                    After::Close => {}
                    After::Silence => std::future::pending().await,
                    After::Endless => while stream.write_all(&[b' '; 8192]).await.is_ok() {},
                }
            });
        }
    });
    url
}

#[derive(Clone, Copy)]
pub(super) enum After {
    Close,
    Silence,
    Endless,
}

/// A client of `url` that loses patience soon.
pub(super) fn impatient(url: &str) -> GitHub {
    let mut config = GitHubConfig::new(url.parse().expect("a URL"), app_id(), key(KEY));
    config.limits = ClientLimits {
        read_idle: std::time::Duration::from_millis(50),
        max_json_bytes: 100_000,
        ..ClientLimits::default()
    };
    GitHub::new(config, Clock::manual(noon())).expect("a client")
}

/// All that an error can come to say, in a log or to a person.
pub(super) fn whole_text(error: &GitHubError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    text
}
