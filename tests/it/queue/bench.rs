use std::time::Duration;

use bindery::clock::Clock;
use bindery::db::migrations::Direction;
use bindery::db::schema::{installations, jobs, organizations};
use bindery::db::{Conn, DatabaseUrl, Db, DbSettings};
use bindery::ids::{InstallationRowId, JobId};
use bindery::queue::{
    self, Backoff, Cause, Enqueued, Job, JobEventKind, JobState, Lane, NewJob, Registry, Worker,
    WorkerSettings,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::script::{KIND, Script, publish};
use crate::support::{Engine, TestDatabase, begin};

/// Far more than anything here takes; only a story that fails waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Bench {
    pub db: Db,
    pub clock: Clock,
    pub script: Script,
    pub worker: Worker,
    database: TestDatabase,
}

impl Bench {
    pub async fn on(engine: Engine) -> Self {
        let database = TestDatabase::create(engine).await;
        let db = open(&database).await;
        db.migrate(Direction::Up).await.expect("migrations run");
        let (clock, script) = (Clock::manual(begin()), Script::default());
        let worker = worker(&db, &clock, &script, "a", settings());
        Self {
            db,
            clock,
            script,
            worker,
            database,
        }
    }

    /// Another process's worker, with the same script.
    pub fn worker(&self, name: &str, settings: WorkerSettings) -> Worker {
        worker(&self.db, &self.clock, &self.script, name, settings)
    }

    /// Another process's pools on the same PostgreSQL.
    pub async fn another_db(&self) -> Db {
        open(&self.database).await
    }

    pub async fn enqueue(&self, request: NewJob) -> Enqueued {
        enqueue(&self.db, request, self.clock.now()).await
    }

    pub async fn drain(&self) -> usize {
        self.worker.drain().await.expect("the queue works")
    }

    /// Runs what is due in a task of its own, to be waited for or aborted.
    pub fn draining(&self, worker: &Worker) -> JoinHandle<usize> {
        let worker = worker.clone();
        tokio::spawn(async move { worker.drain().await.expect("the queue works") })
    }

    /// A worker's loop, as a service runs it.
    pub fn start(&self, worker: &Worker) -> Loop {
        Loop::of(worker)
    }

    pub async fn job(&self, id: JobId) -> Job {
        let mut conn = self.db.read().await.expect("a connection");
        queue::find(id, &mut conn)
            .await
            .expect("a query")
            .expect("the job is there")
    }

    /// The state of a job, and its attempt.
    pub async fn standing(&self, id: JobId) -> (JobState, i32) {
        let job = self.job(id).await;
        (job.state, job.attempt)
    }

    /// All jobs, the oldest first.
    pub async fn jobs(&self) -> Vec<Job> {
        let mut conn = self.db.read().await.expect("a connection");
        jobs::table
            .order(jobs::id)
            .select(Job::as_select())
            .load(&mut conn)
            .await
            .expect("the jobs")
    }

    pub async fn events(&self, id: JobId) -> Vec<JobEventKind> {
        let mut conn = self.db.read().await.expect("a connection");
        let events = queue::events_of(id, &mut conn).await.expect("the events");
        events.into_iter().map(|event| event.event).collect()
    }

    /// What a reader sees published.
    pub async fn published(&self) -> Vec<String> {
        let mut conn = self.db.read().await.expect("a connection");
        organizations::table
            .order(organizations::id)
            .select(organizations::slug)
            .load(&mut conn)
            .await
            .expect("what is published")
    }

    pub async fn publish(&self, what: &str) {
        let mut conn = self.db.write().await.expect("a connection");
        publish(what, &mut conn).await.expect("published");
    }

    pub async fn installation(&self, github_id: i64) -> InstallationRowId {
        let mut conn = self.db.write().await.expect("a connection");
        conn.transaction(async |conn| installation(github_id, conn).await)
            .await
            .expect("an installation")
    }

    pub async fn set_kind(&self, id: JobId, kind: &str) {
        let mut conn = self.db.write().await.expect("a connection");
        diesel::update(jobs::table.find(id))
            .set(jobs::kind.eq(kind))
            .execute(&mut conn)
            .await
            .expect("the job's kind changes");
    }

    pub async fn set_cause(&self, id: JobId, cause: Value) {
        let mut conn = self.db.write().await.expect("a connection");
        diesel::update(jobs::table.find(id))
            .set(jobs::cause.eq(bindery::db::Json(cause)))
            .execute(&mut conn)
            .await
            .expect("the job's cause changes");
    }

    pub async fn set_errors(&self, id: JobId, errors: Value) {
        let mut conn = self.db.write().await.expect("a connection");
        diesel::update(jobs::table.find(id))
            .set(jobs::errors.eq(bindery::db::Json(errors)))
            .execute(&mut conn)
            .await
            .expect("the job's errors change");
    }

    /// Looks until `query`, a count, is more than nothing.
    pub async fn until(&self, query: &str) {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        let looking = async {
            let mut conn = self.db.read().await.expect("a connection");
            let query = diesel::sql_query(query);
            while query
                .clone()
                .get_result::<Count>(&mut conn)
                .await
                .expect("a count")
                .count
                == 0
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect(query);
    }

    pub async fn until_somebody_waits_for_a_lock(&self) {
        self.until(
            "SELECT count(*) AS count FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .await;
    }

    pub async fn end(self) {
        let Self {
            db,
            worker,
            database,
            ..
        } = self;
        drop((db, worker));
        database.drop().await;
    }
}

/// A worker's loop at work.
pub struct Loop {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Loop {
    pub fn of(worker: &Worker) -> Self {
        let (worker, stop) = (worker.clone(), CancellationToken::new());
        let stopped = stop.clone();
        let task = tokio::spawn(async move { worker.run(stopped).await });
        Self { stop, task }
    }

    pub fn begin_to_stop(&self) {
        self.stop.cancel();
    }

    pub async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("the loop stops")
            .expect("the loop does not panic");
    }
}

pub fn settings() -> WorkerSettings {
    WorkerSettings {
        concurrency: 4,
        per_installation: 2,
        lease: Duration::from_secs(60),
        poll: Duration::from_secs(3600),
        backoff: Backoff {
            base: Duration::from_secs(10),
            max: Duration::from_secs(1000),
        },
        grace: PATIENCE,
    }
}

fn worker(db: &Db, clock: &Clock, script: &Script, name: &str, settings: WorkerSettings) -> Worker {
    let registry = Registry::default().with(script.clone());
    Worker::new(db.clone(), clock.clone(), registry, settings, name)
}

async fn open(database: &TestDatabase) -> Db {
    let settings = DbSettings {
        url: DatabaseUrl::parse(&database.url).expect("a URL"),
        pool_size: 8,
        acquire_timeout: PATIENCE,
        statement_timeout: PATIENCE,
    };
    Db::open(&settings).await.expect("the database opens")
}

/// A request by an event, which somebody waits for.
pub fn request(target: i64) -> NewJob {
    NewJob {
        kind: KIND.into(),
        target,
        lane: Lane::Prompt,
        cause: Cause::Delivery {
            id: bindery::ids::DeliveryId::new(1),
            guid: "g".into(),
        },
        hint: None,
        organization_id: None,
        installation_id: None,
        max_attempts: 3,
    }
}

pub fn bulk(target: i64) -> NewJob {
    NewJob {
        lane: Lane::Bulk,
        cause: Cause::Timer {
            name: "poll".into(),
        },
        ..request(target)
    }
}

pub fn by_a_person(target: i64) -> NewJob {
    NewJob {
        cause: Cause::Operator {
            token: "ann".into(),
        },
        ..request(target)
    }
}

pub fn hinted(target: i64, hint: Value) -> NewJob {
    NewJob {
        hint: Some(hint),
        ..request(target)
    }
}

pub async fn enqueue(db: &Db, request: NewJob, now: DateTime<Utc>) -> Enqueued {
    let mut conn = db.write().await.expect("a connection");
    conn.transaction(async |conn| queue::enqueue(request, now, conn).await)
        .await
        .expect("the request is written")
}

async fn installation(github_id: i64, conn: &mut Conn) -> QueryResult<InstallationRowId> {
    use bindery::db::schema::github_apps;
    let app = (
        github_apps::host.eq(format!("host-{github_id}")),
        github_apps::app_id.eq(1),
        github_apps::created_at.eq(begin()),
    );
    let app: i64 = diesel::insert_into(github_apps::table)
        .values(app)
        .returning(github_apps::id)
        .get_result(conn)
        .await?;
    let row = (
        installations::github_app_id.eq(app),
        installations::github_id.eq(github_id),
        installations::created_at.eq(begin()),
        installations::updated_at.eq(begin()),
    );
    diesel::insert_into(installations::table)
        .values(row)
        .returning(installations::id)
        .get_result(conn)
        .await
}
