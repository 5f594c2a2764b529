//! What the first page says: how it goes, and what is not well since when.

use std::time::Duration;

use serde_json::json;

use super::{Browser, lived_in, visitor};
use crate::support::{ADMIN, World, stories};

stories! {
    async fn a_calm_world_is_said_to_be_well(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let admin = Browser::signed_in(&world, ADMIN).await;
        let page = admin.get("").await.expect(200);
        page.has("All is well.");
        page.has("1 completed, 0 given up in the last 24 hours");
        page.has("<svg role=\"img\"");
        world.end().await;
    }

    async fn what_failed_is_named_and_led_to(world: World) {
        lived_in(&world).await;
        let admin = Browser::signed_in(&world, ADMIN).await;
        let page = admin.get("").await.expect(200);
        page.lacks("All is well.");
        page.has("href=\"/console/orgs/acme/bindings/broken\"");
        page.has("1 sync was given up within a day");
        let bindings = admin.get("/bindings?status=failed").await.expect(200);
        bindings.has("/console/orgs/acme/bindings/broken");
        bindings.lacks("/console/orgs/acme/bindings/site");
        world.end().await;
    }

    async fn what_waits_for_too_long_is_told_of(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.push(repo, &[("a", "2")]).await;
        let admin = Browser::signed_in(&world, ADMIN).await;
        admin.get("").await.expect(200).has("All is well.");
        world.clock.advance(Duration::from_secs(120));
        let page = admin.get("").await.expect(200);
        page.has("A delivery is not processed");
        page.lacks("A job is due");
        world.workers.inbox.drain().await.expect("the inbox works");
        world.clock.advance(Duration::from_secs(120));
        let page = admin.get("").await.expect(200);
        page.has("A job is due");
        page.lacks("A delivery is not processed");
        let own = visitor(&world, Some("acme"), "viewer").await;
        own.get("").await.expect(200).lacks("A job is due");
        world.settle().await;
        admin.get("").await.expect(200).has("All is well.");
        world.end().await;
    }

    async fn how_long_a_push_took_is_told(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let admin = Browser::signed_in(&world, ADMIN).await;
        admin.get("").await.expect(200).has("no push within a day");
        world.push(repo, &[("a", "2")]).await;
        world.clock.advance(Duration::from_secs(7));
        world.settle().await;
        let page = admin.get("").await.expect(200);
        page.has("of the last 1 within a day");
        page.has(">7.0 s</span>");
        world.end().await;
    }

    async fn a_sweep_that_is_overdue_is_told_of(world: World) {
        world.heal().await;
        let admin = Browser::signed_in(&world, ADMIN).await;
        admin.get("").await.expect(200).has("All is well.");
        world.clock.advance(Duration::from_secs(3_600));
        admin.get("").await.expect(200).has("The delivery sweep is overdue");
        world.heal().await;
        admin.get("").await.expect(200).has("All is well.");
        world.end().await;
    }
}
