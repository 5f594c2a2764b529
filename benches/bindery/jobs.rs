//! A job among many finished ones: written down, and taken and settled, each with its commits.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bindery::clock::Clock;
use bindery::db::migrations::Direction;
use bindery::db::{Conn, DatabaseUrl, Db, DbSettings};
use bindery::queue::{
    self, Backoff, Cause, Finish, Job, JobKind, Lane, NewJob, Outcome, Registry, Settled, Worker,
    WorkerSettings,
};
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use serde_json::json;

use crate::database::{Database, Engine};
use crate::fill::{self, Words};
use crate::growth::{Growth, rows};
use crate::options::Options;
use crate::run::Bench;

/// In a round.
const JOBS: i64 = 500;
const KIND: &str = "bench";
const PATIENCE: Duration = Duration::from_secs(20);

/// Databases full of finished jobs, kept over all rounds.
pub struct Jobs {
    enqueued: Growth,
    settled: Growth,
    databases: Vec<Database>,
}

impl Jobs {
    pub async fn prepare(bench: &Bench, options: &Options, engine: Engine) -> anyhow::Result<Self> {
        let rows = rows(options, false);
        let mut databases = Vec::new();
        for count in &rows {
            eprintln!("bench: {}: {count} finished jobs", engine.name());
            let database = bench.databases.make(engine).await?;
            open(&database).await?.migrate(Direction::Up).await?;
            finish(&database, *count).await?;
            fill::analyze(&database).await?;
            databases.push(database);
        }
        let mut jobs = Self {
            enqueued: Growth::new("enqueuing a job among finished ones", engine, &rows),
            settled: Growth::new("claiming and settling it", engine, &rows),
            databases,
        };
        jobs.round(bench).await?;
        for growth in [&mut jobs.enqueued, &mut jobs.settled] {
            // What is read for the first time comes from the disk.
            growth
                .sizes
                .iter_mut()
                .for_each(|size| size.rounds_us.clear());
        }
        Ok(jobs)
    }

    pub async fn round(&mut self, bench: &Bench) -> anyhow::Result<()> {
        for (number, database) in self.databases.iter().enumerate() {
            bench.databases.settle(database.engine).await?;
            let db = open(database).await?;
            let enqueued = enqueue(&db).await?;
            let settled = settle(&db).await?;
            self.enqueued.sizes[number].rounds_us.push(enqueued);
            self.settled.sizes[number].rounds_us.push(settled);
        }
        Ok(())
    }

    pub async fn end(self, bench: &Bench) -> anyhow::Result<[Growth; 2]> {
        for database in self.databases {
            bench.databases.remove(database).await?;
        }
        Ok([self.enqueued, self.settled])
    }
}

async fn open(database: &Database) -> anyhow::Result<Db> {
    let settings = DbSettings {
        url: DatabaseUrl::parse(&database.url)?,
        pool_size: 4,
        acquire_timeout: PATIENCE,
        statement_timeout: PATIENCE,
    };
    Db::open(&settings).await
}

/// Microseconds for one.
async fn enqueue(db: &Db) -> anyhow::Result<f64> {
    let begun = Instant::now();
    for target in 1..=JOBS {
        let mut conn = db.write().await?;
        let now = Clock::system().now();
        conn.transaction(async |conn| queue::enqueue(request(target), now, conn).await)
            .await?;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / JOBS as f64)
}

/// The same.
async fn settle(db: &Db) -> anyhow::Result<f64> {
    let settings = WorkerSettings {
        concurrency: 1,
        per_installation: 1,
        lease: Duration::from_secs(60),
        poll: Duration::from_secs(60),
        backoff: Backoff {
            base: Duration::from_secs(10),
            max: Duration::from_secs(100),
        },
        grace: PATIENCE,
    };
    let registry = Registry::default().with(Nothing);
    let worker = Worker::new(db.clone(), Clock::system(), registry, settings, "bench");
    let begun = Instant::now();
    let settled = worker.drain().await?;
    let took = begun.elapsed();
    anyhow::ensure!(
        i64::try_from(settled)? == JOBS,
        "{settled} jobs ran, not {JOBS}"
    );
    Ok(took.as_secs_f64() * 1e6 / JOBS as f64)
}

fn request(target: i64) -> NewJob {
    NewJob {
        kind: KIND.into(),
        target,
        lane: Lane::Prompt,
        cause: Cause::Timer {
            name: "bench".into(),
        },
        hint: None,
        organization_id: None,
        installation_id: None,
        max_attempts: 3,
    }
}

/// Does nothing, well.
struct Nothing;

#[async_trait]
impl JobKind for Nothing {
    fn name(&self) -> &'static str {
        KIND
    }

    async fn run(&self, _: &Job) -> anyhow::Result<Finish> {
        Ok(Outcome::Completed(json!({})).into())
    }

    async fn discarded(&self, _: &Job, _: &str, _: &Settled, _: &mut Conn) -> QueryResult<()> {
        Ok(())
    }
}

async fn finish(database: &Database, count: i64) -> anyhow::Result<()> {
    let Words { now, list, object } = Words::of(database.engine);
    fill::insert(
        database,
        "jobs (kind, target, lane, state, attempt, max_attempts, deferrals, scheduled_at, requested_at, \
         fence, cause, hints, errors, result, created_at, attempted_at, finalized_at)",
        &format!(
            "'{KIND}', n, 0, 'completed', 1, 3, 0, {now}, {now}, 1, {object}, {list}, {list}, {object}, \
             {now}, {now}, {now}"
        ),
        "",
        count,
    )
    .await
}
