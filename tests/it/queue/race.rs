//! Two workers, several askers and every kind of end, all at once: what must hold, holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bindery::clock::Clock;
use bindery::db::{Conn, Db};
use bindery::queue::{
    Backoff, Finish, Job, JobKind, JobState, NewJob, Outcome, Registry, Settled, Worker,
    WorkerSettings,
};
use chrono::{TimeDelta, Utc};
use diesel::QueryResult;
use serde_json::json;

use super::bench::{Bench, Loop, bulk, by_a_person, enqueue, request, settings};
use super::script::KIND;
use crate::support::stories;

/// Ends at random, and remembers what ran when.
#[derive(Clone, Default)]
struct Chaos(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    running: BTreeSet<i64>,
    twice: Vec<i64>,
    /// When the last run of a target began.
    last_begun: BTreeMap<i64, Instant>,
}

#[async_trait]
impl JobKind for Chaos {
    fn name(&self) -> &'static str {
        KIND
    }

    async fn run(&self, job: &Job) -> anyhow::Result<Finish> {
        {
            let mut seen = self.0.lock().unwrap();
            seen.last_begun.insert(job.target, Instant::now());
            if !seen.running.insert(job.target) {
                seen.twice.push(job.target);
            }
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..4))).await;
        self.0.lock().unwrap().running.remove(&job.target);
        let until = Utc::now() + TimeDelta::milliseconds(2);
        let outcome = match rand::random_range(0..8) {
            0 => anyhow::bail!("no"),
            1 => panic!("on purpose"),
            2 => Outcome::Deferred {
                error: "outage".into(),
            },
            3 => Outcome::Snoozed {
                until,
                reason: "later".into(),
            },
            _ => Outcome::Completed(json!({})),
        };
        Ok(outcome.into())
    }

    async fn discarded(&self, _: &Job, _: &str, _: &Settled, _: &mut Conn) -> QueryResult<()> {
        Ok(())
    }
}

fn hasty(db: &Db, chaos: &Chaos, name: &str) -> Loop {
    let backoff = Backoff {
        base: Duration::from_millis(1),
        max: Duration::from_millis(5),
    };
    let settings = WorkerSettings {
        poll: Duration::from_millis(5),
        backoff,
        ..settings()
    };
    let registry = Registry::default().with(chaos.clone());
    Loop::of(&Worker::new(
        db.clone(),
        Clock::system(),
        registry,
        settings,
        name,
    ))
}

/// Sixty requests for five targets; when each target was last asked for.
async fn ask(db: Db) -> BTreeMap<i64, Instant> {
    let mut last_asked = BTreeMap::new();
    for n in 0..60 {
        let target = rand::random_range(1..=5);
        let asked: fn(i64) -> NewJob = [request, bulk, by_a_person][n % 3];
        let job = NewJob {
            max_attempts: 1000,
            ..asked(target)
        };
        // Before it is written: a worker may be faster than the answer.
        let asked_at = Instant::now();
        enqueue(&db, job, Clock::system().now()).await;
        last_asked.insert(target, asked_at);
    }
    last_asked
}

impl Bench {
    async fn another_process(&self) -> Db {
        match self.db.is_sqlite() {
            true => self.db.clone(),
            false => self.another_db().await,
        }
    }
}

stories! {
    async fn no_target_runs_twice_at_a_time_and_every_request_is_answered(bench: Bench) {
        let (chaos, other) = (Chaos::default(), bench.another_process().await);
        let workers = [hasty(&bench.db, &chaos, "a"), hasty(&other, &chaos, "b")];
        let asking = (0..4).map(|n| tokio::spawn(ask([&bench.db, &other][n % 2].clone())));
        let asked = futures_util::future::try_join_all(asking).await.unwrap();
        bench.until("SELECT count(*) AS count FROM (SELECT 1) AS one \
                     WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE finalized_at IS NULL)").await;
        for worker in workers {
            worker.stop().await;
        }
        let seen = std::mem::take(&mut *chaos.0.lock().unwrap());
        assert_eq!(seen.twice, [0; 0]);
        for (target, asked) in asked.iter().flatten() {
            assert!(seen.last_begun[target] >= *asked, "{target} was asked for later");
        }
        let ends: BTreeSet<_> = bench.jobs().await.iter().map(|job| job.state).collect();
        assert_eq!(ends, [JobState::Completed, JobState::Cancelled].into());
        drop(other);
        bench.end().await;
    }
}
