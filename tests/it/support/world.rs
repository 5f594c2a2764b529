//! A service, a GitHub and a clock: what a story is told in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use bindery::clock::Clock;
use bindery::config::{Config, Flags, Sources};
use bindery::context::Context;
use bindery::github::ids::{AppId, InstallationId, RepositoryId};
use bindery::serve::{Http, Workers};
use bindery::simulator::{Selection, Simulator, SimulatorSettings};
use chrono::{DateTime, Utc};
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};

use super::api::Api;
use super::database::{Engine, TestDatabase};

pub const SECRET: &str = "a webhook secret of the tests";
pub const ADMIN: &str = "an admin token of the tests";
pub const APP_ID: i64 = 4242;
pub const KEY: &str = include_str!("../../../fixtures/test-app-key.pem");

/// The owner of everything on GitHub, and our organisation.
pub const OCTO: &str = "octo";
pub const ACME: &str = "acme";

pub struct World {
    pub engine: Engine,
    pub github: Simulator,
    pub installation: InstallationId,
    pub context: Context,
    pub clock: Clock,
    pub workers: Workers,
    pub api: Api,
    http: Option<Http>,
    database: Option<TestDatabase>,
    /// What a story leaves behind on purpose.
    allows_unfinished: bool,
}

pub fn begin() -> DateTime<Utc> {
    DateTime::from_timestamp(1_780_000_000, 0).expect("an instant")
}

impl World {
    pub async fn on(engine: Engine) -> Self {
        Self::with(engine, &[]).await
    }

    /// With settings besides the usual ones.
    pub async fn with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let clock = Clock::manual(begin());
        let github = simulator(&clock).await;
        github.create_organization(OCTO);
        let database = TestDatabase::create(engine).await;
        let config = config(&database.url, &github.url(), settings);
        let context = Context::open(config, clock.clone())
            .await
            .expect("the service opens its database");
        let http = Http::start(&context).await.expect("the service listens");
        github.set_webhook_url(format!("{}/webhooks/github", http.base_url));
        let installation = github.install(OCTO, Selection::All).await;
        let api = Api::new(&http.base_url, ADMIN);
        api.put(&format!("/orgs/{ACME}"), json!({}))
            .await
            .expect(201);
        let workers = Workers::new(&context);
        let world = Self {
            engine,
            github,
            installation,
            context,
            clock,
            workers,
            api,
            http: Some(http),
            database: Some(database),
            allows_unfinished: false,
        };
        world.settle().await;
        world
    }

    /// A repository of `octo`'s with a first commit of these files on `main`.
    pub async fn repository(&self, name: &str, files: &[(&str, &str)]) -> RepositoryId {
        let id = self.github.create_repository(OCTO, name).await;
        self.push(id, files).await;
        self.settle().await;
        id
    }

    pub async fn push(
        &self,
        id: RepositoryId,
        files: &[(&str, &str)],
    ) -> bindery::simulator::Pushed {
        self.github
            .push(id, "main", |change| {
                files.iter().fold(change, |change, (path, text)| {
                    change.write(*path, text.as_bytes())
                })
            })
            .await
    }

    /// Asks for a binding `name` on `octo/repo` and lets it sync.
    pub async fn bind(&self, name: &str, repo: &str, more: Value) -> Value {
        self.put_binding(name, repo, more).await.expect(201);
        self.settle().await;
        self.binding(name).await
    }

    pub async fn put_binding(&self, name: &str, repo: &str, more: Value) -> super::api::Answer {
        let mut body = json!({ "github_owner": OCTO, "github_repo": repo });
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        self.api.put(&binding_path(name), body).await
    }

    pub async fn binding(&self, name: &str) -> Value {
        self.api.get(&binding_path(name)).await.expect(200).json()
    }

    /// What is published, byte for byte.
    pub async fn files(&self, name: &str) -> BTreeMap<String, String> {
        let listing = self
            .api
            .get(&format!("{}/files", binding_path(name)))
            .await
            .expect(200)
            .json();
        let mut files = BTreeMap::new();
        for file in listing["files"].as_array().expect("a list of files") {
            let path = file["path"].as_str().expect("a path");
            let answer = self
                .api
                .get(&format!("{}/files/{path}", binding_path(name)))
                .await;
            let text = if answer.status == 200 {
                String::from_utf8(answer.bytes).expect("text")
            } else {
                "-".into()
            };
            files.insert(path.to_owned(), text);
        }
        files
    }

    /// Processes what was received and runs what is due, and what follows from that.
    pub async fn settle(&self) -> usize {
        let mut done = 0;
        loop {
            let processed = self.workers.inbox.drain().await.expect("the inbox works");
            let run = self.workers.queue.drain().await.expect("the queue works");
            if processed + run == 0 {
                return done;
            }
            done += run;
        }
    }

    pub async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.settle().await;
    }

    pub async fn job(&self, id: i64) -> Value {
        self.api
            .get(&format!("/jobs/{id}"))
            .await
            .expect(200)
            .json()
    }

    /// The newest delivery, with what was decided.
    pub async fn last_delivery(&self) -> Value {
        let list = self.api.get("/deliveries?limit=1").await.expect(200).json();
        let id = list["deliveries"][0]["id"].as_i64().expect("a delivery");
        self.api
            .get(&format!("/deliveries/{id}"))
            .await
            .expect(200)
            .json()
    }

    pub async fn count(&self, table: &str) -> i64 {
        use diesel::sql_types::BigInt;
        #[derive(diesel::QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            count: i64,
        }
        let mut conn = self.context.db.read().await.expect("a connection");
        let sql = format!("SELECT CAST(COUNT(*) AS BIGINT) AS count FROM {table}");
        diesel::sql_query(sql)
            .get_result::<Count>(&mut conn)
            .await
            .expect("a count")
            .count
    }

    /// The story leaves deliveries or jobs unfinished on purpose.
    pub fn allow_unfinished(&mut self) {
        self.allows_unfinished = true;
    }

    /// The end of a story: nothing may be left to do, and GitHub must not have been asked for what it
    /// does not have.
    pub async fn end(mut self) {
        let http = self.http.take().expect("a running server");
        http.stop().await.expect("the server stops");
        let strange = self.github.unexpected_requests();
        assert!(strange.is_empty(), "GitHub has no such paths: {strange:?}");
        if !self.allows_unfinished {
            let waiting = self.count("deliveries WHERE state = 'received'").await;
            assert_eq!(waiting, 0, "deliveries that were not processed");
            let jobs = self.count("jobs WHERE finalized_at IS NULL").await;
            assert_eq!(jobs, 0, "jobs that were not finished");
        }
        self.github.stop().await;
        let database = self.database.take().expect("a database");
        drop(self);
        database.drop().await;
    }
}

pub fn binding_path(name: &str) -> String {
    format!("/orgs/{ACME}/bindings/{name}")
}

pub async fn simulator(clock: &Clock) -> Simulator {
    let settings = SimulatorSettings {
        listen: "127.0.0.1:0".parse().expect("an address"),
        app_id: AppId::new(APP_ID).expect("an id"),
        app_public_key_pem: KEY.to_owned(),
        webhook_secret: SECRET.to_owned(),
        webhook_url: None,
        clock: clock.clone(),
    };
    Simulator::start(settings)
        .await
        .expect("the simulator listens")
}

pub fn config(database: &str, github: &str, more: &[(&str, &str)]) -> Config {
    let app_id = APP_ID.to_string();
    let usual = [
        ("DATABASE_URL", database),
        ("BINDERY_LISTEN", "127.0.0.1:0"),
        ("BINDERY_DATABASE_POOL_SIZE", "4"),
        ("GITHUB_API_URL", github),
        ("GITHUB_APP_ID", &app_id),
        ("GITHUB_APP_PRIVATE_KEY", KEY),
        ("GITHUB_WEBHOOK_SECRET", SECRET),
        ("BINDERY_ADMIN_TOKEN", ADMIN),
    ];
    let settings: BTreeMap<&str, &str> = usual.iter().chain(more).copied().collect();
    let read = |name: &str| settings.get(name).map(OsString::from);
    Config::load(&Sources::new(Flags::default(), read)).expect("a valid configuration")
}
