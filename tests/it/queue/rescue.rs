//! A worker that dies loses its lease, and the job runs elsewhere; a late worker changes nothing.

use std::time::Duration;

use bindery::queue::{JobEventKind, JobState};

use super::bench::{Bench, request, settings};
use super::script::{Gate, completes, ends, fails, held, publishes};
use crate::support::stories;

const LEASE: Duration = Duration::from_secs(60);

impl Bench {
    /// A worker takes the job and is never heard of again.
    async fn dies_at_work(&self) -> Gate {
        let (turn, mut gate) = held(completes());
        self.script.add([turn]);
        let doomed = self.draining(&self.worker);
        gate.begun().await;
        doomed.abort();
        doomed.await.unwrap_err();
        gate
    }

    async fn after_the_lease(&self) -> usize {
        self.clock.advance(LEASE + Duration::from_micros(1));
        self.worker("b", settings()).drain().await.unwrap()
    }
}

stories! {
    async fn a_dead_workers_job_runs_elsewhere_after_its_lease(bench: Bench) {
        let id = bench.enqueue(request(7)).await.id;
        let _gate = bench.dies_at_work().await;
        bench.clock.advance(LEASE);
        assert_eq!(bench.worker("b", settings()).drain().await.unwrap(), 0, "not before");
        assert_eq!(bench.after_the_lease().await, 1);
        assert_eq!(bench.standing(id).await, (JobState::Completed, 2));
        let job = bench.job(id).await;
        assert_eq!(job.errors.0[0].error, "the worker a stopped answering");
        assert_eq!((job.worker.as_deref(), job.fence), (Some("b"), 2));
        assert_eq!(bench.events(id).await, [JobEventKind::Rescued]);
        bench.end().await;
    }

    async fn a_job_that_kills_its_workers_is_discarded(bench: Bench) {
        let id = bench.enqueue(request(7)).await.id;
        let first = bench.dies_at_work().await;
        bench.clock.advance(LEASE * 2);
        let second = bench.dies_at_work().await;
        assert_eq!(bench.after_the_lease().await, 0, "the second rescue waits for its backoff");
        assert_eq!(bench.standing(id).await, (JobState::Retryable, 2));
        bench.clock.advance(LEASE);
        let third = bench.dies_at_work().await;
        assert_eq!(bench.after_the_lease().await, 0);
        assert_eq!(bench.standing(id).await, (JobState::Discarded, 3));
        assert_eq!(bench.published().await, ["discarded 7: the worker a stopped answering"]);
        drop((first, second, third));
        bench.end().await;
    }

    async fn a_rescued_job_is_superseded_by_what_waits(bench: Bench) {
        let id = bench.enqueue(request(7)).await.id;
        let _gate = bench.dies_at_work().await;
        let sibling = bench.enqueue(request(7)).await.id;
        assert_eq!(bench.after_the_lease().await, 1);
        assert_eq!(bench.standing(id).await, (JobState::Cancelled, 1));
        assert_eq!(bench.standing(sibling).await, (JobState::Completed, 2));
        bench.end().await;
    }

    async fn a_late_workers_publish_is_fenced_off(bench: Bench) {
        let (late, mut gate) = held(ends(publishes("late")));
        bench.script.add([late, ends(publishes("in time"))]);
        let id = bench.enqueue(request(7)).await.id;
        let slow = bench.draining(&bench.worker);
        gate.begun().await;
        assert_eq!(bench.after_the_lease().await, 1);
        gate.open();
        slow.await.unwrap();
        assert_eq!(bench.published().await, ["in time"]);
        assert_eq!(bench.standing(id).await, (JobState::Completed, 2));
        bench.end().await;
    }

    async fn a_late_workers_publish_is_fenced_off_while_the_job_runs_elsewhere(bench: Bench) {
        let (late, mut first) = held(ends(publishes("late")));
        let (present, mut second) = held(ends(publishes("in time")));
        bench.script.add([late, present]);
        bench.enqueue(request(7)).await;
        let slow = bench.draining(&bench.worker);
        first.begun().await;
        bench.clock.advance(LEASE * 2);
        let fast = bench.draining(&bench.worker("b", settings()));
        second.begun().await;
        first.open();
        slow.await.unwrap();
        assert!(bench.published().await.is_empty());
        second.open();
        fast.await.unwrap();
        assert_eq!(bench.published().await, ["in time"]);
        bench.end().await;
    }

    async fn a_late_workers_failure_is_fenced_off(bench: Bench) {
        let (late, mut gate) = held(fails("late"));
        bench.script.add([late]);
        let id = bench.enqueue(request(7)).await.id;
        let slow = bench.draining(&bench.worker);
        gate.begun().await;
        bench.after_the_lease().await;
        gate.open();
        slow.await.unwrap();
        assert_eq!(bench.standing(id).await, (JobState::Completed, 2));
        bench.end().await;
    }

    async fn f31_a_kind_that_this_process_does_not_know_is_left_alone(bench: Bench) {
        let waiting = bench.enqueue(request(7)).await.id;
        bench.set_kind(waiting, "newer").await;
        assert_eq!(bench.drain().await, 0);
        assert_eq!(bench.standing(waiting).await, (JobState::Available, 0));
        let running = bench.enqueue(request(8)).await.id;
        let _gate = bench.dies_at_work().await;
        bench.set_kind(running, "newer").await;
        assert_eq!(bench.after_the_lease().await, 0);
        assert_eq!(bench.standing(running).await, (JobState::Running, 1));
        bench.end().await;
    }

    async fn f31_a_cause_that_this_process_does_not_know_is_in_nobodys_way(bench: Bench) {
        let newer = bench.enqueue(request(7)).await.id;
        bench.set_cause(newer, serde_json::json!({"type": "stack", "pull": [1]})).await;
        let known = bench.enqueue(request(8)).await.id;
        assert_eq!(bench.drain().await, 2);
        for job in [newer, known] {
            assert_eq!(bench.standing(job).await, (JobState::Completed, 1));
        }
        bench.end().await;
    }

    async fn f31_an_attempt_as_another_version_wrote_it_is_in_nobodys_way(bench: Bench) {
        let newer = bench.enqueue(request(7)).await.id;
        let known = serde_json::json!({"at": bench.clock.now(), "attempt": 1, "error": "no answer"});
        bench.set_errors(newer, serde_json::json!([{"code": 7}, "no answer", known])).await;
        let errors = bench.job(newer).await.errors.0;
        let said: Vec<_> = errors.iter().map(|e| (e.attempt, e.error.as_str())).collect();
        assert_eq!(said, [(0, r#"{"code":7}"#), (0, r#""no answer""#), (1, "no answer")]);
        let other = bench.enqueue(request(8)).await.id;
        assert_eq!(bench.drain().await, 2);
        for job in [newer, other] {
            assert_eq!(bench.standing(job).await, (JobState::Completed, 1));
        }
        bench.end().await;
    }

    async fn one_job_that_cannot_be_given_up_does_not_keep_the_others_from_being_rescued(bench: Bench) {
        // What giving up this target writes is refused: it is there already.
        bench.publish("discarded 1: the worker a stopped answering").await;
        let stuck = bench.enqueue(bindery::queue::NewJob { max_attempts: 1, ..request(1) }).await.id;
        let _first = bench.dies_at_work().await;
        let other = bench.enqueue(request(2)).await.id;
        let _second = bench.dies_at_work().await;
        assert_eq!(bench.after_the_lease().await, 1);
        assert_eq!(bench.standing(other).await, (JobState::Completed, 2));
        assert_eq!(bench.standing(stuck).await, (JobState::Running, 1));
        bench.end().await;
    }
}
