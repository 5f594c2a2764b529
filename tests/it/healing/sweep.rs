//! GitHub's list of deliveries, less the ledger: what did not arrive is fetched.

use std::time::Duration;

use bindery::inbox::{self, Delivery, DeliveryFilter};
use bindery::simulator::{Fault, Guid, Route, Selection};
use diesel_async::SimpleAsyncConnection;
use serde_json::json;

use super::{INTERVAL, access, an_interval_later, bound, name, state, sweeping, syncs};
use crate::support::{Either, World, stories};

const HOUR: Duration = Duration::from_secs(3600);

/// What the ledger has of a delivery.
async fn recorded(world: &World, guid: &Guid) -> Option<Delivery> {
    let filter = DeliveryFilter {
        guid: Some(guid.to_string()),
        ..DeliveryFilter::default()
    };
    let mut conn = world.context.db.read().await.unwrap();
    let found = inbox::list(&filter, 1, &mut conn).await.unwrap();
    found.into_iter().next()
}

async fn swept_until(world: &World) -> Option<chrono::DateTime<chrono::Utc>> {
    let app = world.context.apps.first().unwrap().row;
    let mut conn = world.context.db.read().await.unwrap();
    bindery::github_app::swept_until(app, &mut conn)
        .await
        .unwrap()
}

async fn sql(world: &World, sql: &str) {
    let mut conn = world.context.db.write().await.unwrap();
    conn.batch_execute(sql).await.expect(sql);
}

/// Where GitHub hands out an attempt: the last one at this delivery.
fn path_of(world: &World, guid: &Guid) -> String {
    let attempts = world.github.delivery(guid).attempts;
    format!("/app/hook/deliveries/{}", attempts.last().unwrap().id)
}

stories! {
    async fn f23_what_did_not_arrive_is_fetched_within_one_sweep(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        world.github.lose_all(true);
        let push = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "1");
        an_interval_later(&world).await;
        assert_eq!(world.files("site").await["a"], "2");
        let delivery = recorded(&world, &push.delivery.unwrap()).await.unwrap();
        assert_eq!((delivery.state.as_str(), delivery.signed_by), ("processed", None));
        assert_eq!(delivery.headers.0["content-type"], "application/json");
        assert_eq!(state(&world, "delivery_sweep").await["result"]["healed"], 1);
        world.end().await;
    }

    async fn a_push_that_is_fetched_is_as_old_as_github_says(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        let first = world.github.head(repo, "main");
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        // There and back again: of the way back nobody tells.
        world.github.force_push(repo, "main", first).await;
        world.settle().await;
        world.github.lose_all(true);
        let push = world.push(repo, &[("a", "3")]).await;
        world.github.lose_all(false);
        world.github.omit_all(true);
        world.github.force_push(repo, "main", first).await;
        world.pass(2 * INTERVAL).await;
        world.heal().await;
        let delivery = recorded(&world, &push.delivery.unwrap()).await.unwrap();
        assert_eq!(delivery.received_at - delivery.sent_at, chrono::TimeDelta::from_std(2 * INTERVAL).unwrap());
        // What the push began at is no lag of GitHub's any more.
        assert_eq!(world.count("jobs WHERE kind = 'content_sync' AND state = 'available'").await, 0);
        assert_eq!(world.files("site").await["a"], "1");
        world.end().await;
    }

    async fn f23_names_and_owners_converge_by_the_list_of_deliveries_alone(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        world.github.create_user("ann");
        let anns = world.github.install("ann", Selection::All).await;
        world.grant(anns).await;
        world.settle().await;
        world.github.lose_all(true);
        world.github.rename(repo, "themes").await;
        an_interval_later(&world).await;
        assert_eq!(name(&world).await, "octo/themes");
        world.github.transfer(repo, "ann").await;
        world.push(repo, &[("a", "2")]).await;
        an_interval_later(&world).await;
        assert_eq!(name(&world).await, "ann/themes");
        let binding = world.binding("site").await;
        assert_eq!((&binding["github_installation_id"], &binding["access"]), (&json!(anns), &json!("reachable")));
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn f23_access_lost_and_regained_converges_by_the_list_of_deliveries_alone(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        world.github.lose_all(true);
        world.github.suspend(world.installation).await;
        an_interval_later(&world).await;
        assert_eq!(access(&world).await, "suspended");
        world.github.unsuspend(world.installation).await;
        world.push(repo, &[("a", "2")]).await;
        an_interval_later(&world).await;
        assert_eq!((access(&world).await, &*world.files("site").await["a"]), ("reachable".into(), "2"));
        world.github.select(world.installation, Selection::Selected([].into())).await;
        an_interval_later(&world).await;
        assert_eq!(access(&world).await, "access_lost");
        world.github.add_to_selection(world.installation, repo).await;
        an_interval_later(&world).await;
        assert_eq!(access(&world).await, "reachable");
        world.github.uninstall(world.installation).await;
        an_interval_later(&world).await;
        assert_eq!(access(&world).await, "access_lost");
        let again = world.github.reinstall(world.installation).await;
        world.grant(again).await;
        an_interval_later(&world).await;
        assert_eq!(access(&world).await, "reachable");
        world.end().await;
    }

    async fn what_never_synced_is_told_of_its_repository_by_the_sweep(world: Either) {
        let world = sweeping(world).await;
        world.bind("site", "templates", json!({})).await;
        world.github.lose_all(true);
        let repo = world.repository("templates", &[("a", "1")]).await;
        an_interval_later(&world).await;
        assert_eq!(world.binding("site").await["github_repo_id"], repo.get());
        world.end().await;
    }

    async fn bodies_of_what_is_not_bound_are_never_fetched(world: Either) {
        let world = sweeping(world).await;
        bound(&world).await;
        let other = world.repository("other", &[("a", "1")]).await;
        world.asked();
        world.github.lose_all(true);
        let push = world.push(other, &[("a", "2")]).await;
        an_interval_later(&world).await;
        assert_eq!(world.asked(), [Route::HookDeliveries]);
        let seen = recorded(&world, &push.delivery.unwrap()).await.unwrap();
        assert_eq!((seen.state.as_str(), seen.reason.as_deref()), ("ignored", Some("not_bound")));
        assert_eq!((seen.repository_github_id, seen.body_size), (Some(other), 0));
        world.api.post(&format!("/deliveries/{}/replay", seen.id)).await.expect(409);
        an_interval_later(&world).await;
        assert_eq!(world.asked(), [Route::HookDeliveries], "and not looked at again");
        world.end().await;
    }

    async fn g32_whatever_is_odd_about_the_list_the_difference_is_complete(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        let other = world.github.create_repository("octo", "other").await;
        world.github.lose_all(true);
        let lost = world.push(repo, &[("a", "2")]).await.delivery.unwrap();
        // A redirect that counts as success, a redelivery that gets lost, too, and one that is held back.
        world.github.list_as(&lost, Some(302));
        world.github.redeliver(&lost).await;
        world.github.throttle_next(1);
        world.push(repo, &[("a", "3")]).await;
        world.github.deliver_all().await;
        for n in 0..110 {
            world.push(other, &[("n", &n.to_string())]).await;
        }
        world.pass(INTERVAL).await;
        // The cursor of the second page is refused, once.
        world.github.fail(Fault::on(Route::HookDeliveries).path_contains("cursor").times(1).status(422));
        world.heal().await;
        assert_eq!(world.files("site").await["a"], "3");
        let asked = world.asked();
        assert_eq!(asked.iter().filter(|route| **route == Route::HookDelivery).count(), 2, "one for each GUID");
        assert_eq!(asked.iter().filter(|route| **route == Route::HookDeliveries).count(), 4, "begun again");
        world.end().await;
    }

    async fn a_cursor_that_is_never_good_keeps_nothing_that_was_listed_from_being_fetched(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        let before = swept_until(&world).await;
        world.clock.advance(HOUR);
        world.github.lose_all(true);
        for n in 0..101 {
            world.push(repo, &[("n", &n.to_string())]).await;
        }
        world.pass(INTERVAL).await;
        world.github.fail(Fault::on(Route::HookDeliveries).path_contains("cursor").status(400));
        world.asked();
        world.heal().await;
        let asked = world.asked();
        let listings = asked.iter().filter(|route| **route == Route::HookDeliveries);
        assert_eq!(listings.count(), 6, "three times two pages");
        assert_eq!(world.files("site").await["n"], "100");
        assert_eq!(state(&world, "delivery_sweep").await["result"]["healed"], 100);
        let error = state(&world, "delivery_sweep").await["error"].clone();
        assert!(error.as_str().unwrap().starts_with("GitHub's list was cut short"));
        assert_eq!(swept_until(&world).await, before);
        world.github.clear_faults();
        an_interval_later(&world).await;
        assert_eq!(state(&world, "delivery_sweep").await["result"]["healed"], 1, "the oldest");
        assert!(swept_until(&world).await > before);
        world.end().await;
    }

    async fn what_is_listed_and_cannot_be_read_is_never_passed_by(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        let before = swept_until(&world).await;
        world.clock.advance(HOUR);
        world.github.lose_all(true);
        world.push(repo, &[("a", "2")]).await;
        world.github.fail(Fault::on(Route::HookDeliveries).replace(r#"[{"id": "?"}]"#));
        an_interval_later(&world).await;
        let error = state(&world, "delivery_sweep").await["error"].clone();
        assert_eq!(error, "1 listed deliveries could not be read");
        assert_eq!(swept_until(&world).await, before);
        world.github.clear_faults();
        an_interval_later(&world).await;
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn g34_nothing_depends_on_a_redelivery(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        world.github.lose_all(true);
        let push = world.push(repo, &[("a", "2")]).await;
        world.github.redeliver(&push.delivery.unwrap()).await;
        an_interval_later(&world).await;
        assert_eq!(world.files("site").await["a"], "2");
        assert!(!world.asked().contains(&Route::Redelivery));
        world.end().await;
    }

    async fn f43_what_was_fetched_and_not_stored_is_fetched_again(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        let before = swept_until(&world).await;
        assert!(before.is_some());
        world.clock.advance(HOUR);
        world.github.lose_all(true);
        world.push(repo, &[("a", "2")]).await;
        sql(&world, "ALTER TABLE delivery_bodies RENAME TO away").await;
        world.pass(INTERVAL).await;
        world.heal().await;
        assert!(world.asked().contains(&Route::HookDelivery));
        assert_eq!(swept_until(&world).await, before, "the cursor has not moved past it");
        sql(&world, "ALTER TABLE away RENAME TO delivery_bodies").await;
        an_interval_later(&world).await;
        assert_eq!(world.files("site").await["a"], "2");
        assert!(swept_until(&world).await > before);
        world.end().await;
    }

    async fn one_that_cannot_be_fetched_is_in_nobodys_way_and_never_passed_by(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        let before = swept_until(&world).await;
        world.clock.advance(HOUR);
        world.github.lose_all(true);
        let mut pushes = Vec::new();
        for n in 2..8 {
            pushes.push(world.push(repo, &[("a", &n.to_string())]).await.delivery.unwrap());
        }
        for poison in &pushes[..4] {
            world.github.fail(Fault::on(Route::HookDelivery).path_contains(path_of(&world, poison)).status(502));
        }
        an_interval_later(&world).await;
        assert_eq!(world.files("site").await["a"], "7");
        assert!(recorded(&world, &pushes[0]).await.is_none());
        assert!(recorded(&world, &pushes[5]).await.is_some());
        assert_eq!(swept_until(&world).await, before);
        let state = state(&world, "delivery_sweep").await;
        assert!(state["error"].as_str().unwrap().starts_with("4 deliveries could not be fetched"));
        world.github.clear_faults();
        an_interval_later(&world).await;
        assert!(recorded(&world, &pushes[0]).await.is_some());
        assert!(swept_until(&world).await > before);
        world.end().await;
    }

    async fn one_that_github_lists_and_no_longer_has_is_seen(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        let before = swept_until(&world).await;
        world.clock.advance(HOUR);
        world.github.lose_all(true);
        let push = world.push(repo, &[("a", "2")]).await.delivery.unwrap();
        world.github.fail(Fault::on(Route::HookDelivery).status(404));
        an_interval_later(&world).await;
        assert!(recorded(&world, &push).await.is_none(), "it may not have it yet");
        assert_eq!(swept_until(&world).await, before);
        world.clock.advance(HOUR);
        world.heal().await;
        let seen = recorded(&world, &push).await.unwrap();
        assert_eq!(seen.reason.as_deref(), Some("not_kept_by_github"));
        assert!(swept_until(&world).await > before);
        world.end().await;
    }

    async fn an_outage_of_githubs_ends_the_sweep_until_it_is_over(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        world.github.lose_all(true);
        for n in 2..10 {
            world.push(repo, &[("a", &n.to_string())]).await;
        }
        world.pass(INTERVAL).await;
        world.asked();
        world.github.fail(Fault::on(Route::HookDeliveries).after(1).status(503));
        world.github.fail(Fault::on(Route::HookDelivery).status(503));
        world.heal().await;
        let fetches = world.asked().iter().filter(|route| **route == Route::HookDelivery).count();
        assert_eq!(fetches, 3, "then GitHub lists nothing, either");
        world.github.clear_faults();
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(world.files("site").await["a"], "9");
        world.end().await;
    }

    async fn what_arrives_after_it_was_fetched_is_a_duplicate(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        world.github.lose_next(1);
        let push = world.push(repo, &[("a", "2")]).await.delivery.unwrap();
        an_interval_later(&world).await;
        let before = syncs(&world).await;
        let sent = world.github.redeliver(&push).await;
        assert_eq!(sent.status, Some(202));
        assert!(sent.body.contains("duplicate"));
        world.settle().await;
        assert_eq!(syncs(&world).await, before);
        world.end().await;
    }

    async fn i3_three_days_are_swept_after_a_long_outage(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        world.github.lose_all(true);
        let push = world.push(repo, &[("a", "2")]).await.delivery.unwrap();
        world.clock.advance(HOUR * 71);
        world.heal().await;
        assert_eq!(world.files("site").await["a"], "2");
        assert!(recorded(&world, &push).await.is_some());
        world.end().await;
    }

    async fn the_next_sweep_lists_no_more_than_it_has_to(world: Either) {
        let world = sweeping(world).await;
        let repo = bound(&world).await;
        let any = world.github.deliveries().pop().unwrap().guid;
        for _ in 0..350 {
            world.github.list_as(&any, Some(202));
        }
        an_interval_later(&world).await;
        assert_eq!(world.asked(), [Route::HookDeliveries; 4]);
        world.clock.advance(HOUR);
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        world.heal().await;
        world.asked();
        an_interval_later(&world).await;
        assert_eq!(world.asked(), [Route::HookDeliveries; 2], "the second page has nothing new");
        world.end().await;
    }
}
