//! What strangers can keep from GitHub: they prove nothing, and send what they like.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bindery::db::{Conn, Driver};
use diesel_async::RunQueryDsl as _;
use futures_util::future::join_all;

use super::post::{PATH, Post, connect};
use super::wire::Wire;
use super::{Either, ledger};
use crate::support::{World, logs, stories};

const KIB: usize = 1 << 10;

fn large() -> Post {
    Post::new("large", format!(r#"{{"pad":"{}"}}"#, "x".repeat(900 * KIB)))
}

/// From another address of this machine's.
async fn connect_from_elsewhere(world: &World) -> Wire {
    let url: url::Url = world.api.url(PATH).parse().expect("a URL");
    let elsewhere: SocketAddr = "127.0.0.2:0".parse().expect("an address");
    Wire::connect_from(
        elsewhere,
        &url[url::Position::BeforeHost..url::Position::AfterPort],
    )
    .await
}

/// Rows of every table that a request could write to.
async fn rows(world: &World) -> Vec<i64> {
    let mut rows = Vec::new();
    for table in [
        "deliveries",
        "delivery_bodies",
        "jobs",
        "audit_events",
        "repositories",
        "timers",
        "api_tokens",
        "console_sessions",
    ] {
        rows.push(world.count(table).await);
    }
    rows
}

/// So many bad signatures on each of eight connections, as fast as they are answered; how long it took.
async fn flood(world: &World, bad: &Post, each: usize) -> Duration {
    let begun = Instant::now();
    let floods = (0..8).map(|_| async {
        let mut wire = connect(world).await;
        for _ in 0..each {
            wire.send(&bad.bytes()).await;
            wire.answer().await.expect(401);
        }
    });
    join_all(floods).await;
    begun.elapsed()
}

/// Changes whenever another connection has written; on SQLite, by its own word.
async fn version(conn: &mut Conn) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Version {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        data_version: i64,
    }
    match conn.driver() {
        Driver::Postgres(_) => 0,
        Driver::Sqlite(_) => {
            let versions = diesel::sql_query("PRAGMA data_version").get_result::<Version>(conn);
            versions.await.expect("a version").data_version
        }
    }
}

stories! {
    async fn w30_a_stranger_who_stalls_large_bodies_is_in_nobody_elses_way(either: Either) {
        let settings = [
            ("BINDERY_WEBHOOK_MAX_BODY", "1MiB"),
            ("BINDERY_WEBHOOK_BODY_MEMORY", "4MiB"),
            ("BINDERY_WEBHOOK_BODY_TIMEOUT", "60s"),
        ];
        let world = either.with(&settings).await;
        let mut stalled = Vec::new();
        for _ in 0..20 {
            let mut wire = connect_from_elsewhere(&world).await;
            wire.send(&large().bytes()[..200 * KIB]).await;
            stalled.push(wire);
        }
        // What they sent is being read.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let begun = Instant::now();
        large().send(&world).await.expect(202);
        assert!(begun.elapsed() < Duration::from_secs(6), "it waited for strangers: {:?}", begun.elapsed());
        drop(stalled);
        world.settle().await;
        world.end().await;
    }

    async fn w30_a_large_body_that_stalls_loses_its_room_before_its_time(either: Either) {
        let settings = [
            ("BINDERY_WEBHOOK_MAX_BODY", "1MiB"),
            ("BINDERY_WEBHOOK_BODY_MEMORY", "1MiB"),
            ("BINDERY_WEBHOOK_BODY_TIMEOUT", "30s"),
        ];
        let world = either.with(&settings).await;
        let (slow, begun) = (large(), Instant::now());
        let mut wire = connect(&world).await;
        wire.send(&slow.bytes()[..100 * KIB]).await;
        wire.answer().await.expect(408);
        // A ninth of its time and two seconds.
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        large().send(&world).await.expect(202);
        assert!(ledger(&world, slow.guid()).await.is_empty());
        world.settle().await;
        world.end().await;
    }

    async fn w59_a_flood_of_bad_signatures_writes_nothing_and_holds_nobody_up(world: World) {
        logs::listen();
        let bad = Post::push().signature(format!("sha256={}", "0".repeat(64)));
        let mut conn = world.context.db.read().await.expect("a connection");
        let (rows_before, version_before) = (rows(&world).await, version(&mut conn).await);
        let mut took = flood(&world, &bad, 400).await;
        assert_eq!((rows(&world).await, version(&mut conn).await), (rows_before, version_before));
        let beside = async {
            let mut slowest = Duration::ZERO;
            for _ in 0..50 {
                let begun = Instant::now();
                Post::push().send(&world).await.expect(202);
                slowest = slowest.max(begun.elapsed());
            }
            slowest
        };
        let (more, slowest) = tokio::join!(flood(&world, &bad, 225), beside);
        took += more;
        assert!(slowest < Duration::from_secs(1), "{slowest:?} beside 5,000 in {took:?}");
        let is_seen = version(&mut conn).await != version_before;
        assert_eq!(is_seen, world.context.db.is_sqlite(), "a write is seen");
        let lines = logs::lines_with(bad.guid()).len() as u64;
        assert!(lines > 0 && lines <= 100 * (took.as_secs() + 3), "{lines} lines in {took:?}");
        drop(conn);
        world.settle().await;
        world.end().await;
    }
}
