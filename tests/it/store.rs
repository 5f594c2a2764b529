//! A store that loses what it was given, or takes no more.

use std::time::Duration;

use bindery::db::Db;
use bindery::github::ids::RepositoryId;
use bindery::queue::JobState;
use bindery::simulator::Route;
use diesel_async::SimpleAsyncConnection;
use serde_json::json;

use crate::support::{World, stories};

async fn bound(world: &World) -> RepositoryId {
    let files = [("a", "one"), ("b/c", "two"), ("b/d", "three")];
    let repo = world.repository("templates", &files).await;
    world.bind("site", "templates", json!({})).await;
    repo
}

async fn sync(world: &World) {
    let path = "/orgs/acme/bindings/site/sync";
    world.api.post(path).await.expect(202);
    world.settle().await;
}

/// What was replaced goes.
async fn collect(world: &World) {
    world.clock.advance(Duration::from_secs(3 * 3600 + 1));
    bindery::housekeeping::once(&world.context).await.unwrap();
}

/// What is lost comes back when an operator asks for it, and the checker has nothing to say.
async fn comes_back_after(world: World, loss: &str) {
    bound(&world).await;
    let before = world.files("site").await;
    world.tamper(loss).await;
    assert!(!world.check().await.holds);
    world.asked();
    sync(&world).await;
    assert_eq!(
        world.last_job().await.result.unwrap().0["outcome"],
        "published"
    );
    assert_eq!(world.files("site").await, before);
    world.asked();
    sync(&world).await;
    assert_eq!(
        world.asked(),
        [Route::Repository, Route::Commit],
        "it is whole again"
    );
    collect(&world).await;
    assert_eq!(world.count("contents").await, 1);
    assert_eq!(world.files("site").await, before);
    world.end().await;
}

/// Makes every insert into, or update of, one table fail as on a full disk: with the databases' own words,
/// in the middle of the transaction.
async fn fill_up(db: &Db, operation: &str, table: &str, when: &str) {
    let sql = if db.is_sqlite() {
        format!(
            "CREATE TRIGGER full_disk BEFORE {operation} ON {table} WHEN {when} \
             BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    } else {
        format!(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; \
             END $$; \
             CREATE TRIGGER full_disk BEFORE {operation} ON {table} FOR EACH ROW WHEN ({when}) \
             EXECUTE FUNCTION full_disk()"
        )
    };
    db.write()
        .await
        .unwrap()
        .batch_execute(&sql)
        .await
        .expect(&sql);
}

async fn make_room(db: &Db, table: &str) {
    let sql = if db.is_sqlite() {
        "DROP TRIGGER full_disk".to_owned()
    } else {
        format!("DROP TRIGGER full_disk ON {table}; DROP FUNCTION full_disk()")
    };
    db.write()
        .await
        .unwrap()
        .batch_execute(&sql)
        .await
        .expect(&sql);
}

/// While there is no room, what was published is served; then the sync goes on by itself, and nothing of
/// the failed attempts is left once the grace is over.
async fn is_served_while_full(world: World, operation: &str, table: &str, when: &str) {
    let repo = bound(&world).await;
    let before = world.files("site").await;
    fill_up(&world.context.db, operation, table, when).await;
    world
        .push(repo, &[("a", "changed"), ("e", "new"), ("z", "last")])
        .await;
    world.settle().await;
    let job = world.last_job().await;
    assert_eq!((job.state, job.attempt), (JobState::Retryable, 1));
    let error = &job.errors.0[0].error;
    assert!(
        error.contains("is full") || error.contains("No space left"),
        "{error}"
    );
    assert!(
        job.scheduled_at > world.clock.now(),
        "it waits before the next attempt"
    );
    assert_eq!(world.files("site").await, before);
    let report = world.check().await;
    assert!(report.holds, "{report}");
    make_room(&world.context.db, table).await;
    world.pass(Duration::from_secs(60)).await;
    let after = world.files("site").await;
    assert_eq!(
        (after["a"].as_str(), after["z"].as_str()),
        ("changed", "last")
    );
    collect(&world).await;
    let left = (world.count("contents").await, world.count("blobs").await);
    assert_eq!(left, (1, 5), "one content of five files");
    world.end().await;
}

stories! {
    async fn f40_lost_bytes_come_back_with_a_sync(world: World) {
        comes_back_after(world, "DELETE FROM blobs").await;
    }

    async fn f40_a_lost_file_comes_back_with_a_sync(world: World) {
        comes_back_after(world, "DELETE FROM content_files WHERE path = 'b/c'").await;
    }

    async fn f40_lost_content_comes_back_with_a_sync(world: World) {
        comes_back_after(world, "UPDATE bindings SET content_id = NULL; DELETE FROM content_files; DELETE FROM contents; DELETE FROM blobs").await;
    }

    async fn f40_lost_bytes_come_back_with_the_next_push(world: World) {
        let repo = bound(&world).await;
        world.tamper("DELETE FROM blobs").await;
        world.push(repo, &[("a", "changed")]).await;
        world.settle().await;
        let expected = [("a", "changed"), ("b/c", "two"), ("b/d", "three")];
        assert_eq!(world.files("site").await, expected.map(|(path, text)| (path.into(), text.into())).into());
        collect(&world).await;
        world.end().await;
    }

    async fn f16_a_disk_that_is_full_of_bytes_keeps_the_old_version(world: World) {
        is_served_while_full(world, "INSERT", "blobs", "NEW.size = 4").await;
    }

    async fn c16_a_disk_that_fills_up_within_the_listing_keeps_the_old_version(world: World) {
        is_served_while_full(world, "INSERT", "content_files", "NEW.path = 'z'").await;
    }

    async fn c16_a_disk_that_fills_up_before_the_flip_keeps_the_old_version(world: World) {
        is_served_while_full(world, "UPDATE", "bindings", "NEW.content_id <> OLD.content_id").await;
    }
}
