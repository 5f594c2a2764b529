//! How processes come to a database: together on PostgreSQL, alone on SQLite.

use std::time::Duration;

use bindery::db::migrations::Direction;
use bindery::db::{DatabaseUrl, Db, DbError, DbSettings};

use super::bench::{Bench, PATIENCE};
use crate::support::{Engine, stories};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_start_together_migrate_one_after_the_other() {
    let bench = Bench::on(Engine::Postgres).await;
    let mut starting = Vec::new();
    for _ in 0..4 {
        let db = bench.another_db().await.unwrap();
        starting.push(tokio::spawn(async move {
            db.migrate(Direction::Up).await.unwrap()
        }));
    }
    let mut ran = futures_util::future::try_join_all(starting).await.unwrap();
    ran.sort_unstable();
    assert_eq!(ran[..3], [0, 0, 0], "one of them did it");
    assert!(ran[3] > 0);
    bench.end().await;
}

#[tokio::test]
async fn a_second_process_on_the_same_sqlite_file_is_refused() {
    let bench = Bench::on(Engine::Sqlite).await;
    let error = bench.another_db().await.unwrap_err().to_string();
    assert!(error.ends_with(
        "bindery.db is in use by another process: SQLite serves one Bindery at a time; stop it, or use PostgreSQL"
    ), "{error}");
    let bench = bench.impatient(PATIENCE).await;
    assert_eq!(
        bench.texts("SELECT 'open' AS text").await,
        ["open"],
        "free again when the first is gone"
    );
    bench.end().await;
}

#[tokio::test]
async fn a_folder_that_does_not_exist_is_named() {
    let settings = DbSettings {
        url: DatabaseUrl::parse("sqlite:///nowhere/at/all/bindery.db").unwrap(),
        pool_size: 1,
        acquire_timeout: PATIENCE,
        statement_timeout: PATIENCE,
    };
    let error = Db::open(&settings).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "the folder of the database, /nowhere/at/all, does not exist"
    );
}

stories! {
    async fn f09_a_connection_is_waited_for_no_longer_than_allowed(bench: Bench) {
        let bench = bench.impatient(Duration::from_secs(2)).await;
        let mut taken = Vec::new();
        let refusal = loop {
            match tokio::time::timeout(PATIENCE, bench.db.write()).await.unwrap() {
                Ok(conn) => taken.push(conn),
                Err(error) => break error,
            }
            assert!(taken.len() <= 2, "the pool has an end");
        };
        assert!(matches!(refusal, DbError::Connection(_)), "{refusal}");
        drop(taken);
        bench.db.write().await.expect("free again");
        bench.end().await;
    }

    async fn settings_hold_on_every_connection(bench: Bench) {
        let (query, expected) = match bench.engine {
            Engine::Postgres => (
                "SELECT current_setting('synchronous_commit') || ' ' || current_setting('TimeZone') AS text",
                "on UTC",
            ),
            // 2: FULL, an acknowledged delivery survives a power cut.
            Engine::Sqlite => (
                "SELECT j.journal_mode || ' ' || s.synchronous || ' ' || f.foreign_keys AS text \
                 FROM pragma_journal_mode j, pragma_synchronous s, pragma_foreign_keys f",
                "wal 2 1",
            ),
        };
        assert_eq!(bench.texts(query).await, [expected]);
        bench.end().await;
    }
}
