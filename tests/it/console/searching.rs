//! One box that takes whatever one has at hand.

use serde_json::json;

use super::{Browser, lived_in, visitor};
use crate::support::{ADMIN, World, stories};

fn of(text: &str) -> String {
    let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    format!("/explain?q={text}")
}

stories! {
    async fn the_box_takes_a_guid_a_sha_a_name_a_place_and_a_job(world: World) {
        lived_in(&world).await;
        let delivery = world.last_delivery("push").await;
        let head = delivery.head_sha.clone().expect("a commit");
        let job = world.jobs().await.into_iter().find(|job| job.state.as_str() == "completed" && job.kind == "content_sync").expect("a sync");
        let admin = Browser::signed_in(&world, ADMIN).await;
        for (text, says) in [
            (delivery.guid.clone(), format!("the delivery {}", delivery.guid)),
            (head.clone(), format!("the commit {head} of")),
            (format!("octo/templates@{head}"), format!("the commit {head} of octo/templates")),
            ("octo/templates".to_owned(), "the binding /orgs/acme/bindings/site".to_owned()),
            ("OCTO/Templates".to_owned(), "the binding /orgs/acme/bindings/broken".to_owned()),
            ("acme/site".to_owned(), "the binding /orgs/acme/bindings/site".to_owned()),
            ("/orgs/acme/bindings/site".to_owned(), "the binding /orgs/acme/bindings/site".to_owned()),
            (format!("job {}", job.id), "the binding /orgs/acme/bindings/site".to_owned()),
        ] {
            let page = admin.get(&of(&text)).await.expect(200);
            page.has(&says);
            page.has("To do: ");
        }
        admin.get(&of("octo/nothing")).await.expect(200).has("Nothing is known of it.");
        admin.get(&of(&"0".repeat(39))).await.expect(200);
        admin.get(&of("what is this?")).await.expect(200).has("This is nothing that can be asked about.");
        world.end().await;
    }

    async fn a_delivery_that_produced_nothing_says_why(world: World) {
        lived_in(&world).await;
        let repo = world.repository("elsewhere", &[("a", "1")]).await;
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        let delivery = world.last_delivery("push").await;
        let admin = Browser::signed_in(&world, ADMIN).await;
        let page = admin.get(&format!("/deliveries/{}", delivery.id)).await.expect(200);
        page.has("No binding was considered.");
        let page = admin.get(&of(&delivery.guid)).await.expect(200);
        page.has("no binding</span>");
        world.end().await;
    }

    async fn one_organisation_is_told_of_a_sha_what_was_published_for_it(world: World) {
        lived_in(&world).await;
        world.api.put("/orgs/other", json!({})).await.expect(201);
        let head = world.last_delivery("push").await.head_sha.expect("a commit");
        let own = visitor(&world, Some("acme"), "viewer").await;
        own.get(&of(&head)).await.expect(200).has("the commit");
        let other = visitor(&world, Some("other"), "viewer").await;
        other.get(&of(&head)).await.expect(200).has("Nothing is known of it.");
        world.end().await;
    }
}
