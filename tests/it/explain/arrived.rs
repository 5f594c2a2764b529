//! Pushes that arrived, as themselves or in another.

use std::time::Duration;

use serde_json::json;

use super::{SITE, ask, bound, by_commit, by_guid, of_push, steps, verdict};
use crate::support::{Either, World, stories};

stories! {
    async fn what_is_served_is_told_with_every_step(world: World) {
        let repo = bound(&world).await;
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "published");
        let by_id = format!("repository={repo}&commit={}", pushed.after);
        assert_eq!(verdict(&world, &by_id).await, "published");
        assert_eq!(verdict(&world, SITE).await, "up_to_date");
        let answer = ask(&world, &by_guid(&pushed)).await;
        assert_eq!((&answer["known"], &answer["verdict"]["binding"]), (&json!(true), &json!("/orgs/acme/bindings/site")));
        let codes: Vec<_> = answer["steps"].as_array().unwrap().iter().map(|step| step["code"].clone()).collect();
        assert_eq!(codes, ["received", "event", "processed", "repository", "binding", "job", "published"]);
        let received = &steps(&answer, "received")[0]["facts"];
        assert_eq!((&received["signed_by"], &received["github_app_id"]), (&json!("current"), &json!(crate::support::APP_ID)));
        let considered = &steps(&answer, "binding")[0]["facts"];
        assert_eq!((&considered["verdict"], &considered["reason"]), (&json!("enqueued"), &json!("matched_by_id")));
        let job = &steps(&answer, "job")[0]["facts"];
        assert_eq!((&job["state"], &job["queue_job_id"]), (&json!("completed"), &considered["queue_job_id"]));
        assert_eq!(steps(&answer, "published")[0]["facts"]["commit_sha"], pushed.after.to_string());
        world.end().await;
    }

    async fn what_changes_nothing_under_the_root_path_is_told(world: World) {
        let repo = world.repository("templates", &[("docs/a", "1"), ("src/x", "1")]).await;
        world.bind("site", "templates", json!({"root_path": "src"})).await;
        // Of the push before this one nobody told, so that its list of files proves nothing.
        world.github.omit_next(1);
        world.push(repo, &[("docs/a", "2")]).await;
        let pushed = world.push(repo, &[("docs/a", "3")]).await;
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "nothing_changed");
        world.end().await;
    }

    async fn a_push_that_another_has_overtaken_is_told(world: World) {
        let repo = bound(&world).await;
        let first = world.push(repo, &[("a", "2")]).await;
        let second = world.push(repo, &[("a", "3")]).await;
        world.settle().await;
        assert_eq!(of_push(&world, &first).await, "overtaken");
        assert_eq!(of_push(&world, &second).await, "published");
        let joined = ask(&world, &by_guid(&second)).await;
        assert_eq!(steps(&joined, "binding")[0]["facts"]["verdict"], "joined");
        world.push(repo, &[("a", "4")]).await;
        world.settle().await;
        assert_eq!(of_push(&world, &second).await, "overtaken", "it was served for a while");
        world.end().await;
    }

    async fn what_no_delivery_brought_and_a_look_found_is_told(either: Either) {
        let world = either.with(&[("BINDERY_SWEEP_INTERVAL", "off")]).await;
        let repo = bound(&world).await;
        world.heal().await;
        world.github.omit_next(1);
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.pass(Duration::from_secs(300)).await;
        world.heal().await;
        assert_eq!(verdict(&world, &by_commit(&pushed)).await, "healed");
        let answer = ask(&world, &by_commit(&pushed)).await;
        assert_eq!(steps(&answer, "ref")[0]["facts"]["commit_sha"], pushed.after.to_string());
        assert!(steps(&answer, "sweep")[0]["says"].as_str().unwrap().contains("switched off"));
        world.end().await;
    }

    async fn what_somebody_synced_by_hand_was_not_found_by_looking(world: World) {
        let repo = bound(&world).await;
        world.github.omit_next(1);
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(verdict(&world, &by_commit(&pushed)).await, "published");
        world.end().await;
    }

    async fn what_the_sweep_fetched_says_that_it_did_not_arrive(either: Either) {
        let world = either.with(&[("BINDERY_POLL_INTERVAL", "off")]).await;
        let repo = bound(&world).await;
        world.heal().await;
        world.github.lose_next(1);
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.pass(Duration::from_secs(300)).await;
        world.heal().await;
        assert_eq!(of_push(&world, &pushed).await, "published");
        let answer = ask(&world, &by_guid(&pushed)).await;
        let received = &steps(&answer, "received")[0];
        assert!(received["says"].as_str().unwrap().contains("did not arrive"), "{received}");
        assert_eq!(received["facts"]["signed_by"], json!(null));
        world.end().await;
    }

    async fn of_several_bindings_the_one_is_told_that_it_failed_at(world: World) {
        let repo = bound(&world).await;
        world.bind("strict", "templates", json!({"required_files": ["a"]})).await;
        world.github.push(repo, "next", |change| change.write("a", "x")).await;
        world.bind("next", "templates", json!({"github_ref": "next"})).await;
        let pushed = world.github.push(repo, "main", |change| change.remove("a").write("b", "2")).await;
        world.settle().await;
        let answer = ask(&world, &by_guid(&pushed)).await;
        assert_eq!((&answer["verdict"]["code"], &answer["verdict"]["binding"]), (&json!("required_file_missing"), &json!("/orgs/acme/bindings/strict")));
        let standing = |step: &serde_json::Value| step["facts"]["standing"].clone();
        let standings: Vec<_> = steps(&answer, "binding").iter().map(standing).collect();
        assert_eq!(standings, ["published", "required_file_missing", "other_ref"]);
        world.end().await;
    }
}
