//! The API over a database of its own, without GitHub.

mod bindings;
mod console;
mod deliveries;
mod files;
mod jobs;
mod outages;
mod problems;
mod tenancy;

use std::collections::HashMap;
use std::ffi::OsString;

use actix_web::http::{Method, StatusCode, header};
use actix_web::test;
use serde_json::Value;

use super::{Api, app};
use crate::clock::Clock;
use crate::config::{Config, Flags, Sources};
use crate::context::Context;
use crate::ids::OrganizationId;
use crate::organization;
use crate::token::{self, NewToken, Role};

const ADMIN: &str = "the-configured-admin-token";

/// A server's world: its database goes with it.
struct World {
    api: Api,
    _folder: tempfile::TempDir,
}

/// What an answer was.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("an answer in JSON")
    }

    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).expect(name);
        value.to_str().expect("a header in ASCII")
    }

    /// The slug of the problem's type; checks its shape.
    fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert!(problem["title"].is_string() && problem["detail"].is_string());
        let slug = problem["type"]
            .as_str()
            .and_then(|uri| uri.strip_prefix("/problems/"));
        slug.expect("a type of ours").to_owned()
    }
}

impl World {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}", folder.path().join("bindery.db").display());
        let mut environment: HashMap<_, _> = variables.iter().copied().collect();
        environment.insert("DATABASE_URL", &url);
        environment.insert("BINDERY_ADMIN_TOKEN", ADMIN);
        let sources = Sources::new(Flags::default(), |name| {
            environment.get(name).map(OsString::from)
        });
        let start = "2026-01-02T03:04:05Z".parse().expect("an instant");
        let clock = Clock::manual(start);
        let config = Config::load(&sources).expect("a configuration");
        let context = Context::open(config, clock).await.expect("a context");
        Self {
            api: Api::new(context, "http://bindery.example".to_owned()),
            _folder: folder,
        }
    }

    /// With an organisation `octo` that has a project `handbook`.
    async fn with_octo() -> Self {
        let world = Self::new().await;
        world.put("/orgs/octo", "{}").await;
        world.put("/orgs/octo/projects/handbook", "{}").await;
        world
    }

    async fn token(&self, organization: Option<&str>, role: Role) -> String {
        use secrecy::ExposeSecret;
        let mut conn = self.api.write().await.expect("a connection");
        let mut organization_id: Option<OrganizationId> = None;
        if let Some(slug) = organization {
            let found = organization::find(slug, &mut conn).await.expect("a query");
            organization_id = Some(found.expect(slug).id);
        }
        let new = NewToken {
            label: "test".to_owned(),
            organization_id,
            role,
            expires_at: None,
        };
        let created = token::create(&new, self.api.now(), &mut conn).await;
        created.expect("a token").secret.expose_secret().to_owned()
    }

    async fn call(&self, request: test::TestRequest) -> Answer {
        let app = test::init_service(app(self.api.clone())).await;
        let response = test::call_service(&app, request.to_request()).await;
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body: test::read_body(response).await.to_vec(),
        }
    }

    async fn send(&self, method: Method, path: &str, token: &str) -> Answer {
        self.call(request(method, path, token)).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, ADMIN).await
    }

    async fn put(&self, path: &str, body: &str) -> Answer {
        self.call(with_body(request(Method::PUT, path, ADMIN), body))
            .await
    }
}

fn request(method: Method, path: &str, token: &str) -> test::TestRequest {
    test::TestRequest::with_uri(path)
        .method(method)
        .insert_header((header::AUTHORIZATION, format!("Bearer {token}")))
}

fn with_body(request: test::TestRequest, body: &str) -> test::TestRequest {
    request
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .set_payload(body.to_owned())
}
