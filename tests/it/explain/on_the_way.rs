//! Pushes that have not arrived yet: what each waits for.

use std::time::Duration;

use bindery::simulator::{Fault, Route};
use diesel_async::SimpleAsyncConnection as _;
use serde_json::json;

use super::{SITE, ask, bound, by_guid, of_push, on_its_way, steps, verdict};
use crate::support::{World, stories};

const OTHER_KEY: &str = include_str!("../../../fixtures/keys/rsa-2048-pkcs8.pem");

/// Pushes cannot be looked into without it; nor can anybody ask.
async fn rename(world: &World, from: &str, to: &str) {
    let mut conn = world.context.db.write().await.expect("a connection");
    let sql = format!("ALTER TABLE {from} RENAME TO {to}");
    conn.batch_execute(&sql).await.expect(&sql);
}

stories! {
    async fn what_waits_in_the_inbox_is_told_by_its_guid_and_its_commit(world: World) {
        let repo = bound(&world).await;
        let pushed = world.push(repo, &[("a", "2")]).await;
        assert_eq!(of_push(&world, &pushed).await, "waits_to_be_processed");
        world.clock.advance(Duration::from_secs(600));
        assert_eq!(of_push(&world, &pushed).await, "nobody_works");
        world.settle().await;
        world.end().await;
    }

    async fn what_could_not_be_looked_into_is_told(world: World) {
        let repo = bound(&world).await;
        let pushed = world.push(repo, &[("a", "2")]).await;
        rename(&world, "bindings", "bindings_away").await;
        world.settle().await;
        rename(&world, "bindings_away", "bindings").await;
        assert_eq!(of_push(&world, &pushed).await, "processing_retried");
        let answer = ask(&world, &by_guid(&pushed)).await;
        assert!(answer["verdict"]["says"].as_str().unwrap().contains("bindings"), "{answer}");
        rename(&world, "bindings", "bindings_away").await;
        for _ in 0..10 {
            world.pass(Duration::from_secs(900)).await;
        }
        rename(&world, "bindings_away", "bindings").await;
        assert_eq!(of_push(&world, &pushed).await, "processing_failed");
        world.discard().await;
    }

    async fn what_waits_for_a_worker_is_told(world: World) {
        let repo = bound(&world).await;
        let pushed = on_its_way(&world, repo).await;
        assert_eq!(of_push(&world, &pushed).await, "waits_for_its_turn");
        assert_eq!(verdict(&world, SITE).await, "waits_for_its_turn");
        world.clock.advance(Duration::from_secs(180));
        assert_eq!(of_push(&world, &pushed).await, "nobody_works");
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "published");
        world.end().await;
    }

    async fn what_runs_and_what_lost_its_worker_are_told(world: World) {
        let repo = bound(&world).await;
        let pushed = on_its_way(&world, repo).await;
        world.asked();
        world.github.fail(Fault::on(Route::Tree).times(1).hang());
        let queue = world.workers.queue.clone();
        let doomed = tokio::spawn(async move { queue.drain().await });
        while world.github.count(Route::Tree) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(of_push(&world, &pushed).await, "running");
        doomed.abort();
        doomed.await.unwrap_err();
        world.clock.advance(Duration::from_secs(61));
        assert_eq!(of_push(&world, &pushed).await, "worker_lost");
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(of_push(&world, &pushed).await, "published");
        world.end().await;
    }

    async fn a_failure_that_is_tried_again_is_told(world: World) {
        let repo = bound(&world).await;
        world.github.fail(Fault::on(Route::Tree).times(1).replace("{\"sha\": 5}"));
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "retried");
        let answer = ask(&world, &by_guid(&pushed)).await;
        let job = &steps(&answer, "job")[0]["facts"];
        assert_eq!((&job["state"], &job["attempt"]), (&json!("retryable"), &json!(1)));
        assert!(answer["verdict"]["says"].as_str().unwrap().contains("Next at"), "{answer}");
        world.pass(Duration::from_secs(60)).await;
        world.end().await;
    }

    async fn an_outage_of_githubs_is_told(world: World) {
        let repo = bound(&world).await;
        world.github.fail(Fault::anywhere().status(502));
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "github_unavailable");
        world.github.clear_faults();
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(of_push(&world, &pushed).await, "published");
        world.end().await;
    }

    async fn a_key_that_github_refuses_is_told(world: World) {
        let repo = bound(&world).await;
        world.github.set_app_keys(&[OTHER_KEY]).unwrap();
        world.github.revoke_tokens(world.installation);
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "key_refused");
        world.github.set_app_keys(&[crate::support::KEY]).unwrap();
        world.pass(Duration::from_secs(60)).await;
        world.end().await;
    }

    async fn a_rate_limit_is_told(world: World) {
        let other = world.repository("other", &[("a", "1")]).await;
        world.bind("other", "other", json!({})).await;
        let repo = bound(&world).await;
        world.github.exhaust_rate_limit(world.installation, Duration::from_secs(900));
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "rate_limited");
        // It never ran, so that nothing was said to it: what holds is that of its installation.
        let second = world.push(other, &[("a", "2")]).await;
        world.pass(Duration::from_secs(180)).await;
        assert_eq!(verdict(&world, &by_guid(&second)).await, "rate_limited");
        world.pass(Duration::from_secs(721)).await;
        assert_eq!(of_push(&world, &pushed).await, "published");
        world.end().await;
    }

    async fn an_api_that_lags_is_told_and_what_was_taken_in_the_end(world: World) {
        let repo = bound(&world).await;
        world.clock.advance(Duration::from_secs(3600));
        world.github.lag_refs(Duration::from_secs(360));
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "api_lags");
        for _ in 0..21 {
            world.pass(Duration::from_secs(15)).await;
        }
        assert_eq!(of_push(&world, &pushed).await, "api_stale");
        world.pass(Duration::from_secs(300)).await;
        world.heal().await;
        assert_eq!(of_push(&world, &pushed).await, "published", "the poll brought it");
        world.end().await;
    }
}
