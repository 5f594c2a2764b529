//! Which attempts are counted, and what becomes of a job that keeps failing.

use std::time::Duration;

use bindery::queue::{JobEventKind, JobState, NewJob, Outcome};
use chrono::TimeDelta;

use super::bench::{Bench, request};
use super::script::{Turn, completes, ends, fails, panics};
use crate::support::{begin, stories};

fn deferred() -> Turn {
    ends(Outcome::Deferred {
        error: "GitHub is out of order".into(),
    })
}

fn snoozed(bench: &Bench) -> Turn {
    ends(Outcome::Snoozed {
        until: bench.clock.now() + TimeDelta::seconds(30),
        reason: "not yet".into(),
    })
}

impl Bench {
    /// Long enough for any backoff.
    async fn pass(&self) -> usize {
        self.clock.advance(Duration::from_secs(1000));
        self.drain().await
    }
}

stories! {
    async fn a_failure_is_tried_again_after_its_backoff(bench: Bench) {
        bench.script.add([fails("no answer")]);
        let id = bench.enqueue(request(7)).await.id;
        bench.drain().await;
        let failed = bench.job(id).await;
        assert_eq!((failed.state, failed.attempt), (JobState::Retryable, 1));
        assert_eq!(failed.errors.0[0].error, "no answer");
        let wait = failed.scheduled_at - begin();
        assert!((5..=10).contains(&wait.num_seconds()), "{wait}");
        bench.clock.advance((wait - TimeDelta::microseconds(1)).to_std().unwrap());
        assert_eq!(bench.drain().await, 0, "not a microsecond early");
        bench.clock.advance(Duration::from_micros(1));
        assert_eq!(bench.drain().await, 1);
        assert_eq!(bench.job(id).await.state, JobState::Completed);
        bench.end().await;
    }

    async fn every_further_failure_doubles_the_backoff(bench: Bench) {
        bench.script.add(["1", "2", "3", "4"].map(fails));
        let id = bench.enqueue(NewJob { max_attempts: 9, ..request(7) }).await.id;
        for most in [10, 20, 40, 80] {
            bench.pass().await;
            let wait = (bench.job(id).await.scheduled_at - bench.clock.now()).num_milliseconds();
            assert!((most * 500..=most * 1000).contains(&wait), "{wait} of {most}");
        }
        bench.end().await;
    }

    async fn the_last_failure_discards_and_says_so_in_the_same_breath(bench: Bench) {
        bench.script.add(["a", "b", "c"].map(fails));
        let id = bench.enqueue(request(7)).await.id;
        for _ in 0..3 {
            bench.pass().await;
        }
        let job = bench.job(id).await;
        assert_eq!((job.state, job.attempt), (JobState::Discarded, 3));
        assert_eq!(job.finalized_at, Some(bench.clock.now()));
        let errors = job.errors.0.iter().map(|e| (e.attempt, e.error.as_str()));
        assert_eq!(Vec::from_iter(errors), [(1, "a"), (2, "b"), (3, "c")]);
        assert_eq!(bench.published().await, ["discarded 7: c"]);
        assert_eq!(bench.pass().await, 0);
        bench.end().await;
    }

    async fn a_snooze_is_not_counted_as_an_attempt(bench: Bench) {
        let id = bench.enqueue(request(7)).await.id;
        for _ in 0..5 {
            bench.script.add([snoozed(&bench)]);
            bench.drain().await;
            assert_eq!(bench.job(id).await.scheduled_at, bench.clock.now() + TimeDelta::seconds(30));
            bench.clock.advance(Duration::from_secs(30));
        }
        bench.drain().await;
        let job = bench.job(id).await;
        assert_eq!((job.state, job.attempt, job.deferrals), (JobState::Completed, 1, 0));
        assert!(job.errors.0.is_empty(), "a snooze is no error");
        bench.end().await;
    }

    async fn a_deferral_lengthens_the_backoff_but_is_no_attempt(bench: Bench) {
        bench.script.add((0..4).map(|_| deferred()));
        let id = bench.enqueue(request(7)).await.id;
        // Doubling, and never more than 45 s: an outage's end is noticed within a minute.
        for (deferrals, most) in [(1, 10), (2, 20), (3, 40), (4, 45)] {
            bench.pass().await;
            let job = bench.job(id).await;
            assert_eq!((job.state, job.attempt, job.deferrals), (JobState::Retryable, 0, deferrals));
            let wait = (job.scheduled_at - bench.clock.now()).num_milliseconds();
            assert!((most * 500..=most * 1000).contains(&wait), "{wait} of {most}");
        }
        bench.pass().await;
        assert_eq!(bench.job(id).await.attempt, 1);
        bench.end().await;
    }

    async fn an_outage_of_an_hour_uses_no_attempt_up(bench: Bench) {
        let id = bench.enqueue(request(7)).await.id;
        for _ in 0..60 {
            bench.script.add([deferred()]);
            bench.pass().await;
        }
        assert_eq!(bench.job(id).await.errors.0.len(), 25, "the newest errors");
        bench.script.add([completes()]);
        bench.pass().await;
        assert_eq!(bench.job(id).await.state, JobState::Completed);
        bench.end().await;
    }

    async fn a_panic_is_an_attempt_that_failed_with_its_words(bench: Bench) {
        bench.script.add([panics("out of bounds")]);
        let id = bench.enqueue(request(7)).await.id;
        bench.enqueue(request(8)).await;
        assert_eq!(bench.drain().await, 2, "the other job runs");
        let job = bench.job(id).await;
        assert_eq!((job.state, job.attempt), (JobState::Retryable, 1));
        assert_eq!(job.errors.0[0].error, "the job panicked: out of bounds");
        bench.end().await;
    }

    async fn f33_a_job_that_panics_every_time_is_discarded(bench: Bench) {
        bench.script.add((0..9).map(|_| panics("poison")));
        let id = bench.enqueue(request(7)).await.id;
        for _ in 0..5 {
            bench.pass().await;
        }
        assert_eq!(bench.script.runs(), [(7, 1), (7, 2), (7, 3)]);
        assert_eq!(bench.job(id).await.state, JobState::Discarded);
        bench.end().await;
    }

    async fn an_error_with_bytes_that_a_database_refuses_is_kept_without_them(bench: Bench) {
        bench.script.add([fails("no file \"a\0b\"")]);
        let id = bench.enqueue(request(7)).await.id;
        bench.drain().await;
        assert_eq!(bench.job(id).await.errors.0[0].error, "no file \"a\u{fffd}b\"");
        bench.end().await;
    }

    async fn a_job_can_give_itself_up(bench: Bench) {
        bench.script.add([ends(Outcome::Discarded { error: "no such ref".into() })]);
        let id = bench.enqueue(request(7)).await.id;
        bench.drain().await;
        let job = bench.job(id).await;
        assert_eq!((job.state, job.attempt), (JobState::Discarded, 1));
        assert_eq!(job.errors.0[0].error, "no such ref");
        assert_eq!(bench.events(id).await, [JobEventKind::Discarded]);
        assert_eq!(bench.published().await, ["discarded 7: no such ref"]);
        bench.end().await;
    }

    async fn a_job_can_find_that_there_is_nothing_left_to_do_it_for(bench: Bench) {
        bench.script.add([ends(Outcome::Cancelled { reason: "deleted".into() })]);
        let id = bench.enqueue(request(7)).await.id;
        bench.drain().await;
        let job = bench.job(id).await;
        assert_eq!((job.state, job.errors.0.len()), (JobState::Cancelled, 0));
        assert_eq!(bench.events(id).await, [JobEventKind::Cancelled]);
        assert!(bench.published().await.is_empty(), "nothing was given up");
        bench.end().await;
    }
}
