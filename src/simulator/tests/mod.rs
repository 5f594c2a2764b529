//! Is it believable? Asked over HTTP, as a client would, and of git itself.

mod access;
mod api;
mod apps;
mod archive;
mod disk;
mod faults;
mod history;
mod hosts;
mod identity;
mod redirects;
mod registration;
mod stall;
mod troubles;
mod truth;
mod visibility;
mod webhooks;

use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Response;
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::clock::Clock;
use crate::github::ids::{AppId, InstallationId};

use super::{Simulator, SimulatorSettings};

const KEY: &str = include_str!("../../../fixtures/test-app-key.pem");
const SECRET: &str = "a secret of more than sixteen bytes";
const APP: i64 = 4711;

/// A GitHub, somebody who receives its deliveries, and somebody who asks.
struct Story {
    github: Simulator,
    clock: Clock,
    receiver: MockServer,
    http: reqwest::Client,
}

impl Story {
    async fn begin() -> Self {
        let receiver = MockServer::start().await;
        let accepted = ResponseTemplate::new(202).set_body_string("taken");
        let any = Mock::given(method("POST")).respond_with(accepted);
        receiver.register(any).await;
        let clock = Clock::manual("2026-03-01T12:00:00Z".parse::<DateTime<Utc>>().unwrap());
        let github = Simulator::start(SimulatorSettings {
            listen: "127.0.0.1:0".parse().unwrap(),
            app_id: AppId::new(APP).unwrap(),
            app_public_key_pem: KEY.to_owned(),
            webhook_secret: SECRET.to_owned(),
            webhook_url: Some(receiver.uri()),
            clock: clock.clone(),
        })
        .await
        .unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .user_agent("test")
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        Self {
            github,
            clock,
            receiver,
            http,
        }
    }

    fn jwt(&self) -> String {
        let now = self.clock.now().timestamp();
        self.jwt_with(&json!({"iss": APP.to_string(), "iat": now - 60, "exp": now + 540}))
    }

    fn jwt_with(&self, claims: &Value) -> String {
        let key = EncodingKey::from_rsa_pem(KEY.as_bytes()).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).unwrap()
    }

    fn request(&self, method: &str, path: &str, token: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.github.url());
        let request = self.http.request(method.parse().unwrap(), url);
        if token.is_empty() {
            request
        } else {
            request.bearer_auth(token)
        }
    }

    async fn get(&self, path: &str, token: &str) -> Response {
        self.request("GET", path, token).send().await.unwrap()
    }

    async fn read(&self, path: &str, token: &str) -> Value {
        let answer = self.get(path, token).await;
        assert_eq!(answer.status(), 200, "GET {path}");
        answer.json().await.unwrap()
    }

    async fn status(&self, path: &str, token: &str) -> u16 {
        self.get(path, token).await.status().as_u16()
    }

    async fn mint(&self, installation: InstallationId) -> Response {
        let path = format!("/app/installations/{installation}/access_tokens");
        let request = self.request("POST", &path, &self.jwt());
        request.send().await.unwrap()
    }

    async fn token(&self, installation: InstallationId) -> String {
        let minted: Value = self.mint(installation).await.json().await.unwrap();
        minted["token"].as_str().unwrap().to_owned()
    }

    /// The payload of the last delivery of an event.
    fn last_payload(&self, event: &str) -> Value {
        let deliveries = self.github.deliveries();
        let last = deliveries.iter().rev().find(|d| d.event == event);
        serde_json::from_slice(&last.unwrap().payload).unwrap()
    }

    /// `event.action` of everything so far, and forgets nothing.
    fn told(&self) -> Vec<String> {
        let name = |d: super::Delivery| match d.action {
            Some(action) => format!("{}.{action}", d.event),
            None => d.event,
        };
        self.github.deliveries().into_iter().map(name).collect()
    }
}
