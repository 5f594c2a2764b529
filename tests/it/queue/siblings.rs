//! A job that did not succeed while another waits for the same target: the other takes over.

use std::time::Duration;

use async_trait::async_trait;
use bindery::db::Conn;
use bindery::ids::{InstallationRowId, JobId};
use bindery::queue::{
    self, Effect, Finish, Job, JobEventKind, JobState, Lane, NewJob, Outcome, Settled,
};
use chrono::TimeDelta;
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use serde_json::json;

use super::bench::{Bench, bulk, by_a_person, hinted, request};
use super::script::{Publish, Turn, completes, ends, fails, held};
use crate::support::{Engine, begin, stories};

impl Bench {
    /// Runs a job on target 7 that ends as `turn` after `meanwhile` was requested.
    async fn ends_with_a_sibling(&self, turn: Turn, meanwhile: NewJob) -> (Job, Job) {
        let (turn, mut gate) = held(turn);
        self.script.add([turn]);
        let draining = self.draining(&self.worker);
        gate.begun().await;
        let sibling = self.enqueue(meanwhile).await;
        gate.open();
        draining.await.unwrap();
        let jobs = self.jobs().await;
        let ran = jobs.iter().rev().find(|job| job.id < sibling.id).unwrap();
        (ran.clone(), self.job(sibling.id).await)
    }

    async fn assign(&self, job: JobId, installation: InstallationRowId) {
        let mut conn = self.db.write().await.unwrap();
        queue::assign_installation(job, installation, &mut conn)
            .await
            .unwrap();
    }
}

struct Assign(JobId, InstallationRowId);

#[async_trait]
impl Effect for Assign {
    async fn apply(self: Box<Self>, _: &Settled, conn: &mut Conn) -> QueryResult<()> {
        queue::assign_installation(self.0, self.1, conn).await
    }
}

fn snoozed() -> Outcome {
    Outcome::Snoozed {
        until: begin() + TimeDelta::hours(1),
        reason: "not yet".into(),
    }
}

stories! {
    async fn a_failing_job_is_superseded_by_its_sibling(bench: Bench) {
        bench.enqueue(hinted(7, json!("older"))).await;
        let (failed, sibling) = bench.ends_with_a_sibling(fails("no"), hinted(7, json!("newer"))).await;
        assert_eq!(failed.state, JobState::Cancelled);
        assert_eq!(failed.result.unwrap().0, json!({"superseded_by": sibling.id}));
        assert_eq!(failed.errors.0[0].error, "no");
        assert_eq!(bench.events(failed.id).await, [JobEventKind::Retried, JobEventKind::Superseded]);
        assert_eq!((sibling.state, sibling.attempt), (JobState::Retryable, 1));
        assert!(sibling.scheduled_at > bench.clock.now());
        assert_eq!(sibling.hints_as::<String>(), ["older", "newer"]);
        bench.end().await;
    }

    async fn an_event_does_not_pull_a_sibling_before_the_backoff_it_took_over(bench: Bench) {
        bench.enqueue(request(7)).await;
        let (_, sibling) = bench.ends_with_a_sibling(fails("no"), request(7)).await;
        bench.enqueue(request(7)).await;
        assert_eq!(bench.job(sibling.id).await.scheduled_at, sibling.scheduled_at);
        assert_eq!(bench.drain().await, 0);
        bench.enqueue(by_a_person(7)).await;
        assert_eq!(bench.drain().await, 1);
        bench.end().await;
    }

    async fn a_steady_stream_of_requests_uses_the_attempts_up(bench: Bench) {
        bench.enqueue(request(7)).await;
        for attempt in 1..=2 {
            let (_, sibling) = bench.ends_with_a_sibling(fails("no"), request(7)).await;
            assert_eq!(sibling.attempt, attempt);
            bench.clock.advance(Duration::from_secs(1000));
        }
        let (last, fresh) = bench.ends_with_a_sibling(fails("no"), request(7)).await;
        assert_eq!((last.state, last.attempt), (JobState::Discarded, 3));
        assert_eq!((fresh.state, fresh.attempt), (JobState::Completed, 1));
        bench.end().await;
    }

    async fn a_sibling_takes_over_a_snooze(bench: Bench) {
        bench.enqueue(request(7)).await;
        let (ran, sibling) = bench.ends_with_a_sibling(ends(snoozed()), request(7)).await;
        assert_eq!((ran.state, sibling.state), (JobState::Cancelled, JobState::Available));
        assert_eq!((sibling.attempt, sibling.scheduled_at), (0, begin() + TimeDelta::hours(1)));
        bench.end().await;
    }

    async fn a_sibling_takes_over_the_lane(bench: Bench) {
        bench.enqueue(request(7)).await;
        let (_, sibling) = bench.ends_with_a_sibling(fails("no"), bulk(7)).await;
        assert_eq!(sibling.lane, Lane::Prompt);
        bench.end().await;
    }

    async fn a_sibling_takes_over_whose_rate_limit_it_uses(bench: Bench) {
        let installation = bench.installation(1).await;
        let id = bench.enqueue(request(7)).await.id;
        let (turn, mut gate) = held(ends(snoozed()));
        bench.script.add([turn]);
        let draining = bench.draining(&bench.worker);
        gate.begun().await;
        bench.assign(id, installation).await;
        let sibling = bench.enqueue(request(7)).await.id;
        gate.open();
        draining.await.unwrap();
        assert_eq!(bench.job(sibling).await.installation_id, Some(installation));
        bench.end().await;
    }

    async fn what_an_attempt_learns_about_its_installation_its_sibling_learns(bench: Bench) {
        let installation = bench.installation(1).await;
        let id = bench.enqueue(request(7)).await.id;
        let snoozed = ends(Finish::with(snoozed(), Assign(id, installation)));
        let (_, sibling) = bench.ends_with_a_sibling(snoozed, request(7)).await;
        assert_eq!(sibling.installation_id, Some(installation));
        bench.end().await;
    }

    async fn a_job_that_succeeds_leaves_its_sibling_alone(bench: Bench) {
        bench.enqueue(request(7)).await;
        let (ran, sibling) = bench.ends_with_a_sibling(completes(), request(7)).await;
        assert_eq!((ran.state, sibling.state), (JobState::Completed, JobState::Completed));
        bench.end().await;
    }
}

/// Only on PostgreSQL can two transactions write at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sibling_that_is_about_to_be_committed_costs_neither_the_attempt_nor_the_effect() {
    let bench = Bench::on(Engine::Postgres).await;
    let (turn, mut gate) = held(ends(Finish::with(snoozed(), Publish("published"))));
    bench.script.add([turn]);
    bench.enqueue(request(7)).await;
    let draining = bench.draining(&bench.worker);
    gate.begun().await;
    let mut conn = bench.db.write().await.unwrap();
    let enqueued = conn
        .transaction(async |conn| {
            let enqueued = queue::enqueue(request(7), begin(), conn).await?;
            gate.open();
            bench.until_somebody_waits_for_a_lock().await;
            QueryResult::Ok(enqueued)
        })
        .await
        .unwrap();
    draining.await.unwrap();
    let sibling = bench.job(enqueued.id).await;
    assert_eq!((sibling.state, sibling.attempt), (JobState::Available, 0));
    assert_eq!(sibling.scheduled_at, begin() + TimeDelta::hours(1));
    assert_eq!(bench.published().await, ["published"]);
    drop(conn);
    bench.end().await;
}
