//! A service, a GitHub and a clock: what a story is told in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use bindery::binding;
use bindery::clock::Clock;
use bindery::config::{Config, Flags, Sources};
use bindery::context::Context;
use bindery::fsck::{self, Options, Report};
use bindery::github::RepositoryName;
use bindery::github::ids::{AppId, InstallationId, RepositoryId};
use bindery::ids::BindingId;
use bindery::inbox::{self, Delivery, DeliveryFilter};
use bindery::queue::{self, Job, JobFilter};
use bindery::serve::{Http, Workers};
use bindery::simulator::{Route, Selection, Simulator, SimulatorSettings};
use chrono::{DateTime, Utc};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Value, json};

use super::api::{Answer, Api};
use super::database::{Engine, TestDatabase};

pub const SECRET: &str = "a webhook secret of the tests";
pub const ADMIN: &str = "an admin token of the tests";
pub const APP_ID: i64 = 4242;
pub const KEY: &str = include_str!("../../../fixtures/test-app-key.pem");

/// The owner of everything on GitHub, and our organisation.
pub const OCTO: &str = "octo";
pub const ACME: &str = "acme";

pub struct World {
    pub github: Simulator,
    pub installation: InstallationId,
    pub context: Context,
    pub clock: Clock,
    pub workers: Workers,
    pub api: Api,
    http: Option<Http>,
    database: Option<TestDatabase>,
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
        Self::over(github, clock, engine, settings).await
    }

    /// Over a GitHub that has begun, by the clock that it goes by.
    pub async fn over(
        github: Simulator,
        clock: Clock,
        engine: Engine,
        settings: &[(&str, &str)],
    ) -> Self {
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
            github,
            installation,
            context,
            clock,
            workers,
            api,
            http: Some(http),
            database: Some(database),
        };
        world.grant(installation).await;
        world.settle().await;
        world
    }

    /// From now on `acme` may bind the repositories of the installation.
    pub async fn grant(&self, installation: InstallationId) {
        self.api
            .put(&grant_path(installation), json!({}))
            .await
            .expect(201);
    }

    /// From now on it may not any more.
    pub async fn revoke(&self, installation: InstallationId) {
        self.api.delete(&grant_path(installation)).await.expect(204);
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

    pub async fn put_binding(&self, name: &str, repo: &str, more: Value) -> Answer {
        let mut body = json!({ "github_owner": OCTO, "github_repo": repo });
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        self.api.put(&binding_path(name), body).await
    }

    pub async fn binding(&self, name: &str) -> Value {
        self.api.get(&binding_path(name)).await.expect(200).json()
    }

    /// What is published, byte for byte; `-` for what has no bytes.
    pub async fn files(&self, name: &str) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let mut page = Some(format!("{}/files?limit=100", binding_path(name)));
        while let Some(path) = page {
            let listing = self.api.get(&path).await.expect(200);
            for file in listing.json()["files"].as_array().expect("a list of files") {
                let path = file["path"].as_str().expect("a path");
                files.insert(path.to_owned(), self.text(name, path).await);
            }
            page = listing.next_page();
        }
        files
    }

    async fn text(&self, name: &str, path: &str) -> String {
        let answer = self
            .api
            .get(&format!("{}/files/{path}", binding_path(name)))
            .await;
        if answer.status == 200 {
            String::from_utf8(answer.bytes).expect("text")
        } else {
            "-".into()
        }
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

    /// Asks for what is due without being told, and lets it settle.
    pub async fn heal(&self) {
        let now = self.clock.now();
        self.workers.timer.tick(now).await.expect("the timer ticks");
        self.settle().await;
    }

    /// The newest first.
    pub async fn jobs(&self) -> Vec<Job> {
        let mut conn = self.context.db.read().await.expect("a connection");
        queue::list(&JobFilter::default(), 1000, &mut conn)
            .await
            .expect("the jobs")
    }

    pub async fn last_job(&self) -> Job {
        self.jobs().await.into_iter().next().expect("a job")
    }

    /// The newest delivery of an event.
    pub async fn last_delivery(&self, event: &str) -> Delivery {
        let filter = DeliveryFilter {
            event: Some(event.to_owned()),
            ..DeliveryFilter::default()
        };
        let mut conn = self.context.db.read().await.expect("a connection");
        let found = inbox::list(&filter, 1, &mut conn)
            .await
            .expect("the deliveries");
        found.into_iter().next().expect("a delivery of this event")
    }

    /// Why the newest push did or did not concern each binding: verdict and reason.
    pub async fn decisions(&self) -> Vec<(String, String)> {
        let delivery = self.last_delivery("push").await;
        let mut conn = self.context.db.read().await.expect("a connection");
        let decisions = inbox::decisions_of(delivery.id, &mut conn)
            .await
            .expect("the decisions");
        decisions
            .into_iter()
            .map(|decision| (decision.verdict.to_string(), decision.reason))
            .collect()
    }

    /// Posts what a replayer has recorded.
    pub async fn deliver_raw(&self, headers: &[(String, String)], body: Vec<u8>) -> Answer {
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        let mut request = client.post(self.api.url("/webhooks/github")).body(body);
        for (name, value) in headers {
            request = request.header(name.as_str(), value.as_str());
        }
        Api::answer(request).await
    }

    /// What GitHub was asked since the last time, without the minting of tokens.
    pub fn asked(&self) -> Vec<Route> {
        let requests = self.github.take_requests();
        let routes = requests.iter().map(|request| request.route);
        routes
            .filter(|route| *route != Route::AccessToken)
            .collect()
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

    /// On PostgreSQL.
    pub async fn until_somebody_waits_for_a_lock(&self) {
        let waiting =
            "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while self.count(waiting).await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The name by which a binding goes that has never synced.
    pub async fn sought_name(&self, binding: &str) -> RepositoryName {
        let id = self.binding(binding).await["id"].as_i64().expect("an id");
        let mut conn = self.context.db.read().await.expect("a connection");
        let found = binding::find(BindingId::new(id), &mut conn).await;
        found
            .expect("the bindings")
            .expect("a binding")
            .sought_name()
    }

    /// Asks for what is due without being told.
    pub async fn tick(&self) {
        let now = self.clock.now();
        self.workers.timer.tick(now).await.expect("the timer ticks");
    }

    pub fn database_url(&self) -> &str {
        &self.database.as_ref().expect("a database").url
    }

    /// What the checker says of the database as it is now.
    pub async fn check(&self) -> Report {
        let options = Options::of(&self.context.config);
        fsck::check(&self.context.db, &options, &self.clock)
            .await
            .expect("a database that can be looked at")
    }

    /// Writes to the tables what the service never would: no constraint that refers to another row is kept.
    pub async fn tamper(&self, sql: &str) {
        let (lift, keep) = if self.context.db.is_sqlite() {
            ("PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys = ON")
        } else {
            (
                "SET session_replication_role = replica",
                "SET session_replication_role = DEFAULT",
            )
        };
        let mut conn = self.context.db.write().await.expect("a connection");
        conn.batch_execute(&format!("{lift}; {sql}; {keep}"))
            .await
            .expect(sql);
    }

    /// The end of a story that may end anyhow.
    pub async fn discard(mut self) {
        if let Some(http) = self.http.take() {
            http.abort().await;
        }
        self.github.stop().await;
        let database = self.database.take().expect("a database");
        drop(self);
        database.drop().await;
    }

    /// The end of a story: nothing may be left to do, GitHub must not have been asked for what it does not
    /// have, and what is stored must be as it should.
    pub async fn end(mut self) {
        let http = self.http.take().expect("a running server");
        http.abort().await;
        let strange = self.github.unexpected_requests();
        assert!(strange.is_empty(), "GitHub has no such paths: {strange:?}");
        let waiting = self.count("deliveries WHERE state = 'received'").await;
        assert_eq!(waiting, 0, "deliveries that were not processed");
        let jobs = self.count("jobs WHERE finalized_at IS NULL").await;
        assert_eq!(jobs, 0, "jobs that were not finished");
        let report = self.check().await;
        assert!(report.holds, "{report}");
        self.github.stop().await;
        let database = self.database.take().expect("a database");
        drop(self);
        database.drop().await;
    }
}

fn grant_path(installation: InstallationId) -> String {
    format!("/orgs/{ACME}/installations/{installation}")
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
