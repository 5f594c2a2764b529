//! What happens to a request for work: it becomes a job, or joins one that waits.

use std::time::Duration;

use bindery::queue::{self, JobEventKind, JobState, Lane};
use chrono::TimeDelta;
use diesel_async::AsyncConnection;
use serde_json::json;

use super::bench::{Bench, bulk, by_a_person, enqueue, hinted, request, settings};
use super::script::{KIND, completes, ends, fails, held};
use crate::support::{begin, stories};

stories! {
    async fn a_request_joins_the_job_that_waits_for_its_target(bench: Bench) {
        let first = bench.enqueue(bulk(7)).await;
        bench.clock.advance(Duration::from_secs(5));
        let second = bench.enqueue(request(7)).await;
        assert!(!first.coalesced && second.coalesced);
        assert_eq!(first.id, second.id);
        let job = bench.job(first.id).await;
        assert_eq!(job.lane, Lane::Prompt, "raised");
        assert_eq!(job.requested_at, begin() + TimeDelta::seconds(5));
        assert_eq!(job.scheduled_at, begin(), "not put off");
        assert_eq!(bench.events(first.id).await, [JobEventKind::Joined]);
        bench.end().await;
    }

    async fn a_bulk_request_does_not_lower_a_lane(bench: Bench) {
        let job = bench.enqueue(request(7)).await.id;
        bench.enqueue(bulk(7)).await;
        assert_eq!(bench.job(job).await.lane, Lane::Prompt);
        bench.end().await;
    }

    async fn a_job_keeps_the_newest_32_hints_the_newest_last(bench: Bench) {
        for n in 0..40 {
            bench.enqueue(hinted(7, json!(n))).await;
        }
        bench.enqueue(request(7)).await;
        let hints: Vec<i64> = bench.jobs().await[0].hints_as();
        assert_eq!(hints, Vec::from_iter(8..40));
        bench.end().await;
    }

    async fn what_is_said_over_and_over_pushes_out_nothing_that_was_said_once(bench: Bench) {
        bench.enqueue(hinted(7, json!("restored"))).await;
        for _ in 0..40 {
            bench.enqueue(hinted(7, json!("look"))).await;
        }
        bench.enqueue(hinted(7, json!("narrowed"))).await;
        bench.enqueue(hinted(7, json!("look"))).await;
        let hints: Vec<String> = bench.jobs().await[0].hints_as();
        assert_eq!(hints, ["restored", "narrowed", "look"]);
        bench.end().await;
    }

    async fn kinds_and_targets_do_not_join_each_other(bench: Bench) {
        let other = bench.enqueue(request(7)).await.id;
        bench.set_kind(other, "other").await;
        assert!(!bench.enqueue(request(7)).await.coalesced);
        assert!(!bench.enqueue(request(8)).await.coalesced);
        bench.end().await;
    }

    async fn a_decision_that_is_rolled_back_leaves_no_job(bench: Bench) {
        let mut conn = bench.db.write().await.unwrap();
        let undone = conn.transaction(async |conn| {
            queue::enqueue(request(7), begin(), conn).await?;
            Err::<(), _>(diesel::result::Error::RollbackTransaction)
        });
        undone.await.unwrap_err();
        drop(conn);
        assert!(bench.jobs().await.is_empty());
        bench.end().await;
    }

    async fn an_event_pulls_a_failed_job_forward_to_its_floor_and_a_person_to_now(bench: Bench) {
        bench.script.add([fails("once"), fails("twice")]);
        let id = bench.enqueue(request(7)).await.id;
        bench.drain().await;
        bench.clock.advance(Duration::from_secs(10));
        bench.drain().await;
        let failed = bench.job(id).await;
        let floor = failed.not_before.expect("a floor");
        assert!(bench.clock.now() < floor && floor < failed.scheduled_at);
        bench.enqueue(request(7)).await;
        assert_eq!(bench.job(id).await.scheduled_at, floor);
        bench.enqueue(by_a_person(7)).await;
        let pulled = bench.job(id).await;
        assert_eq!((pulled.scheduled_at, pulled.attempt), (bench.clock.now(), 2));
        assert_eq!(bench.drain().await, 1);
        bench.end().await;
    }

    async fn a_person_undoes_the_floor_for_events_too(bench: Bench) {
        bench.script.add([fails("once")]);
        let id = bench.enqueue(request(7)).await.id;
        bench.drain().await;
        bench.enqueue(by_a_person(7)).await;
        assert_eq!(bench.job(id).await.not_before, None);
        assert_eq!(bench.drain().await, 1);
        bench.end().await;
    }

    async fn a_request_pulls_a_snoozed_job_forward(bench: Bench) {
        let until = begin() + TimeDelta::hours(1);
        bench.script.add([ends(queue::Outcome::Snoozed { until, reason: "not yet".into() })]);
        let id = bench.enqueue(request(7)).await.id;
        bench.drain().await;
        assert_eq!(bench.job(id).await.scheduled_at, until);
        assert_eq!(bench.drain().await, 0);
        bench.enqueue(request(7)).await;
        assert_eq!(bench.drain().await, 1);
        bench.end().await;
    }

    async fn a_hundred_requests_while_a_job_runs_make_one_more_run(bench: Bench) {
        let (turn, mut gate) = held(completes());
        bench.script.add([turn]);
        bench.enqueue(request(7)).await;
        let draining = bench.draining(&bench.worker);
        gate.begun().await;
        for n in 0..100 {
            assert_eq!(bench.enqueue(request(7)).await.coalesced, n > 0);
        }
        gate.open();
        assert_eq!(draining.await.unwrap(), 2);
        assert!(bench.jobs().await.iter().all(|job| job.state == JobState::Completed));
        bench.end().await;
    }

    async fn a_claim_skips_a_target_that_runs(bench: Bench) {
        let (turn, mut gate) = held(completes());
        bench.script.add([turn]);
        bench.enqueue(request(7)).await;
        let draining = bench.draining(&bench.worker);
        gate.begun().await;
        bench.enqueue(request(7)).await;
        bench.enqueue(request(8)).await;
        assert_eq!(bench.worker("b", settings()).drain().await.unwrap(), 1);
        assert_eq!(bench.script.targets(), [7, 8]);
        gate.open();
        assert_eq!(draining.await.unwrap(), 2);
        bench.end().await;
    }

    async fn twenty_concurrent_requests_make_one_waiting_job(bench: Bench) {
        let requests = (0..20).map(|n| {
            let (db, now) = (bench.db.clone(), bench.clock.now());
            tokio::spawn(async move { enqueue(&db, hinted(7, json!(n)), now).await })
        });
        let answers = futures_util::future::try_join_all(requests).await.unwrap();
        assert_eq!(answers.iter().filter(|answer| !answer.coalesced).count(), 1);
        assert!(answers.iter().all(|answer| answer.id == answers[0].id));
        let jobs = bench.jobs().await;
        assert_eq!((jobs.len(), jobs[0].hints.0.len()), (1, 20), "and no hint was lost");
        bench.end().await;
    }

    async fn what_waits_can_be_called_off(bench: Bench) {
        let id = bench.enqueue(request(7)).await.id;
        let mut conn = bench.db.write().await.unwrap();
        for _ in 0..2 {
            conn.transaction(async |conn| {
                queue::cancel_waiting(KIND, 7, "deleted", begin(), conn).await
            })
            .await
            .unwrap();
        }
        drop(conn);
        assert_eq!(bench.drain().await, 0);
        assert_eq!(bench.job(id).await.state, JobState::Cancelled);
        assert_eq!(bench.events(id).await, [JobEventKind::Cancelled]);
        bench.end().await;
    }

    async fn only_jobs_that_were_finished_before_are_pruned(bench: Bench) {
        bench.script.add([fails("keeps waiting"), completes()]);
        let waiting = bench.enqueue(request(1)).await.id;
        bench.enqueue(request(2)).await;
        bench.drain().await;
        bench.clock.advance(Duration::from_secs(1));
        let young = bench.enqueue(by_a_person(3)).await.id;
        bench.drain().await;
        let mut conn = bench.db.write().await.unwrap();
        let gone = queue::prune(bench.clock.now(), 10, &mut conn).await.unwrap();
        drop(conn);
        assert_eq!(gone, 1);
        assert_eq!(bench.jobs().await.iter().map(|job| job.id).collect::<Vec<_>>(), [waiting, young]);
        bench.end().await;
    }
}
