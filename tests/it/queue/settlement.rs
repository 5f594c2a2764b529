//! An attempt's result and what it publishes are one transaction.

use std::time::Duration;

use async_trait::async_trait;
use bindery::db::Conn;
use bindery::queue::{Effect, Finish, JobState, Outcome, Settled};
use diesel::QueryResult;
use serde_json::json;

use super::bench::{Bench, request};
use super::script::{Publish, ends, publishes};
use crate::support::stories;

struct PublishAndPanic;

#[async_trait]
impl Effect for PublishAndPanic {
    async fn apply(self: Box<Self>, proof: &Settled, conn: &mut Conn) -> QueryResult<()> {
        Box::new(Publish("half")).apply(proof, conn).await?;
        panic!("in the middle of a publish");
    }
}

/// The second row of the same name is refused.
struct PublishTwice;

#[async_trait]
impl Effect for PublishTwice {
    async fn apply(self: Box<Self>, proof: &Settled, conn: &mut Conn) -> QueryResult<()> {
        Box::new(Publish("half")).apply(proof, conn).await?;
        Box::new(Publish("half")).apply(proof, conn).await
    }
}

fn completed(effect: impl Effect + 'static) -> Finish {
    Finish::with(Outcome::Completed(json!({"done": true})), effect)
}

stories! {
    async fn a_result_and_its_effect_are_written_together(bench: Bench) {
        bench.script.add([ends(completed(Publish("whole")))]);
        let id = bench.enqueue(request(7)).await.id;
        bench.drain().await;
        let job = bench.job(id).await;
        assert_eq!(job.state, JobState::Completed);
        assert_eq!(job.result.unwrap().0, json!({"done": true}));
        assert_eq!(bench.published().await, ["whole"]);
        bench.end().await;
    }

    async fn an_effect_that_fails_leaves_nothing_and_the_job_is_tried_again(bench: Bench) {
        bench.script.add([ends(completed(PublishTwice)), ends(publishes("whole"))]);
        let id = bench.enqueue(request(7)).await.id;
        bench.drain().await;
        let job = bench.job(id).await;
        assert_eq!((job.state, job.attempt, job.result), (JobState::Retryable, 1, None));
        let error = &job.errors.0[0].error;
        assert!(error.starts_with("the result could not be written: "), "{error}");
        assert!(bench.published().await.is_empty());
        bench.clock.advance(Duration::from_secs(10));
        bench.drain().await;
        assert_eq!(bench.published().await, ["whole"]);
        bench.end().await;
    }

    async fn an_effect_that_panics_is_a_failed_attempt_like_any_other(bench: Bench) {
        bench.script.add([ends(completed(PublishAndPanic))]);
        let id = bench.enqueue(request(7)).await.id;
        bench.enqueue(request(8)).await;
        assert_eq!(bench.drain().await, 2);
        let job = bench.job(id).await;
        assert_eq!((job.state, job.attempt), (JobState::Retryable, 1));
        assert!(bench.published().await.is_empty());
        bench.end().await;
    }

    async fn whatever_the_outcome_its_effect_is_written(bench: Bench) {
        let until = bench.clock.now() + chrono::TimeDelta::hours(1);
        let outcomes = [
            (Outcome::Snoozed { until, reason: "later".into() }, "snoozed"),
            (Outcome::Deferred { error: "outage".into() }, "deferred"),
            (Outcome::Discarded { error: "never".into() }, "discarded"),
            (Outcome::Cancelled { reason: "gone".into() }, "cancelled"),
        ];
        for (target, (outcome, effect)) in (1..).zip(outcomes) {
            bench.script.add([ends(Finish::with(outcome, Publish(effect)))]);
            bench.enqueue(request(target)).await;
        }
        bench.drain().await;
        let expected = ["snoozed", "deferred", "discarded", "discarded 3: never", "cancelled"];
        assert_eq!(bench.published().await, expected);
        bench.end().await;
    }
}
