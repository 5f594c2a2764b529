//! A worker's loop: it wakes when there is work, and stops gracefully.

use std::time::Duration;

use bindery::installation;
use bindery::queue::{JobEventKind, JobState, NewJob, Outcome, WorkerSettings};
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, Loop, enqueue, request, settings};
use super::script::{Gate, completes, ends, fails, held, panics, publishes};
use crate::support::{Engine, stories};

/// Nothing but a wake-up makes this worker look.
fn patient() -> WorkerSettings {
    WorkerSettings {
        lease: Duration::from_secs(4 * 3600),
        ..settings()
    }
}

fn without_grace() -> WorkerSettings {
    WorkerSettings {
        grace: Duration::ZERO,
        ..settings()
    }
}

impl Bench {
    async fn finished(&self, jobs: i64) {
        self.until(&format!(
            "SELECT CASE WHEN count(*) < {jobs} THEN CAST(0 AS BIGINT) ELSE 1 END AS count \
             FROM jobs WHERE finalized_at IS NOT NULL"
        ))
        .await;
    }

    /// A loop with one job in its hands.
    async fn busy(&self, settings: WorkerSettings, gate: &mut Gate) -> Loop {
        self.enqueue(request(7)).await;
        let working = self.start(&self.worker("a", settings));
        gate.begun().await;
        working
    }
}

stories! {
    async fn a_job_starts_at_once_though_the_worker_sleeps(bench: Bench) {
        let working = bench.start(&bench.worker("a", patient()));
        for n in 1..=5 {
            bench.enqueue(request(n)).await;
            bench.finished(n).await;
        }
        working.stop().await;
        bench.end().await;
    }

    async fn a_sleeping_worker_knows_the_next_job_behind_one_that_may_not_run(bench: Bench) {
        let (paused, due) = (bench.installation(1).await, bench.clock.now() + TimeDelta::milliseconds(50));
        let mut conn = bench.db.write().await.unwrap();
        installation::pause(paused, due + TimeDelta::hours(1), &mut conn).await.unwrap();
        drop(conn);
        bench.enqueue(NewJob { installation_id: Some(paused), ..request(1) }).await;
        bench.script.add([ends(Outcome::Snoozed { until: due, reason: "soon".into() }), completes()]);
        bench.enqueue(request(2)).await;
        bench.enqueue(request(3)).await;
        let working = bench.start(&bench.worker("a", patient()));
        bench.finished(1).await;
        bench.clock.advance(Duration::from_millis(50));
        bench.finished(2).await;
        working.stop().await;
        assert_eq!(bench.script.targets(), [2, 3, 2]);
        bench.end().await;
    }

    async fn as_many_jobs_run_at_a_time_as_there_are_hands(bench: Bench) {
        let mut gates = Vec::new();
        for target in 1..=5 {
            let (turn, gate) = held(completes());
            bench.script.add([turn]);
            gates.push(gate);
            bench.enqueue(request(target)).await;
        }
        let working = bench.start(&bench.worker("a", patient()));
        for gate in &mut gates[..4] {
            gate.begun().await;
        }
        assert_eq!(bench.script.runs().len(), 4);
        gates.remove(0).open();
        gates[3].begun().await;
        gates.into_iter().for_each(Gate::open);
        bench.finished(5).await;
        working.stop().await;
        bench.end().await;
    }

    async fn a_sibling_starts_as_soon_as_its_target_is_free(bench: Bench) {
        let (turn, mut gate) = held(completes());
        bench.script.add([turn]);
        let working = bench.busy(patient(), &mut gate).await;
        bench.enqueue(request(7)).await;
        gate.open();
        bench.finished(2).await;
        working.stop().await;
        bench.end().await;
    }

    async fn a_worker_survives_what_its_jobs_do(bench: Bench) {
        bench.script.add([panics("poison"), fails("no"), completes()]);
        let working = bench.start(&bench.worker("a", WorkerSettings { concurrency: 1, ..patient() }));
        for target in 1..=3 {
            bench.enqueue(request(target)).await;
        }
        bench.finished(1).await;
        working.stop().await;
        assert_eq!(bench.script.targets(), [1, 2, 3]);
        bench.end().await;
    }

    async fn a_stopping_worker_finishes_what_runs_and_takes_nothing_more(bench: Bench) {
        let (turn, mut gate) = held(ends(publishes("in the grace")));
        bench.script.add([turn]);
        let one_at_a_time = WorkerSettings { concurrency: 1, ..settings() };
        let working = bench.busy(one_at_a_time, &mut gate).await;
        working.begin_to_stop();
        let other = bench.enqueue(request(8)).await.id;
        gate.open();
        working.stop().await;
        assert_eq!(bench.published().await, ["in the grace"]);
        assert_eq!(bench.job(other).await.state, JobState::Available);
        bench.end().await;
    }

    async fn a_stopped_worker_gives_back_what_does_not_end_and_another_takes_it(bench: Bench) {
        let (turn, mut gate) = held(ends(publishes("late")));
        bench.script.add([turn]);
        let working = bench.busy(without_grace(), &mut gate).await;
        working.stop().await;
        let given_back = bench.jobs().await.remove(0);
        assert_eq!((given_back.state, given_back.attempt), (JobState::Available, 0));
        assert_eq!(bench.events(given_back.id).await, [JobEventKind::Released]);
        assert_eq!(bench.worker("b", settings()).drain().await.unwrap(), 1);
        assert_eq!(bench.job(given_back.id).await.attempt, 1);
        assert!(bench.published().await.is_empty());
        bench.end().await;
    }

    async fn a_job_that_is_given_back_is_superseded_by_what_waits(bench: Bench) {
        let (turn, mut gate) = held(completes());
        bench.script.add([turn]);
        let working = bench.busy(without_grace(), &mut gate).await;
        bench.enqueue(request(7)).await;
        working.stop().await;
        let standing: Vec<_> = bench.jobs().await.iter().map(|job| (job.state, job.attempt)).collect();
        assert_eq!(standing, [(JobState::Cancelled, 1), (JobState::Available, 0)]);
        bench.end().await;
    }

    async fn f37_a_job_longer_than_its_lease_keeps_it(bench: Bench) {
        let short = WorkerSettings { lease: Duration::from_millis(150), ..settings() };
        let (turn, mut gate) = held(ends(publishes("whole")));
        bench.script.add([turn]);
        let working = bench.busy(short.clone(), &mut gate).await;
        let claimed_until = bench.jobs().await[0].lease_until.unwrap();
        bench.clock.advance(Duration::from_millis(100));
        let micros = (claimed_until + TimeDelta::milliseconds(100)).timestamp_micros();
        let instant = match bench.db.is_sqlite() {
            true => micros.to_string(),
            false => format!("to_timestamp({micros} / 1000000.0)"),
        };
        bench.until(&format!("SELECT count(*) AS count FROM jobs WHERE lease_until = {instant}")).await;
        bench.clock.advance(Duration::from_millis(100));
        assert_eq!(bench.worker("b", short).drain().await.unwrap(), 0, "it is alive");
        gate.open();
        bench.finished(1).await;
        working.stop().await;
        assert_eq!(bench.published().await, ["whole"]);
        bench.end().await;
    }
}

/// SQLite serves one process only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_starts_at_once_though_another_process_enqueued_it() {
    let bench = Bench::on(Engine::Postgres).await;
    let (other, stop) = (bench.another_db().await, CancellationToken::new());
    let (db, stopped) = (bench.db.clone(), stop.clone());
    let listening = tokio::spawn(async move { db.listen(stopped).await });
    bench
        .until(
            "SELECT count(*) AS count FROM pg_stat_activity \
             WHERE datname = current_database() AND query = 'LISTEN bindery_jobs' AND state = 'idle'",
        )
        .await;
    let working = bench.start(&bench.worker("a", patient()));
    for n in 1..=5 {
        enqueue(&other, request(n), bench.clock.now()).await;
        bench.finished(n).await;
    }
    working.stop().await;
    stop.cancel();
    listening.await.unwrap();
    drop(other);
    bench.end().await;
}
