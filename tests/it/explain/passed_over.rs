//! Deliveries that concern nothing, and those that cannot be used.

use std::time::Duration;

use bindery::simulator::{Fault, Pushed, Route, Selection};
use diesel_async::SimpleAsyncConnection as _;
use serde_json::{Value, json};

use super::{SITE, ask, bound, by_commit, by_guid, of_push, verdict};
use crate::support::{Either, World, stories};
use crate::webhook::post::Post;

const PING: &str = include_str!("../../../fixtures/webhooks/ping.json");

async fn posted(world: &World, post: &Post, status: u16) -> String {
    post.send(world).await.expect(status);
    world.settle().await;
    verdict(world, &format!("delivery={}", post.guid())).await
}

async fn sql(world: &World, sql: &str) {
    let mut conn = world.context.db.write().await.expect("a connection");
    conn.batch_execute(sql).await.expect(sql);
}

/// A push that did not arrive, to be fetched.
async fn lost(world: &World) -> Pushed {
    let repo = bound(world).await;
    world.heal().await;
    world.clock.advance(Duration::from_secs(3600));
    world.github.lose_next(1);
    world.push(repo, &[("a", "2")]).await
}

stories! {
    async fn a_push_outside_the_root_path_is_told(world: World) {
        let repo = world.repository("templates", &[("docs/a", "1"), ("src/x", "1")]).await;
        world.bind("site", "templates", json!({"root_path": "docs"})).await;
        let pushed = world.push(repo, &[("src/x", "2")]).await;
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "outside_root_path");
        assert_eq!(verdict(&world, SITE).await, "outside_root_path");
        world.end().await;
    }

    async fn a_push_to_another_ref_is_told(world: World) {
        let repo = bound(&world).await;
        let pushed = world.github.push(repo, "next", |change| change.write("a", "2")).await;
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "other_ref");
        assert_eq!(verdict(&world, SITE).await, "other_ref");
        world.end().await;
    }

    async fn a_push_to_what_nobody_bound_is_told(world: World) {
        bound(&world).await;
        let unbound = world.repository("unbound", &[("a", "1")]).await;
        let pushed = world.push(unbound, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(verdict(&world, &by_guid(&pushed)).await, "no_binding");
        for repository in ["octo/unbound".to_owned(), unbound.to_string()] {
            let query = format!("repository={repository}&commit={}", pushed.after);
            let answer = ask(&world, &query).await;
            assert_eq!((&answer["verdict"]["code"], &answer["known"]), (&json!("no_binding"), &json!(true)));
        }
        let elsewhere = ask(&world, &format!("repository=octo/other&commit={}", pushed.after)).await;
        assert_eq!((&elsewhere["verdict"]["code"], &elsewhere["known"]), (&json!("no_binding"), &json!(false)));
        world.end().await;
    }

    async fn a_push_to_a_namesake_is_told(world: World) {
        let repo = bound(&world).await;
        world.github.delete_repository(repo).await;
        let namesake = world.github.create_repository("octo", "templates").await;
        let pushed = world.push(namesake, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(verdict(&world, &by_guid(&pushed)).await, "other_repository");
        for _ in 0..5 {
            world.pass(Duration::from_secs(60)).await;
        }
        world.end().await;
    }

    async fn a_push_to_what_is_not_granted_is_told_to_who_sees_all(world: World) {
        world.github.create_user("ann");
        world.github.install("ann", Selection::All).await;
        let secret = world.github.create_repository("ann", "secret").await;
        let body = json!({"github_owner": "ann", "github_repo": "secret"});
        world.api.put("/orgs/acme/bindings/site", body).await.expect(201);
        world.settle().await;
        let pushed = world.push(secret, &[("a", "1")]).await;
        world.settle().await;
        assert_eq!(verdict(&world, &by_guid(&pushed)).await, "not_granted");
        let query = format!("repository=ann/secret&commit={}", pushed.after);
        assert_eq!(verdict(&world, &query).await, "not_granted");
        world.end().await;
    }

    async fn what_is_no_branch_and_no_tag_is_told(world: World) {
        let post = Post::push_with("/ref", json!("refs/notes/commits"));
        assert_eq!(posted(&world, &post, 202).await, "ref_cannot_be_bound");
        world.end().await;
    }

    async fn an_event_and_an_action_that_are_not_used_are_told(world: World) {
        assert_eq!(posted(&world, &Post::new("foo_bar", "{}"), 202).await, "event_not_used");
        let renamed = include_str!("../../../fixtures/webhooks/repository_renamed.json");
        let mut payload: Value = serde_json::from_str(renamed).unwrap();
        payload["action"] = json!("starred");
        let post = Post::new("repository", payload.to_string());
        assert_eq!(posted(&world, &post, 202).await, "action_not_used");
        world.end().await;
    }

    async fn a_ping_of_another_hook_is_told(world: World) {
        assert_eq!(posted(&world, &Post::new("ping", PING), 202).await, "ping_of_another_hook");
        world.end().await;
    }

    async fn what_tells_of_no_push_is_told(world: World) {
        let repo = bound(&world).await;
        let sent = world.github.rename(repo, "themes").await;
        world.settle().await;
        assert_eq!(verdict(&world, &format!("delivery={}", sent[0].guid)).await, "not_a_push");
        world.end().await;
    }

    async fn what_cannot_be_used_is_told(world: World) {
        assert_eq!(posted(&world, &Post::new("push", "[]"), 400).await, "rejected");
        assert_eq!(posted(&world, &Post::push_with("/ref", json!(5)), 202).await, "unprocessable");
        world.end().await;
    }

    async fn a_binding_that_came_later_is_told(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        let early = world.push(repo, &[("a", "2")]).await;
        let late = world.push(repo, &[("a", "3")]).await;
        world.settle().await;
        world.bind("site", "templates", json!({})).await;
        assert_eq!(verdict(&world, &by_commit(&early)).await, "bound_later");
        assert_eq!(verdict(&world, &by_commit(&late)).await, "published", "by its first sync");
        world.end().await;
    }

    async fn a_binding_that_is_not_there_any_more_is_told(world: World) {
        let repo = bound(&world).await;
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        world.api.delete("/orgs/acme/bindings/site").await.expect(204);
        assert_eq!(of_push(&world, &pushed).await, "binding_deleted");
        world.api.get(&format!("/explain?{SITE}")).await.expect(404);
        world.end().await;
    }

    async fn what_the_sweep_only_wrote_down_is_told(either: Either) {
        let world = either.with(&[("BINDERY_POLL_INTERVAL", "off")]).await;
        bound(&world).await;
        world.heal().await;
        let other = world.github.create_repository("octo", "other").await;
        world.github.lose_next(1);
        let pushed = world.push(other, &[("a", "2")]).await;
        world.pass(Duration::from_secs(300)).await;
        world.heal().await;
        assert_eq!(verdict(&world, &by_guid(&pushed)).await, "not_bound");
        world.end().await;
    }

    async fn a_body_that_github_does_not_keep_is_told(either: Either) {
        let world = either.with(&[("BINDERY_POLL_INTERVAL", "off")]).await;
        let pushed = lost(&world).await;
        world.github.fail(Fault::on(Route::HookDelivery).status(404));
        world.clock.advance(Duration::from_secs(3700));
        world.heal().await;
        assert_eq!(verdict(&world, &by_guid(&pushed)).await, "not_kept_by_github");
        world.end().await;
    }

    async fn a_body_that_is_larger_than_any_is_told(either: Either) {
        let world = either.with(&[("BINDERY_POLL_INTERVAL", "off")]).await;
        let pushed = lost(&world).await;
        world.github.fail(Fault::on(Route::HookDelivery).status(404));
        world.clock.advance(Duration::from_secs(3700));
        world.heal().await;
        // By hand: a body of more than 64 MiB is no test's.
        sql(&world, "UPDATE deliveries SET reason = 'payload_too_large' WHERE reason = 'not_kept_by_github'").await;
        assert_eq!(verdict(&world, &by_guid(&pushed)).await, "payload_too_large");
        world.end().await;
    }

    async fn a_delivery_whose_body_is_not_kept_any_more_is_told(world: World) {
        let repo = bound(&world).await;
        let pushed = world.push(repo, &[("a", "2")]).await;
        // Somebody cleaned up by hand: nothing here takes a body from what waits.
        sql(&world, "DELETE FROM delivery_bodies").await;
        world.settle().await;
        assert_eq!(verdict(&world, &by_guid(&pushed)).await, "body_pruned");
        world.discard().await;
    }

    async fn a_reason_of_a_newer_version_is_told_as_it_is(world: World) {
        let post = Post::new("foo_bar", "{}");
        posted(&world, &post, 202).await;
        sql(&world, "UPDATE deliveries SET reason = 'not_yet_invented', detail = 'as it says' WHERE event = 'foo_bar'").await;
        let answer = ask(&world, &format!("delivery={}", post.guid())).await;
        assert_eq!(answer["verdict"]["code"], "ignored");
        assert!(answer["verdict"]["says"].as_str().unwrap().contains("as it says"), "{answer}");
        world.end().await;
    }
}
