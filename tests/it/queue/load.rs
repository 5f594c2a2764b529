//! The queue under numbers, on this machine's own disk and clock: minutes, so only when asked for by
//! `./dev load`, which prints what was measured.

#![expect(clippy::print_stderr, reason = "it says what was measured")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bindery::clock::Clock;
use bindery::db::Conn;
use bindery::queue::{
    self, Finish, Job, JobKind, NewJob, Outcome, Registry, Settled, Worker, WorkerSettings,
};
use chrono::TimeDelta;
use diesel::QueryResult;
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use serde_json::json;

use super::bench::{Bench, Loop, enqueue, request, settings};
use super::script::KIND;
use crate::support::Engine;

/// The catalogue's bounds (F38, F34).
const CLAIM: Duration = Duration::from_millis(20);
const PUSH_LAG: Duration = Duration::from_secs(2);

/// The median and the 99th percentile.
fn percentiles(mut took: Vec<Duration>) -> (Duration, Duration) {
    took.sort_unstable();
    (took[took.len() / 2], took[took.len() * 99 / 100])
}

impl Bench {
    /// What it takes to find, take and settle a job that is the only one due, one after the other; a claim
    /// is less than that.
    async fn claims(&self) -> (Duration, Duration) {
        let mut took = Vec::new();
        for target in 1..=500 {
            self.enqueue(request(2_000_000_000 + target)).await;
            let began = Instant::now();
            assert_eq!(self.drain().await, 1);
            took.push(began.elapsed());
        }
        percentiles(took)
    }

    async fn prune_all(&self) -> (usize, Duration) {
        let before = self.clock.now() + TimeDelta::days(1);
        let (mut pruned, mut longest) = (0, Duration::ZERO);
        loop {
            let began = Instant::now();
            let mut conn = self.db.write().await.unwrap();
            let step = conn
                .transaction(async |conn| queue::prune(before, 200, conn).await)
                .await
                .unwrap();
            longest = longest.max(began.elapsed());
            pruned += step;
            if step < 200 {
                return (pruned, longest);
            }
        }
    }
}

async fn f38_claims_stay_fast_behind_a_million_finished_jobs(engine: Engine) {
    let bench = Bench::on(engine).await;
    // What began before everything holds every dead row version, as a forgotten transaction does.
    let old = match engine {
        Engine::Postgres => Some(bench.another_db().await),
        Engine::Sqlite => None,
    };
    let mut held = match &old {
        Some(old) => old.read().await.unwrap(),
        None => bench.db.read().await.unwrap(),
    };
    if engine == Engine::Postgres {
        held.batch_execute(
            "SET idle_in_transaction_session_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ",
        )
        .await
        .unwrap();
    } else {
        held.batch_execute("BEGIN").await.unwrap();
    }
    held.batch_execute("SELECT count(*) FROM jobs")
        .await
        .unwrap();
    bench.fill(1_000, 0).await;
    let few = bench.claims().await;
    bench.fill(999_000, 0).await;
    let many = bench.claims().await;
    eprintln!(
        "{engine:?}: a job, from claim to settlement (median, p99): {few:?} behind 1,000 finished jobs, {many:?} behind 1,000,000"
    );
    held.batch_execute("ROLLBACK").await.unwrap();
    drop((held, old));
    let (pruned, longest) = bench.prune_all().await;
    eprintln!("{engine:?}: {pruned} finished jobs deleted, the longest step of 200 in {longest:?}");
    assert!(many.1 <= CLAIM, "p99 {many:?}");
    assert!(pruned > 1_000_000);
    bench.end().await;
}

/// A reconcile job that takes its time, and a push that notes when it began.
#[derive(Clone, Default)]
struct Reconcile(Arc<Mutex<Vec<(i64, Instant)>>>);

const PUSHES: i64 = 200;

#[async_trait]
impl JobKind for Reconcile {
    fn name(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &Job) -> anyhow::Result<Finish> {
        if job.target <= PUSHES {
            self.0.lock().unwrap().push((job.target, Instant::now()));
        } else {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(Outcome::Completed(json!({})).into())
    }

    async fn discarded(&self, _: &Job, _: &str, _: &Settled, _: &mut Conn) -> QueryResult<()> {
        Ok(())
    }
}

async fn f34_pushes_are_not_held_up_by_a_hundred_thousand_reconcile_jobs(engine: Engine) {
    let bench = Bench::on(engine).await;
    bench.fill(0, 100_000).await;
    let kind = Reconcile::default();
    let hands = WorkerSettings {
        concurrency: 8,
        ..settings()
    };
    let registry = Registry::default().with(kind.clone());
    let worker = Worker::new(bench.db.clone(), Clock::system(), registry, hands, "a");
    let working = Loop::of(&worker);
    let mut asked = Vec::new();
    for target in 1..=PUSHES {
        tokio::time::sleep(Duration::from_millis(50)).await;
        asked.push(Instant::now());
        let push = NewJob {
            max_attempts: 1,
            ..request(target)
        };
        enqueue(&bench.db, push, Clock::system().now()).await;
    }
    tokio::time::sleep(PUSH_LAG * 2).await;
    working.stop().await;
    let begun = std::mem::take(&mut *kind.0.lock().unwrap());
    assert_eq!(begun.len(), asked.len(), "each push had its turn");
    let lag = |(target, at): (i64, Instant)| at - asked[usize::try_from(target - 1).unwrap()];
    let (median, p99) = percentiles(begun.into_iter().map(lag).collect());
    eprintln!(
        "{engine:?}: from the push to its job's begin, behind 100,000 reconcile jobs: median {median:?}, p99 {p99:?}"
    );
    assert!(p99 <= PUSH_LAG, "p99 {p99:?}");
    bench.end().await;
}

macro_rules! on_both {
    ($($name:ident)+) => {$(
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "a minute or more: ./dev load"]
            async fn on_sqlite() {
                super::$name(Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "a minute or more: ./dev load"]
            async fn on_postgres() {
                super::$name(Engine::Postgres).await;
            }
        }
    )+};
}

on_both! {
    f38_claims_stay_fast_behind_a_million_finished_jobs
    f34_pushes_are_not_held_up_by_a_hundred_thousand_reconcile_jobs
}
