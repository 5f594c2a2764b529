//! What a person does to one job.

use bindery::ids::JobId;
use bindery::queue::{self, Cause, Enqueued, JobEventKind, JobState, Outcome};
use diesel_async::AsyncConnection;
use serde_json::json;

use super::bench::{Bench, bulk, request};
use super::script::{ends, fails, held, publishes};
use crate::support::stories;

fn by_eve() -> Cause {
    Cause::Operator {
        token: "eve".to_owned(),
    }
}

impl Bench {
    async fn cancel(&self, id: JobId) -> bool {
        let mut conn = self.db.write().await.expect("a connection");
        conn.transaction(async |conn| queue::cancel(id, &by_eve(), self.clock.now(), conn).await)
            .await
            .expect("an answer")
    }

    async fn retry(&self, id: JobId) -> Enqueued {
        let job = self.job(id).await;
        let mut conn = self.db.write().await.expect("a connection");
        conn.transaction(async |conn| queue::retry(&job, by_eve(), 8, self.clock.now(), conn).await)
            .await
            .expect("a job")
    }
}

stories! {
    async fn a_job_that_waits_is_called_off(bench: Bench) {
        let id = bench.enqueue(request(7)).await.id;
        assert!(bench.cancel(id).await);
        assert_eq!(bench.drain().await, 0);
        let job = bench.job(id).await;
        assert_eq!((job.state, job.attempt), (JobState::Cancelled, 0));
        assert_eq!(job.finalized_at, Some(bench.clock.now()));
        assert_eq!(bench.events(id).await, [JobEventKind::Cancelled]);
        assert!(!bench.cancel(id).await, "once");
        assert_eq!(bench.events(id).await.len(), 1);
        bench.end().await;
    }

    async fn what_a_running_job_found_is_not_published_once_it_is_called_off(bench: Bench) {
        let (turn, mut gate) = held(ends(publishes("found")));
        bench.script.add([turn]);
        let id = bench.enqueue(request(7)).await.id;
        let work = bench.draining(&bench.worker);
        gate.begun().await;
        assert!(bench.cancel(id).await);
        gate.open();
        work.await.unwrap();
        assert_eq!(bench.job(id).await.state, JobState::Cancelled);
        assert!(bench.published().await.is_empty());
        bench.enqueue(request(7)).await;
        assert_eq!(bench.drain().await, 1, "its target is free again");
        bench.end().await;
    }

    async fn a_job_that_has_ended_is_done_again_by_another(bench: Bench) {
        bench.script.add([ends(Outcome::Discarded { error: "no use".to_owned() })]);
        let id = bench.enqueue(bulk(7)).await.id;
        bench.drain().await;
        let again = bench.retry(id).await;
        assert_eq!((again.coalesced, again.id == id), (false, false));
        assert_eq!(bench.drain().await, 1);
        assert_eq!(bench.standing(again.id).await, (JobState::Completed, 1));
        assert_eq!(bench.standing(id).await, (JobState::Discarded, 1), "history");
        bench.end().await;
    }

    async fn a_job_that_backs_off_is_pulled_forward(bench: Bench) {
        bench.script.add([fails("not yet")]);
        let id = bench.enqueue(bulk(7)).await.id;
        bench.drain().await;
        assert_eq!(bench.drain().await, 0, "it backs off");
        assert_eq!(bench.retry(id).await, Enqueued { id, coalesced: true });
        assert_eq!(bench.drain().await, 1);
        assert_eq!(bench.standing(id).await, (JobState::Completed, 2));
        let cause = json!(bench.job(id).await.cause.0);
        assert_eq!(cause, json!(bulk(7).cause), "why it is there stays");
        bench.end().await;
    }
}
