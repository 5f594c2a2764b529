//! Pushes that no delivery tells of.

use std::time::Duration;

use bindery::simulator::{Fault, Pushed};
use serde_json::json;

use super::{ask, bound, by_commit, by_guid, of_push, steps, verdict};
use crate::support::{Either, World, stories};

/// A push that GitHub tells nobody of, and lists nowhere.
async fn untold(world: &World) -> Pushed {
    let repo = bound(world).await;
    world.heal().await;
    world.github.omit_next(1);
    let pushed = world.push(repo, &[("a", "2")]).await;
    world.clock.advance(Duration::from_secs(1));
    pushed
}

stories! {
    async fn what_nobody_told_of_is_looked_for(world: World) {
        let pushed = untold(&world).await;
        let answer = ask(&world, &by_commit(&pushed)).await;
        assert_eq!((&answer["verdict"]["code"], &answer["known"]), (&json!("not_seen_yet"), &json!(true)));
        let seen = &steps(&answer, "ref")[0]["facts"];
        assert_eq!(seen["commit_sha"], pushed.before.to_string());
        assert!(answer["verdict"]["says"].as_str().unwrap().contains("The next look is at"), "{answer}");
        for (code, healing) in [("sweep", "delivery_sweep"), ("head_poll", "head_poll")] {
            let all = world.api.get("/healing").await.expect(200).json();
            let state = all.as_array().unwrap().iter().find(|state| state["name"] == healing).unwrap().clone();
            let step = &steps(&answer, code)[0]["facts"];
            assert_eq!((&step["due_at"], &step["finished_at"]), (&state["due_at"], &state["finished_at"]));
        }
        world.pass(Duration::from_secs(300)).await;
        world.heal().await;
        assert_eq!(verdict(&world, &by_commit(&pushed)).await, "healed");
        world.end().await;
    }

    async fn a_look_that_goes_wrong_is_told(world: World) {
        let pushed = untold(&world).await;
        world.github.fail(Fault::anywhere().status(502));
        world.clock.advance(Duration::from_secs(300));
        world.heal().await;
        assert_eq!(verdict(&world, &by_commit(&pushed)).await, "healing_fails");
        world.github.clear_faults();
        for _ in 0..2 {
            world.pass(Duration::from_secs(300)).await;
            world.heal().await;
        }
        assert_eq!(verdict(&world, &by_commit(&pushed)).await, "healed");
        world.end().await;
    }

    async fn looking_that_nobody_does_is_told(world: World) {
        let pushed = untold(&world).await;
        world.clock.advance(Duration::from_secs(3600));
        assert_eq!(verdict(&world, &by_commit(&pushed)).await, "nobody_works");
        world.heal().await;
        world.end().await;
    }

    async fn looking_that_is_switched_off_is_told(either: Either) {
        let off = [("BINDERY_POLL_INTERVAL", "off"), ("BINDERY_SWEEP_INTERVAL", "off")];
        let world = either.with(&off).await;
        let pushed = untold(&world).await;
        assert_eq!(verdict(&world, &by_commit(&pushed)).await, "healing_off");
        assert_eq!(verdict(&world, "delivery=nothing").await, "healing_off");
        world.end().await;
    }

    async fn what_stands_in_the_way_of_looking_is_told(world: World) {
        let pushed = untold(&world).await;
        world.github.suspend(world.installation).await;
        world.settle().await;
        assert_eq!(verdict(&world, &by_commit(&pushed)).await, "suspended");
        world.end().await;
    }

    async fn what_the_look_found_and_cannot_be_published_is_told(world: World) {
        let repo = world.repository("templates", &[("docs/a", "1"), ("b", "1")]).await;
        world.bind("site", "templates", json!({"root_path": "docs"})).await;
        world.clock.advance(Duration::from_secs(600));
        world.heal().await;
        world.github.omit_next(1);
        let pushed = world.github.push(repo, "main", |change| change.remove("docs/a")).await;
        world.pass(Duration::from_secs(300)).await;
        world.heal().await;
        assert_eq!(verdict(&world, &by_commit(&pushed)).await, "root_path_missing");
        world.end().await;
    }

    async fn a_guid_that_nobody_knows_is_told(world: World) {
        bound(&world).await;
        world.heal().await;
        let answer = ask(&world, "delivery=0f3c1d2e-no-such-thing").await;
        assert_eq!((&answer["verdict"]["code"], &answer["known"]), (&json!("delivery_unknown"), &json!(false)));
        assert_eq!(steps(&answer, "sweep").len(), 1);
        world.end().await;
    }

    async fn what_was_refused_at_the_door_is_fetched_later(either: Either) {
        let world = either.with(&[("BINDERY_POLL_INTERVAL", "off")]).await;
        let repo = bound(&world).await;
        world.heal().await;
        world.github.set_webhook_secret("another secret of the webhook");
        let pushed = world.push(repo, &[("a", "2")]).await;
        assert_eq!(pushed.sent[0].status, Some(401));
        assert_eq!(verdict(&world, &by_guid(&pushed)).await, "delivery_unknown");
        assert_eq!(verdict(&world, &by_commit(&pushed)).await, "not_seen_yet");
        world.pass(Duration::from_secs(300)).await;
        world.heal().await;
        assert_eq!(of_push(&world, &pushed).await, "published");
        world.end().await;
    }
}
