//! What is done here is done as by the API, and written down as that.

use super::{Browser, audited, lived_in, visitor};
use crate::support::{World, stories};

fn event(action: &str, place: String, status: i64) -> (String, String, i64) {
    (action.to_owned(), place, status)
}

/// As a page shows where something stands.
fn pill(state: &str) -> String {
    format!("\">{state}</span>")
}

stories! {
    async fn a_sync_is_asked_for_and_seen_to_finish(world: World) {
        lived_in(&world).await;
        let operator = visitor(&world, Some("acme"), "operator").await;
        let led = operator.press("/orgs/acme/bindings/site/sync").await.expect(303);
        let job = world.last_job().await;
        assert_eq!(led.location(), format!("/console/orgs/acme/bindings/site?asked={}", job.id));
        let path = led.location().trim_start_matches("/console").to_owned();
        let page = operator.get(&path).await.expect(200);
        page.has("You asked for a sync");
        page.has(&pill("available"));
        page.has("data-live-every=\"2\"");
        world.settle().await;
        let page = operator.get(&path).await.expect(200);
        page.has("You asked for a sync");
        page.lacks(&pill("available"));
        let expected = event("binding.sync", "/orgs/acme/bindings/site/sync".to_owned(), 202);
        assert_eq!(audited(&world).await.last(), Some(&expected));
        world.end().await;
    }

    async fn a_delivery_is_processed_again(world: World) {
        lived_in(&world).await;
        let delivery = world.last_delivery("push").await.id;
        let operator = visitor(&world, None, "operator").await;
        let page = format!("/deliveries/{delivery}");
        let led = operator.press(&format!("{page}/replay")).await.expect(303);
        assert_eq!(led.location(), format!("/console{page}"));
        operator.get(&page).await.expect(200).has(&pill("received"));
        world.settle().await;
        operator.get(&page).await.expect(200).has(&pill("processed"));
        let expected = event("delivery.replay", format!("{page}/replay"), 202);
        assert_eq!(audited(&world).await.last(), Some(&expected));
        world.end().await;
    }

    async fn a_job_is_done_again(world: World) {
        lived_in(&world).await;
        let jobs = world.jobs().await;
        let job = jobs.iter().find(|job| job.kind == "content_sync").expect("a sync");
        let operator = visitor(&world, Some("acme"), "operator").await;
        let led = operator.press(&format!("/jobs/{}/retry", job.id)).await.expect(303);
        let again = world.last_job().await;
        assert_eq!((again.target, again.kind.as_str()), (job.target, "content_sync"));
        assert_ne!(again.id, job.id);
        let page = led.location().trim_start_matches("/console").to_owned();
        operator.get(&page).await.expect(200);
        world.settle().await;
        let events = audited(&world).await;
        let last = events.last().expect("an event");
        assert_eq!((last.0.as_str(), &last.1), ("job.retry", &format!("/jobs/{}/retry", job.id)));
        world.end().await;
    }

    async fn a_job_that_waits_is_called_off(world: World) {
        lived_in(&world).await;
        let operator = visitor(&world, Some("acme"), "operator").await;
        operator.press("/orgs/acme/bindings/site/sync").await.expect(303);
        let job = world.last_job().await.id;
        let page = format!("/jobs/{job}");
        operator.press(&format!("{page}/cancel")).await.expect(303);
        operator.get(&page).await.expect(200).has(&pill("cancelled"));
        let again = operator.press(&format!("{page}/cancel")).await;
        assert_eq!(again.answer.status, 409, "it has ended already");
        let events = audited(&world).await;
        let last = events.last().expect("an event");
        assert_eq!((last.0.as_str(), &last.1), ("job.cancel", &format!("{page}/cancel")));
        world.end().await;
    }

    async fn an_operator_of_one_organisation_does_nothing_to_another(world: World) {
        lived_in(&world).await;
        world.api.put("/orgs/other", serde_json::json!({})).await.expect(201);
        let theirs: Browser = visitor(&world, Some("other"), "admin").await;
        let (delivery, job) = (world.last_delivery("push").await.id, world.last_job().await.id);
        let jobs = world.jobs().await.len();
        for button in [
            "/orgs/acme/bindings/site/sync".to_owned(),
            format!("/deliveries/{delivery}/replay"),
            format!("/jobs/{job}/retry"),
            format!("/jobs/{job}/cancel"),
        ] {
            theirs.press(&button).await.expect(404);
        }
        assert_eq!(world.jobs().await.len(), jobs);
        world.end().await;
    }
}
