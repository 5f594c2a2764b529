//! What goes wrong between a statement and its commit is told, and spoils no connection.

use std::time::Duration;

use diesel::QueryResult;
use diesel_async::{AsyncConnection, SimpleAsyncConnection};

use super::bench::{Bench, is_postgres, note, slow};
use crate::support::{Engine, stories};

const NOTES: &str = "CREATE TABLE notes (id bigint PRIMARY KEY)";

/// Long enough to be in the middle, short beside what it interrupts.
const SOON: Duration = Duration::from_millis(100);

/// Less than what was abandoned takes on PostgreSQL; more than the rest of it on SQLite, which has one
/// writer and cannot be interrupted.
const HELD_UP: Duration = Duration::from_secs(10);

impl Bench {
    async fn with_notes(self) -> Self {
        self.sql(NOTES).await;
        // The pool is full: an abandoned connection is not the next one that is handed out.
        if is_postgres(self.engine) {
            let both = (self.db.write().await, self.db.write().await);
            drop((both.0.unwrap(), both.1.unwrap()));
        }
        self
    }

    /// Another writer gets what an abandoned one held, and the pool is as good as before.
    async fn goes_on(&self, id: i64) {
        for id in [id, id + 1, id + 2] {
            let writing = async {
                let mut conn = self.db.write().await.unwrap();
                conn.transaction(async |conn| note(id, conn).await)
                    .await
                    .unwrap();
            };
            tokio::time::timeout(HELD_UP, writing)
                .await
                .expect("nothing is held");
        }
    }
}

/// Refuses a note's commit, after every statement has succeeded.
const REFUSE_AT_COMMIT: &str = "\
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN RAISE EXCEPTION 'refused at commit'; END $$; \
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED \
        FOR EACH ROW EXECUTE FUNCTION refuse()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_whose_commit_failed_is_not_returned() {
    let bench = Bench::on(Engine::Postgres).await.with_notes().await;
    bench.sql(REFUSE_AT_COMMIT).await;
    let mut conn = bench.db.write().await.unwrap();
    let alone = note(1, &mut conn).await.unwrap_err();
    assert_eq!(alone.to_string(), "refused at commit");
    let inside = conn
        .transaction(async |conn| note(2, conn).await)
        .await
        .unwrap_err();
    assert_eq!(inside.to_string(), "refused at commit");
    drop(conn);
    assert!(bench.notes().await.is_empty());
    bench.sql("DROP TRIGGER refuse ON notes").await;
    bench.goes_on(1).await;
    bench.end().await;
}

stories! {
    async fn a_transaction_that_fails_leaves_nothing_and_its_connection_usable(bench: Bench) {
        let bench = bench.with_notes().await;
        let mut conn = bench.db.write().await.unwrap();
        let twice = conn.transaction(async |conn| {
            note(1, conn).await?;
            note(1, conn).await
        });
        twice.await.unwrap_err();
        note(2, &mut conn).await.unwrap();
        drop(conn);
        assert_eq!(bench.notes().await, [2]);
        bench.end().await;
    }

    async fn a_savepoint_that_fails_leaves_the_rest(bench: Bench) {
        let bench = bench.with_notes().await;
        let mut conn = bench.db.write().await.unwrap();
        conn.transaction(async |conn| {
            note(1, conn).await?;
            let undone = conn.transaction(async |conn| { note(2, conn).await?; note(1, conn).await });
            undone.await.unwrap_err();
            note(3, conn).await
        }).await.unwrap();
        drop(conn);
        assert_eq!(bench.notes().await, [1, 3]);
        bench.end().await;
    }

    async fn a_statement_that_is_abandoned_spoils_no_connection(bench: Bench) {
        let bench = bench.with_notes().await;
        for _ in 0..3 {
            let abandoned = async { slow(&mut bench.db.write().await.unwrap()).await };
            tokio::time::timeout(SOON, abandoned).await.unwrap_err();
        }
        bench.goes_on(1).await;
        bench.end().await;
    }

    async fn a_transaction_that_is_abandoned_in_a_statement_is_rolled_back(bench: Bench) {
        let bench = bench.with_notes().await;
        let mut conn = bench.db.write().await.unwrap();
        let abandoned = conn.transaction(async |conn| {
            note(1, conn).await?;
            slow(conn).await
        });
        tokio::time::timeout(SOON, abandoned).await.unwrap_err();
        drop(conn);
        bench.goes_on(1).await;
        assert_eq!(bench.notes().await, [1, 2, 3]);
        bench.end().await;
    }

    async fn a_transaction_that_is_abandoned_between_statements_is_rolled_back(bench: Bench) {
        let bench = bench.with_notes().await;
        let mut conn = bench.db.write().await.unwrap();
        let abandoned = conn.transaction(async |conn| {
            note(1, conn).await?;
            std::future::pending::<QueryResult<()>>().await
        });
        tokio::time::timeout(SOON, abandoned).await.unwrap_err();
        drop(conn);
        bench.goes_on(1).await;
        assert_eq!(bench.notes().await, [1, 2, 3]);
        bench.end().await;
    }

    async fn a_transaction_whose_task_panics_is_rolled_back(bench: Bench) {
        let bench = bench.with_notes().await;
        let db = bench.db.clone();
        let panics = tokio::spawn(async move {
            let mut conn = db.write().await.unwrap();
            conn.transaction(async |conn| -> QueryResult<()> {
                note(1, conn).await?;
                panic!("on purpose");
            }).await
        });
        panics.await.unwrap_err();
        bench.goes_on(1).await;
        assert_eq!(bench.notes().await, [1, 2, 3]);
        bench.end().await;
    }
}

/// As an HTTP worker's does, when the server stops or the worker is replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_outlives_the_runtime_that_asked_for_it() {
    let bench = Bench::on(Engine::Postgres).await;
    let db = bench.db.clone();
    let elsewhere = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { db.write().await.unwrap() })
    });
    let joining = tokio::task::spawn_blocking(|| elsewhere.join().unwrap());
    let mut conn = joining.await.unwrap();
    conn.batch_execute("SELECT 1").await.unwrap();
    drop(conn);
    bench.end().await;
}
