//! What is kept: each delivery once, as it came; or an answer that says that it was not.

use std::collections::BTreeMap;

use bindery::clock::Clock;
use bindery::config::{Config, Flags, Sources};
use bindery::context::Context;
use bindery::db::DatabaseUrl;
use bindery::inbox;
use bindery::serve::Http;
use diesel::{Connection as _, connection::SimpleConnection as _};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use secrecy::ExposeSecret;
use serde_json::json;

use super::post::Post;
use super::wire::Wire;
use super::{Either, ledger, row};
use crate::support::{TestDatabase, World, begin, stories};

/// A program beside the service that has the deliveries for itself.
enum Stranger {
    Sqlite(diesel::sqlite::SqliteConnection),
    Postgres(Box<AsyncPgConnection>),
}

impl Stranger {
    async fn comes(world: &World) -> Self {
        match world.context.config.database.settings().url {
            DatabaseUrl::Sqlite(path) => {
                let path = path.to_str().expect("a path in UTF-8");
                Self::Sqlite(diesel::sqlite::SqliteConnection::establish(path).expect("the file"))
            }
            DatabaseUrl::Postgres(url) => {
                let connection = AsyncPgConnection::establish(url.expose_secret()).await;
                Self::Postgres(Box::new(connection.expect("the server")))
            }
        }
    }

    async fn runs(&mut self, sqlite: &str, postgres: &str) {
        match self {
            Self::Sqlite(connection) => connection.batch_execute(sqlite).expect(sqlite),
            Self::Postgres(connection) => connection.batch_execute(postgres).await.expect(postgres),
        }
    }
}

stories! {
    async fn keeps_the_body_and_githubs_headers_byte_for_byte(world: World) {
        let odd = "{ \"zen\" :\t\"Ünïcödé 💥\\u0021\" ,\r\n \"a\":1.0e0}\n";
        let post = Post::new("foo", odd).and("Cookie", "a=b").and("Authorization", "Bearer x");
        post.send(&world).await.expect(202);
        let row = row(&world, &post).await;
        let mut conn = world.context.db.read().await.unwrap();
        let body = inbox::body(row.id, &mut conn).await.unwrap();
        assert_eq!(body.as_deref(), Some(odd.as_bytes()));
        let expected: BTreeMap<String, String> = [
            "Content-Type", "User-Agent", "X-GitHub-Delivery", "X-GitHub-Event", "X-GitHub-Hook-ID",
            "X-GitHub-Hook-Installation-Target-ID", "X-GitHub-Hook-Installation-Target-Type", "X-Hub-Signature-256",
        ]
        .iter()
        .map(|name| (name.to_ascii_lowercase(), post.header(name).to_owned()))
        .collect();
        assert_eq!(row.headers.0, expected);
        drop(conn);
        world.settle().await;
        world.end().await;
    }

    async fn w47_fifty_at_once_are_one_row_and_one_job(world: World) {
        let repo = world.repository("templates", &[("a", "one")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.hold_deliveries();
        let pushed = world.push(repo, &[("a", "two")]).await;
        let post = Post::of_github(&world, &pushed.delivery.unwrap());
        let jobs = world.count("jobs").await;
        let all = futures_util::future::join_all((0..50).map(|_| post.send(&world))).await;
        let received = all.into_iter().map(|answer| answer.expect(202).json()["status"].clone());
        assert_eq!(received.filter(|status| status == "received").count(), 1);
        assert_eq!(ledger(&world, post.guid()).await.len(), 1);
        world.settle().await;
        assert_eq!(world.count("jobs").await, jobs + 1);
        world.end().await;
    }

    async fn w49_a_replay_under_a_new_guid_moves_nothing_back(world: World) {
        let repo = world.repository("templates", &[("a", "one")]).await;
        world.bind("site", "templates", json!({})).await;
        let old = world.push(repo, &[("a", "two")]).await.delivery.unwrap();
        world.settle().await;
        world.push(repo, &[("a", "three")]).await;
        world.settle().await;
        let before = world.binding("site").await;
        let replayed = Post::of_github(&world, &old).with_new_guid();
        replayed.send(&world).await.expect(202);
        world.settle().await;
        let after = world.binding("site").await;
        assert_eq!(after["commit_sha"], before["commit_sha"]);
        assert_eq!(world.files("site").await["a"], "three");
        world.end().await;
    }

    async fn w64_answers_503_while_the_database_is_locked(either: Either) {
        let world = either.with(&[("BINDERY_DATABASE_STATEMENT_TIMEOUT", "300ms")]).await;
        let mut stranger = Stranger::comes(&world).await;
        stranger.runs("BEGIN IMMEDIATE", "BEGIN; LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE").await;
        let post = Post::push();
        let begun = std::time::Instant::now();
        let answer = post.send(&world).await.expect(503);
        assert!(begun.elapsed().as_secs() < 9, "{:?}", begun.elapsed());
        assert!(answer.header("retry-after").is_some());
        assert_eq!(answer.json()["type"], "/problems/unavailable");
        stranger.runs("ROLLBACK", "ROLLBACK").await;
        assert!(ledger(&world, post.guid()).await.is_empty());
        assert_eq!(post.send(&world).await.expect(202).json()["status"], "received");
        world.settle().await;
        world.end().await;
    }

    async fn w64_takes_deliveries_again_when_the_database_is_back(world: World) {
        let mut stranger = Stranger::comes(&world).await;
        let others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        stranger.runs("SELECT 1", &format!("SELECT pg_terminate_backend(pid) {others}")).await;
        let post = Post::push();
        post.send(&world).await.expect(202);
        world.settle().await;
        world.end().await;
    }

    async fn without_an_app_it_says_what_to_configure(either: Either) {
        let database = TestDatabase::create(either.0).await;
        let settings = [("DATABASE_URL", database.url.as_str()), ("BINDERY_LISTEN", "127.0.0.1:0")];
        let read = |name: &str| settings.iter().find(|set| set.0 == name).map(|set| set.1.into());
        let config = Config::load(&Sources::new(Flags::default(), read)).expect("a valid configuration");
        let context = Context::open(config, Clock::manual(begin())).await.expect("a database");
        let http = Http::start(&context).await.expect("a server");
        let answer = Post::push().send_on(Wire::connect(&http.address.to_string()).await).await.expect(503);
        assert!(answer.header("retry-after").is_some());
        assert_eq!(answer.json()["type"], "/problems/no-app");
        assert!(answer.body.contains("GITHUB_APP_ID"), "{answer:?}");
        http.stop().await.expect("it stops");
        drop(context);
        database.drop().await;
    }
}
