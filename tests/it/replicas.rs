//! Several processes of the real binary over one PostgreSQL, and a GitHub that takes its time.

use std::collections::BTreeSet;
use std::time::Duration;

use bindery::clock::Clock;
use bindery::config::{Config, Flags, Sources};
use bindery::db::Db;
use bindery::db::schema::{deliveries, jobs};
use bindery::fsck::{self, Options};
use bindery::github::ids::RepositoryId;
use bindery::simulator::{Fault, Route, Selection, Simulator};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};

use crate::process::{PATIENCE, Serving, serve};
use crate::support::{Engine, KEY, OCTO, SECRET, TestDatabase, binding_path, simulator};
use crate::webhook::post::Post;
use crate::webhook::wire::Wire;

/// Short, so that nobody waits for long.
const LEASE: Duration = Duration::from_secs(2);

struct Replicas {
    github: Simulator,
    a: Serving,
    b: Serving,
    db: Db,
    options: Options,
    database: TestDatabase,
}

fn environment(database: &str, github: &str) -> Vec<(&'static str, String)> {
    [
        ("DATABASE_URL", database),
        ("BINDERY_DATABASE_POOL_SIZE", "4"),
        // Nothing here is about a slow machine.
        ("BINDERY_DATABASE_ACQUIRE_TIMEOUT", "30s"),
        ("BINDERY_DATABASE_STATEMENT_TIMEOUT", "30s"),
        ("BINDERY_LEASE", "2s"),
        ("BINDERY_SWEEP_INTERVAL", "off"),
        ("BINDERY_POLL_INTERVAL", "off"),
        ("GITHUB_API_URL", github),
        ("GITHUB_APP_ID", "4242"),
        ("GITHUB_APP_PRIVATE_KEY", KEY),
        ("GITHUB_WEBHOOK_SECRET", SECRET),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

impl Replicas {
    /// Two processes, the first of which is told of what happens.
    async fn start() -> Self {
        let database = TestDatabase::create(Engine::Postgres).await;
        let github = simulator(&Clock::system()).await;
        github.create_organization(OCTO);
        let environment = environment(&database.url, &github.url());
        let process = || {
            let mut command = serve(&database.url);
            command.envs(environment.iter().map(|(name, value)| (name, value)));
            Serving::spawn(command)
        };
        let (a, b) = tokio::join!(process(), process());
        let read = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name)?;
            Some(found.1.clone().into())
        };
        let config = Config::load(&Sources::new(Flags::default(), read)).unwrap();
        let db = Db::open(&config.database.settings()).await.unwrap();
        let replicas = Self {
            options: Options::of(&config),
            github,
            a,
            b,
            db,
            database,
        };
        let webhook = replicas.a.api.url("/webhooks/github");
        replicas.github.set_webhook_url(webhook);
        let installation = replicas.github.install(OCTO, Selection::All).await;
        let api = &replicas.b.api;
        api.put("/orgs/acme", json!({})).await.expect(201);
        let grant = format!("/orgs/acme/installations/{installation}");
        api.put(&grant, json!({})).await.expect(201);
        replicas
    }

    async fn repository(&self, name: &str) -> RepositoryId {
        let id = self.github.create_repository(OCTO, name).await;
        self.push(id, "first").await;
        id
    }

    async fn push(&self, id: RepositoryId, text: &str) {
        let change = |change: bindery::simulator::Change| change.write("a", text.as_bytes());
        self.github.push(id, "main", change).await;
    }

    async fn bind(&self, name: &str) {
        let body = json!({ "github_owner": OCTO, "github_repo": name });
        self.b.api.put(&binding_path(name), body).await.expect(201);
    }

    /// The process that has not been stopped looks until that is so.
    async fn until(&self, binding: &str, so: impl Fn(&Value) -> bool) -> Value {
        let looking = async {
            loop {
                let seen = self
                    .b
                    .api
                    .get(&binding_path(binding))
                    .await
                    .expect(200)
                    .json();
                if so(&seen) {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, looking).await;
        found.expect("it comes to that")
    }

    async fn holds(&self, name: &str, id: RepositoryId) {
        let head = self.github.head(id, "main").to_string();
        let synced =
            |seen: &Value| seen["commit_sha"] == head && seen["last_sync_status"] == "succeeded";
        self.until(name, synced).await;
    }

    /// Who has run or runs the jobs of this state: the process is the number before the dash.
    async fn workers(&self, state: &str) -> BTreeSet<String> {
        let mut conn = self.db.read().await.unwrap();
        let names: Vec<Option<String>> = jobs::table
            .filter(jobs::state.eq(state).and(jobs::kind.eq("content_sync")))
            .select(jobs::worker)
            .load(&mut conn)
            .await
            .unwrap();
        let process = |name: String| Some(name.split_once('-')?.0.to_owned());
        names.into_iter().flatten().filter_map(process).collect()
    }

    fn process(serving: &Serving) -> String {
        serving.child.id().expect("a running process").to_string()
    }

    /// Makes a sync begin at the first process, and at no other; GitHub keeps it waiting.
    async fn begin_at_a(&self, name: &str, id: RepositoryId) {
        self.b.signal("-STOP").await;
        self.github
            .fail(Fault::on(Route::Blob).times(1).delay(LEASE * 3));
        self.push(id, "late").await;
        let working = async {
            while self.workers("running").await != [Self::process(&self.a)].into() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            while self.github.count(Route::Blob) < 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let begun = tokio::time::timeout(PATIENCE, working).await;
        begun.unwrap_or_else(|_| panic!("{name} is being synced"));
    }

    async fn end(self) {
        let report = fsck::check(&self.db, &self.options, &Clock::system())
            .await
            .unwrap();
        assert!(report.holds, "{report}");
        self.github.stop().await;
        drop((self.a, self.b, self.db));
        self.database.drop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_work() {
    let replicas = Replicas::start().await;
    let mut repositories = Vec::new();
    for n in 0..12 {
        let name = format!("templates-{n}");
        repositories.push((replicas.repository(&name).await, name));
    }
    replicas
        .github
        .fail(Fault::on(Route::Commit).delay(Duration::from_millis(300)));
    for (_, name) in &repositories {
        replicas.bind(name).await;
    }
    for (id, name) in &repositories {
        replicas.holds(name, *id).await;
    }
    let both = [&replicas.a, &replicas.b].map(Replicas::process);
    assert_eq!(replicas.workers("completed").await, both.into());
    replicas.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f03_a_dead_processs_job_runs_elsewhere_within_the_lease() {
    let mut replicas = Replicas::start().await;
    let id = replicas.repository("templates").await;
    replicas.bind("templates").await;
    replicas.holds("templates", id).await;
    replicas.begin_at_a("templates", id).await;
    replicas.a.child.kill().await.unwrap();
    let died = Clock::system().now();
    replicas.b.signal("-CONT").await;
    replicas.holds("templates", id).await;
    let mut conn = replicas.db.read().await.unwrap();
    let taken: Option<DateTime<Utc>> = jobs::table
        .filter(jobs::attempt.eq(2))
        .select(jobs::attempted_at)
        .first(&mut conn)
        .await
        .unwrap();
    drop(conn);
    // The lease, and then a worker looks for such jobs every quarter of one; the rest is this machine's.
    let took = (taken.unwrap() - died).to_std().unwrap();
    assert!(took < LEASE * 2, "{took:?}");
    replicas.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f03_f37_a_process_that_comes_back_from_the_dead_publishes_nothing() {
    let replicas = Replicas::start().await;
    let id = replicas.repository("templates").await;
    replicas.bind("templates").await;
    replicas.holds("templates", id).await;
    replicas.begin_at_a("templates", id).await;
    replicas.a.signal("-STOP").await;
    replicas.b.signal("-CONT").await;
    replicas.holds("templates", id).await;
    // It is given back its time when another has published, and goes on where it was.
    replicas.a.signal("-CONT").await;
    tokio::time::sleep(LEASE * 3).await;
    let mut conn = replicas.db.read().await.unwrap();
    let published: i64 = bindery::db::schema::contents::table
        .count()
        .get_result(&mut conn)
        .await
        .unwrap();
    drop(conn);
    assert_eq!(published, 2, "the first and the late one, once");
    assert_eq!(replicas.workers("running").await, BTreeSet::new());
    replicas.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f05_what_is_in_flight_at_a_sigterm_is_answered_and_the_rest_goes_on_elsewhere() {
    let mut replicas = Replicas::start().await;
    let id = replicas.repository("templates").await;
    replicas.bind("templates").await;
    replicas.holds("templates", id).await;
    replicas.begin_at_a("templates", id).await;
    let post = Post::push();
    let url: url::Url = replicas.a.api.url("/").parse().unwrap();
    let mut wire = Wire::connect(&url[url::Position::BeforeHost..url::Position::AfterPort]).await;
    let (begun, rest) = {
        let bytes = post.bytes();
        let (begun, rest) = bytes.split_at(bytes.len() / 2);
        (begun.to_vec(), rest.to_vec())
    };
    wire.send(&begun).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    replicas.a.signal("-TERM").await;
    replicas.b.signal("-CONT").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    wire.send(&rest).await;
    wire.answer().await.expect(202);
    let ended = tokio::time::timeout(PATIENCE, replicas.a.child.wait()).await;
    assert!(ended.expect("it stops").unwrap().success());
    replicas.holds("templates", id).await;
    let mut conn = replicas.db.read().await.unwrap();
    let stored: i64 = deliveries::table
        .filter(deliveries::guid.eq(post.guid()))
        .count()
        .get_result(&mut conn)
        .await
        .unwrap();
    drop(conn);
    assert_eq!(stored, 1);
    replicas.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f31_processes_leave_a_job_of_a_newer_version_alone() {
    let replicas = Replicas::start().await;
    let id = replicas.repository("templates").await;
    let now = Clock::system().now();
    let newer = (
        (
            jobs::kind.eq("of_the_next_version"),
            jobs::target.eq(1),
            jobs::lane.eq(0),
            jobs::state.eq("available"),
            jobs::attempt.eq(0),
            jobs::max_attempts.eq(3),
            jobs::deferrals.eq(0),
            jobs::scheduled_at.eq(now),
            jobs::requested_at.eq(now),
        ),
        (
            jobs::fence.eq(0),
            jobs::cause.eq(bindery::db::Json(json!({"type": "timer", "name": "next"}))),
            jobs::hints.eq(bindery::db::Json(json!([]))),
            jobs::errors.eq(bindery::db::Json(json!([]))),
            jobs::created_at.eq(now),
        ),
    );
    let mut conn = replicas.db.write().await.unwrap();
    diesel::insert_into(jobs::table)
        .values(newer)
        .execute(&mut conn)
        .await
        .unwrap();
    drop(conn);
    replicas.bind("templates").await;
    replicas.holds("templates", id).await;
    let mut conn = replicas.db.read().await.unwrap();
    let left: (String, i32, i64) = jobs::table
        .filter(jobs::kind.eq("of_the_next_version"))
        .select((jobs::state, jobs::attempt, jobs::fence))
        .first(&mut conn)
        .await
        .unwrap();
    drop(conn);
    assert_eq!(left, ("available".to_owned(), 0, 0));
    replicas.end().await;
}
