//! When what is done unasked is due, and how an operator sees how it went.

use std::time::Duration;

use bindery::healing::Timer;
use bindery::housekeeping;
use bindery::queue::{self, Cause, Lane, NewJob};
use bindery::simulator::{Fault, Route};
use diesel_async::AsyncConnection;
use serde_json::json;

use super::{INTERVAL, an_interval_later, bound, state};
use crate::support::{Either, World, stories};

stories! {
    async fn on_start_everything_is_due_and_then_once_an_interval(world: World) {
        bound(&world).await;
        let tick = async |timer: &Timer| timer.tick(world.clock.now()).await.unwrap();
        assert_eq!(tick(&world.workers.timer).await, 2, "the sweep and the poll of installations");
        assert_eq!(tick(&world.workers.timer).await, 0);
        world.settle().await;
        world.clock.advance(INTERVAL - Duration::from_secs(100));
        world.heal().await;
        world.asked();
        world.heal().await;
        assert_eq!(world.asked(), []);
        // Another process begins: what happened while none ran is on its way to be found.
        assert_eq!(tick(&Timer::new(world.context.clone())).await, 2);
        world.settle().await;
        world.end().await;
    }

    async fn two_ticks_of_two_replicas_make_one_job(world: World) {
        bound(&world).await;
        let other = Timer::new(world.context.clone());
        world.heal().await;
        other.tick(world.clock.now()).await.unwrap();
        world.settle().await;
        world.clock.advance(INTERVAL);
        let now = world.clock.now();
        let (one, two) = tokio::join!(world.workers.timer.tick(now), other.tick(now));
        assert_eq!(one.unwrap() + two.unwrap(), 3, "each of the three is asked for by one of them");
        for kind in ["delivery_sweep", "head_poll", "installation_poll"] {
            let waiting = format!("jobs WHERE kind = '{kind}' AND finalized_at IS NULL");
            assert_eq!(world.count(&waiting).await, 1, "{kind}");
        }
        world.settle().await;
        world.end().await;
    }

    async fn an_operator_sees_when_each_ran_and_what_it_found(world: World) {
        let repo = bound(&world).await;
        world.heal().await;
        world.github.lose_next(1);
        world.push(repo, &[("a", "2")]).await;
        an_interval_later(&world).await;
        let now = world.clock.now();
        for name in ["delivery_sweep", "head_poll", "installation_poll"] {
            let state = state(&world, name).await;
            assert_eq!(state["started_at"], json!(now), "{name}");
            assert_eq!(state["finished_at"], json!(now), "{name}");
            assert!(state["due_at"].as_str().unwrap() > state["finished_at"].as_str().unwrap());
            assert_eq!(state["error"], json!(null));
            assert_eq!(state["github_app_id"], crate::support::APP_ID);
        }
        assert_eq!(state(&world, "delivery_sweep").await["result"]["healed"], 1);
        assert_eq!(state(&world, "head_poll").await["account"], "octo");
        let metrics = String::from_utf8(world.api.get("/metrics").await.expect(200).bytes).unwrap();
        assert!(metrics.contains("bindery_healed_total{by=\"delivery_sweep\"}"));
        for name in ["delivery_sweep", "head_poll", "installation_poll"] {
            let success = format!("bindery_healing_last_success_timestamp_seconds{{name=\"{name}\"}} {}", now.timestamp());
            assert!(metrics.contains(&success), "{success}");
        }
        world.end().await;
    }

    async fn an_error_is_shown_until_it_is_over(world: World) {
        bound(&world).await;
        world.heal().await;
        world.github.fail(Fault::on(Route::AppInstallations).status(502));
        an_interval_later(&world).await;
        let failed = state(&world, "installation_poll").await;
        assert!(failed["error"].as_str().unwrap().contains("GitHub"));
        assert!(!failed["result"].is_null(), "what was found before stays");
        let metrics = String::from_utf8(world.api.get("/metrics").await.expect(200).bytes).unwrap();
        let before = world.clock.now() - INTERVAL;
        let success = format!("seconds{{name=\"installation_poll\"}} {}\n", before.timestamp());
        assert!(metrics.contains(&success), "{metrics}");
        world.github.clear_faults();
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(state(&world, "installation_poll").await["error"], json!(null));
        world.end().await;
    }

    async fn runs_that_went_well_are_kept_for_an_hour(world: Either) {
        let world = world.with(&[]).await;
        bound(&world).await;
        let before = world.count("jobs").await;
        world.heal().await;
        let all = world.count("jobs").await;
        assert!(all > before + 2, "two runs, and a refresh that one asked for");
        world.clock.advance(Duration::from_secs(3599));
        housekeeping::once(&world.context).await.unwrap();
        assert_eq!(world.count("jobs").await, all);
        world.clock.advance(Duration::from_secs(2));
        housekeeping::once(&world.context).await.unwrap();
        assert_eq!(world.count("jobs").await, before);
        assert!(!state(&world, "delivery_sweep").await["result"].is_null());
        world.end().await;
    }

    async fn a_poll_that_another_process_asked_for_is_given_up_where_it_is_off(world: Either) {
        let off = [("BINDERY_SWEEP_INTERVAL", "off"), ("BINDERY_POLL_INTERVAL", "off")];
        let world = world.with(&off).await;
        bound(&world).await;
        let asked = NewJob {
            kind: "head_poll".into(),
            target: 1,
            lane: Lane::Bulk,
            cause: Cause::Timer { name: "head_poll".to_owned() },
            hint: None,
            organization_id: None,
            installation_id: None,
            max_attempts: 3,
        };
        let now = world.clock.now();
        let mut conn = world.context.db.write().await.unwrap();
        conn.transaction(async |conn| queue::enqueue(asked, now, conn).await).await.unwrap();
        drop(conn);
        world.settle().await;
        assert_eq!(world.asked(), []);
        assert_eq!(world.count("jobs WHERE kind = 'head_poll' AND state = 'cancelled'").await, 1);
        world.end().await;
    }

    async fn what_is_off_is_not_done(world: Either) {
        let off = [("BINDERY_SWEEP_INTERVAL", "off"), ("BINDERY_POLL_INTERVAL", "off")];
        let world = world.with(&off).await;
        bound(&world).await;
        world.heal().await;
        an_interval_later(&world).await;
        assert_eq!(world.asked(), []);
        world.end().await;
    }
}
