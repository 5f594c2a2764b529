//! A job that panics with all that it could reach, and all that can be printed for debugging.

use async_trait::async_trait;
use bindery::context::Context;
use bindery::db::Conn;
use bindery::queue::{
    self, Backoff, Cause, Finish, Job, JobKind, Lane, NewJob, Registry, Settled, Worker,
    WorkerSettings,
};
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use std::time::Duration;

use super::forms::Secrets;
use super::{NEW_SECRET, OTHER_KEY};
use crate::support::{ADMIN, Either, KEY, SECRET, World, logs, stories};

/// Says everything that there is to say, and fails.
struct Chatterbox(Context);

#[async_trait]
impl JobKind for Chatterbox {
    fn name(&self) -> &'static str {
        "chatterbox"
    }

    async fn run(&self, _: &Job) -> anyhow::Result<Finish> {
        panic!("chatterbox: {:#?} {:?}", self.0, self.0.config);
    }

    async fn discarded(&self, _: &Job, _: &str, _: &Settled, _: &mut Conn) -> QueryResult<()> {
        Ok(())
    }
}

fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    secrets.add("webhook secret", SECRET);
    secrets.add("other webhook secret", NEW_SECRET);
    secrets.add("admin token", ADMIN);
    secrets.add_pem("private key", KEY);
    secrets.add_pem("other private key", OTHER_KEY);
    secrets
}

/// The one attempt of a job that panics so, as its row tells of it.
async fn panic_of(world: &World) -> String {
    let registry = Registry::default().with(Chatterbox(world.context.clone()));
    let settings = WorkerSettings {
        concurrency: 1,
        per_installation: 1,
        lease: Duration::from_secs(60),
        poll: Duration::from_secs(60),
        backoff: Backoff {
            base: Duration::from_secs(1),
            max: Duration::from_secs(1),
        },
        grace: Duration::from_secs(1),
    };
    let job = NewJob {
        kind: "chatterbox".into(),
        target: 1,
        lane: Lane::Prompt,
        cause: Cause::Operator {
            token: "tests".into(),
        },
        hint: None,
        organization_id: None,
        installation_id: None,
        max_attempts: 1,
    };
    let (db, clock) = (&world.context.db, &world.clock);
    let mut conn = db.write().await.expect("a connection");
    let enqueued = conn
        .transaction(async |conn| queue::enqueue(job, clock.now(), conn).await)
        .await;
    drop(conn);
    let worker = Worker::new(db.clone(), clock.clone(), registry, settings, "chatterbox");
    assert_eq!(worker.drain().await.expect("the queue works"), 1);
    let mut conn = db.read().await.expect("a connection");
    let job = queue::find(enqueued.expect("a job").id, &mut conn).await;
    let job = job.expect("a query").expect("the job");
    assert_eq!(job.state.as_str(), "discarded");
    job.errors.0[0].error.clone()
}

stories! {
    async fn i7_f33_a_panic_with_everything_in_its_words_tells_no_secret(either: Either) {
        logs::listen();
        let settings = [
            ("GITHUB_WEBHOOK_SECRET_PREVIOUS", NEW_SECRET),
            ("GITHUB_APP_PRIVATE_KEY_PREVIOUS", OTHER_KEY),
        ];
        let world = either.with(&settings).await;
        // With a token in its cache.
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", serde_json::json!({})).await;
        let mut secrets = secrets();
        for credentials in world.github.credentials() {
            secrets.add("credentials", &credentials);
        }
        let said = panic_of(&world).await;
        assert!(said.contains("chatterbox") && said.contains("GitHub"), "{said}");
        secrets.assert_untold("the job", &said);
        for line in logs::lines_with("chatterbox") {
            secrets.assert_untold("the log", &line);
        }
        let shown = format!("{:?} {:#?} {:?}", world.context, world.workers, world.api.get("/livez").await.headers);
        secrets.assert_untold("what is printed for debugging", &shown);
        world.end().await;
    }
}
