//! A commit wakes who waits for it, here and in other processes; nothing else does.

use bindery::db::{Channel, Db};
use diesel::result::Error;
use diesel_async::AsyncConnection;
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, PATIENCE};
use crate::support::{Engine, stories};

/// Whether the bell rang since it was asked last.
fn rang(db: &Db, channel: Channel) -> bool {
    db.wakes().wait(channel).now_or_never().is_some()
}

async fn wait(db: &Db, channel: Channel) {
    tokio::time::timeout(PATIENCE, db.wakes().wait(channel))
        .await
        .expect("a ring");
}

stories! {
    async fn a_bell_rings_after_the_commit_and_not_before(bench: Bench) {
        let mut conn = bench.db.write().await.unwrap();
        conn.transaction(async |conn| {
            conn.wake_on_commit(Channel::Jobs).await?;
            assert!(!rang(&bench.db, Channel::Jobs), "nothing is committed yet");
            Ok::<_, Error>(())
        }).await.unwrap();
        assert!(rang(&bench.db, Channel::Jobs));
        assert!(!rang(&bench.db, Channel::Inbox), "that is another bell");
        drop(conn);
        bench.end().await;
    }

    async fn a_rollback_rings_no_bell_then_or_later(bench: Bench) {
        let mut conn = bench.db.write().await.unwrap();
        let undone = conn.transaction(async |conn| {
            conn.wake_on_commit(Channel::Jobs).await?;
            Err::<(), _>(Error::RollbackTransaction)
        });
        undone.await.unwrap_err();
        conn.transaction(async |_| Ok::<_, Error>(())).await.unwrap();
        assert!(!rang(&bench.db, Channel::Jobs));
        drop(conn);
        bench.end().await;
    }

    async fn a_bell_of_a_savepoint_rings_with_the_whole_transaction(bench: Bench) {
        let mut conn = bench.db.write().await.unwrap();
        conn.transaction(async |conn| {
            conn.transaction(async |conn| conn.wake_on_commit(Channel::Jobs).await).await?;
            assert!(!rang(&bench.db, Channel::Jobs), "nothing is committed yet");
            Ok::<_, Error>(())
        }).await.unwrap();
        assert!(rang(&bench.db, Channel::Jobs));
        drop(conn);
        bench.end().await;
    }
}

struct TwoProcesses {
    bench: Bench,
    other: Db,
    stop: CancellationToken,
    listening: tokio::task::JoinHandle<()>,
}

impl TwoProcesses {
    async fn start() -> Self {
        let bench = Bench::on(Engine::Postgres).await;
        let (other, stop) = (bench.another_db().await.unwrap(), CancellationToken::new());
        let (db, stopped) = (other.clone(), stop.clone());
        let listening = tokio::spawn(async move { db.listen(stopped).await });
        // What was missed before it listened: it rings both once.
        wait(&other, Channel::Inbox).await;
        wait(&other, Channel::Jobs).await;
        Self {
            bench,
            other,
            stop,
            listening,
        }
    }

    async fn end(self) {
        self.stop.cancel();
        self.listening.await.unwrap();
        drop(self.other);
        self.bench.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_rings_in_another_process() {
    let both = TwoProcesses::start().await;
    let mut conn = both.bench.db.write().await.unwrap();
    for channel in [Channel::Jobs, Channel::Inbox, Channel::Jobs] {
        conn.transaction(async |conn| conn.wake_on_commit(channel).await)
            .await
            .unwrap();
        wait(&both.other, channel).await;
    }
    drop(conn);
    both.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_savepoint_that_is_undone_does_not_swallow_the_ring_of_its_transaction() {
    let both = TwoProcesses::start().await;
    let mut conn = both.bench.db.write().await.unwrap();
    let committed = conn.transaction(async |conn| {
        let undone = conn.transaction(async |conn| {
            conn.wake_on_commit(Channel::Jobs).await?;
            Err::<(), _>(Error::RollbackTransaction)
        });
        undone.await.unwrap_err();
        conn.wake_on_commit(Channel::Jobs).await
    });
    committed.await.unwrap();
    wait(&both.other, Channel::Jobs).await;
    drop(conn);
    both.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_was_cut_off_listens_again() {
    let both = TwoProcesses::start().await;
    both.bench
        .sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND query LIKE 'LISTEN%'",
        )
        .await;
    // It rings once more when it is back, for what it may have missed.
    wait(&both.other, Channel::Jobs).await;
    wait(&both.other, Channel::Inbox).await;
    let mut conn = both.bench.db.write().await.unwrap();
    conn.transaction(async |conn| conn.wake_on_commit(Channel::Jobs).await)
        .await
        .unwrap();
    drop(conn);
    wait(&both.other, Channel::Jobs).await;
    both.end().await;
}
