//! How a claim finds its job: by the indexes, however many jobs are finished or wait behind.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bindery::{inbox, queue};
use chrono::TimeDelta;
use diesel::QueryableByName;
use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};

use super::bench::{Bench, request};
use super::script::{completes, held};
use crate::support::stories;

/// Keeps the SQL of everything that a connection is asked.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let sql = text.split(" -- binds:").next().unwrap_or_default();
            self.0.lock().unwrap().push(sql.to_owned());
        }
    }
}

impl Recorder {
    /// What was asked of the table since the last time.
    fn take(&self, table: &str) -> Vec<String> {
        let asked = std::mem::take(&mut *self.0.lock().unwrap());
        let reads = |sql: &&String| {
            ["SELECT", "UPDATE", "DELETE"]
                .iter()
                .any(|word| sql.starts_with(word))
        };
        let of_table = asked.iter().filter(reads).filter(|sql| sql.contains(table));
        of_table.cloned().collect()
    }
}

#[derive(QueryableByName)]
struct PostgresStep {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    step: String,
}

#[derive(QueryableByName)]
struct SqliteStep {
    #[diesel(sql_type = Text)]
    detail: String,
}

impl Bench {
    /// The connection that is used next tells what it is asked.
    async fn record(&self) -> Recorder {
        let recorder = Recorder::default();
        let mut conn = self.db.write().await.unwrap();
        conn.set_instrumentation(recorder.clone());
        recorder
    }

    /// Jobs that are done, and jobs of the bulk lane that are due.
    pub async fn fill(&self, finished: usize, waiting: usize) {
        let columns = "kind, target, lane, state, attempt, max_attempts, deferrals, scheduled_at, requested_at, \
                       fence, cause, hints, errors, result, created_at, attempted_at, finalized_at";
        let numbers = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ";
        let now = self.clock.now().timestamp_micros();
        let at = match self.db.is_sqlite() {
            true => format!("{now}"),
            false => format!("to_timestamp({now} / 1000000.0)"),
        };
        let json = |text: &str| match self.db.is_sqlite() {
            true => format!("'{text}'"),
            false => format!("CAST('{text}' AS jsonb)"),
        };
        let cause = json(r#"{"type":"timer","name":"poll"}"#);
        let (list, result) = (json("[]"), json(r#"{"outcome":"unchanged"}"#));
        let common = format!("3, 0, {at}, {at}, 1, {cause}, {list}, {list}");
        let mut conn = self.db.write().await.unwrap();
        if !self.db.is_sqlite() {
            conn.batch_execute("SET statement_timeout = 0")
                .await
                .unwrap();
        }
        for (count, row) in [
            (
                finished,
                format!("'scripted', n, 0, 'completed', 1, {common}, {result}, {at}, {at}, {at}"),
            ),
            (
                waiting,
                format!(
                    "'scripted', 1000000000 + n, 1, 'available', 0, {common}, NULL, {at}, NULL, NULL"
                ),
            ),
        ] {
            if count > 0 {
                let sql =
                    format!("INSERT INTO jobs ({columns}) {numbers}{count}) SELECT {row} FROM n");
                conn.batch_execute(&sql).await.expect(&sql);
            }
        }
        conn.batch_execute("ANALYZE jobs").await.unwrap();
    }

    /// Which target has its turn; its job stays at work.
    async fn next(&self) -> i64 {
        let (turn, mut gate) = held(completes());
        self.script.add([turn]);
        let working = self.draining(&self.worker);
        gate.begun().await;
        working.abort();
        assert!(working.await.is_err(), "it is still at work");
        *self.script.targets().last().expect("a run")
    }

    /// How the database would go about a statement, whatever its parameters.
    async fn plan(&self, sql: &str) -> Vec<String> {
        let mut conn = self.db.read().await.unwrap();
        if self.db.is_sqlite() {
            let plan = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}"));
            let steps: Vec<SqliteStep> = plan.load(&mut conn).await.expect(sql);
            return steps.into_iter().map(|step| step.detail).collect();
        }
        let parameters = (1..).take_while(|n| sql.contains(&format!("${n}"))).count();
        let nulls = vec!["NULL"; parameters].join(", ");
        let nulls = if nulls.is_empty() {
            nulls
        } else {
            format!("({nulls})")
        };
        let prepare =
            format!("SET plan_cache_mode = force_generic_plan; PREPARE looked_at AS {sql}");
        conn.batch_execute(&prepare).await.expect(&prepare);
        let explain = diesel::sql_query(format!("EXPLAIN EXECUTE looked_at{nulls}"));
        let steps: Vec<PostgresStep> = explain.load(&mut conn).await.expect(sql);
        conn.batch_execute("DEALLOCATE looked_at; RESET plan_cache_mode")
            .await
            .unwrap();
        steps.into_iter().map(|step| step.step).collect()
    }

    /// Fails where a statement reads all jobs, or all that are finished.
    async fn reads_no_whole_table(&self, statements: &[String]) -> Vec<String> {
        let mut steps = Vec::new();
        for sql in statements {
            let plan = self.plan(sql).await;
            let whole = |step: &&String| {
                step.contains("Seq Scan on jobs")
                    || ["SCAN jobs", "SCAN running"]
                        .iter()
                        .any(|scan| step.starts_with(scan) && !of_unfinished(step))
            };
            let found = plan.iter().find(whole);
            assert_eq!(found, None, "{sql}\n{plan:#?}");
            steps.extend(plan);
        }
        steps
    }
}

/// Whether SQLite passes through an index that holds only what waits or runs.
fn of_unfinished(step: &str) -> bool {
    [
        "jobs_due",
        "jobs_waiting_target",
        "jobs_running",
        "jobs_lease",
    ]
    .iter()
    .any(|index| step.contains(index))
}

stories! {
    async fn f38_a_claim_reads_no_finished_jobs(bench: Bench) {
        bench.fill(20_000, 0).await;
        bench.enqueue(request(7)).await;
        let recorder = bench.record().await;
        assert_eq!(bench.drain().await, 1);
        let asked = recorder.take("jobs");
        assert!(asked.iter().any(|sql| sql.contains("LIMIT")) && asked.len() >= 4, "{asked:#?}");
        let steps = bench.reads_no_whole_table(&asked).await.join("\n");
        assert!(steps.contains("jobs_due"), "{steps}");
        bench.end().await;
    }

    async fn f38_pruning_finds_what_is_old_by_its_index(bench: Bench) {
        bench.fill(20_000, 0).await;
        bench.clock.advance(Duration::from_secs(3600));
        bench.enqueue(request(7)).await;
        bench.drain().await;
        let recorder = bench.record().await;
        let before = bench.clock.now() - TimeDelta::minutes(1);
        let mut steps = 0;
        loop {
            let mut conn = bench.db.write().await.unwrap();
            let pruned = conn.transaction(async |conn| queue::prune(before, 5000, conn).await).await.unwrap();
            if pruned < 5000 {
                break;
            }
            steps += 1;
        }
        assert_eq!((steps, bench.jobs().await.len()), (4, 1), "only the young one is left");
        let asked = recorder.take("finalized_at");
        let plan = bench.reads_no_whole_table(&asked).await.join("\n");
        assert!(plan.contains("jobs_finalized"), "{plan}");
        bench.end().await;
    }

    async fn f38_how_the_inbox_stands_is_read_from_what_waits(bench: Bench) {
        let recorder = bench.record().await;
        let mut conn = bench.db.write().await.unwrap();
        inbox::oldest_waiting(&mut conn).await.unwrap();
        inbox::count_waiting(&mut conn).await.unwrap();
        drop(conn);
        let asked = recorder.take("deliveries");
        assert_eq!(asked.len(), 2, "{asked:#?}");
        for sql in &asked {
            // PostgreSQL goes by how many rows there are, and may read so few one by one.
            if bench.db.is_sqlite() {
                let plan = bench.plan(sql).await.join("\n");
                assert!(plan.contains("deliveries_waiting"), "{sql}\n{plan}");
            }
            assert!(sql.contains("state = 'received'"), "the condition of the index: {sql}");
        }
        bench.end().await;
    }

    async fn f34_a_push_goes_before_thousands_of_reconcile_jobs_and_finds_its_way_by_the_lane(bench: Bench) {
        bench.fill(0, 20_000).await;
        bench.clock.advance(Duration::from_secs(3600));
        bench.enqueue(request(7)).await;
        let recorder = bench.record().await;
        assert_eq!(bench.next().await, 7);
        let asked = recorder.take("jobs");
        let steps = bench.reads_no_whole_table(&asked).await;
        let by_lane = |step: &String| step.contains("lane = ") || step.contains("lane=?");
        assert!(steps.iter().any(by_lane), "{steps:#?}");
        assert_eq!(bench.next().await, 1_000_000_001, "then they have their turn");
        bench.end().await;
    }
}
