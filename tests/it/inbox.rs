//! Many deliveries at once: they share commits, and nobody pays for another.

use std::collections::BTreeMap;
use std::time::Duration;

use bindery::ids::AppRowId;
use bindery::inbox::{DeliveryFilter, Inbox, NewDelivery, NotRecorded, Recorded, SignedBy, body};
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Either, World, stories};

fn inbox(world: &World) -> Inbox {
    Inbox::new(world.context.db.clone(), world.context.clock.clone())
}

fn app(world: &World) -> AppRowId {
    world.context.apps.rows()[0]
}

fn delivery(app: AppRowId, guid: impl Into<String>, body: &[u8]) -> NewDelivery {
    NewDelivery {
        app,
        guid: guid.into(),
        event: "star".to_owned(),
        headers: BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]),
        signed_by: Some(SignedBy::Current),
        sent_at: None,
        body: body.to_vec(),
        rejected: None,
    }
}

/// Of some that compress and some that do not, in one part and in several.
fn bodies() -> Vec<Vec<u8>> {
    let noise = |length: usize| -> Vec<u8> { (0..length).map(|_| rand::random()).collect() };
    let mut all = vec![
        b"{}".to_vec(),
        br#"{"action": "created"}"#.repeat(400),
        noise(9_000),
        noise((1 << 20) + 1),
        b"x".repeat(3 << 20),
        b"y".repeat(1 << 20),
    ];
    all.extend((0..120).map(|number| format!(r#"{{"number": {number}}}"#).into_bytes()));
    all
}

stories! {
    async fn what_is_handed_in_at_once_shares_commits_and_comes_back_byte_for_byte(world: World) {
        let (inbox, app, bodies) = (inbox(&world), app(&world), bodies());
        let handed_in = bodies.iter().enumerate().map(|(number, body)| {
            inbox.record(delivery(app, format!("delivery {number}"), body))
        });
        for recorded in join_all(handed_in).await {
            assert_eq!(recorded.expect("recorded"), Recorded::Received);
        }
        let mut conn = world.context.db.read().await.expect("a connection");
        let filter = DeliveryFilter {
            event: Some("star".to_owned()),
            ..DeliveryFilter::default()
        };
        let rows = bindery::inbox::list(&filter, 1000, &mut conn).await.expect("rows");
        assert_eq!(rows.len(), bodies.len());
        for row in rows {
            let number: usize = row.guid.trim_start_matches("delivery ").parse().expect("a number");
            let stored = body(row.id, &mut conn).await.expect("a body");
            assert!(stored.as_ref() == Some(&bodies[number]), "the body of {}", row.guid);
        }
        drop(conn);
        if !world.context.db.is_sqlite() {
            let commits = world.count("(SELECT DISTINCT xmin::text FROM deliveries WHERE event = 'star') AS commits").await;
            assert!(commits <= 20, "{commits} commits");
        }
        let kept = world.count("delivery_bodies WHERE encoding = 'lz4'").await;
        assert!(kept >= 5, "{kept} parts are compressed");
        world.settle().await;
        world.end().await;
    }

    async fn one_guid_many_times_at_once_is_recorded_once(world: World) {
        let (inbox, app) = (inbox(&world), app(&world));
        let handed_in = (0..40).map(|number| inbox.record(delivery(app, format!("{}", number % 4), b"{}")));
        let all = join_all(handed_in).await;
        let received = all.iter().filter(|it| matches!(it, Ok(Recorded::Received))).count();
        let duplicates = all.iter().filter(|it| matches!(it, Ok(Recorded::Duplicate))).count();
        assert_eq!((received, duplicates), (4, 36));
        assert_eq!(world.count("deliveries WHERE event = 'star'").await, 4);
        world.settle().await;
        world.end().await;
    }

    async fn one_that_cannot_be_stored_keeps_no_other_from_it(world: World) {
        let (inbox, app) = (inbox(&world), app(&world));
        let handed_in = (0..60).map(|number| {
            // There is no such App.
            let app = if number % 20 == 7 { AppRowId::new(4711) } else { app };
            inbox.record(delivery(app, format!("{number}"), b"{}"))
        });
        let all = join_all(handed_in).await;
        for (number, recorded) in all.into_iter().enumerate() {
            if number % 20 == 7 {
                assert!(matches!(recorded, Err(NotRecorded::Database(_))), "{recorded:?}");
            } else {
                assert_eq!(recorded.expect("recorded"), Recorded::Received);
            }
        }
        assert_eq!(world.count("deliveries WHERE event = 'star'").await, 57);
        world.settle().await;
        world.end().await;
    }

    async fn a_store_that_is_busy_for_long_is_handed_no_more_than_it_has_room_for(world: Either) {
        let world = world.with(&[("BINDERY_DATABASE_POOL_SIZE", "2")]).await;
        let (inbox, app) = (inbox(&world), app(&world));
        // All of the connections that may write.
        let mut held = vec![world.context.db.write().await.expect("a connection")];
        if !world.context.db.is_sqlite() {
            held.push(world.context.db.write().await.expect("a connection"));
        }
        let handed_in = (0..6000).map(|number| inbox.record(delivery(app, format!("{number}"), b"{}")));
        let freed = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            drop(held);
        };
        let (all, ()) = tokio::join!(join_all(handed_in), freed);
        let refused = all.iter().filter(|it| matches!(it, Err(NotRecorded::Full))).count();
        let received = all.iter().filter(|it| matches!(it, Ok(Recorded::Received))).count();
        assert_eq!(received + refused, 6000);
        assert!(refused >= 6000 - 4096 - 4 * 256, "{refused}");
        assert_eq!(world.count("deliveries WHERE event = 'star'").await, i64::try_from(received).expect("a number"));
        world.discard().await;
    }

    async fn what_concerns_nothing_bound_is_settled_together_and_says_why(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let other = world.repository("another", &[("a", "1")]).await;
        for number in 0..30 {
            let text = number.to_string();
            world.push(other, &[("a", &text)]).await;
            if number % 10 == 0 {
                world.push(repo, &[("a", &text)]).await;
            }
        }
        world.settle().await;
        let ignored = world.count("deliveries WHERE event = 'push' AND reason = 'no_binding'").await;
        assert_eq!(ignored, 32, "the two first pushes, too");
        let about = "deliveries WHERE reason = 'no_binding' AND head_sha IS NOT NULL AND git_ref = 'refs/heads/main' \
            AND repository_github_id IS NOT NULL AND installation_github_id IS NOT NULL AND processed_at IS NOT NULL";
        assert_eq!(world.count(about).await, 32);
        assert_eq!(world.files("site").await["a"], "20");
        let decided = world.count("delivery_decisions WHERE verdict IN ('enqueued', 'joined')").await;
        assert!(decided >= 3, "{decided}");
        world.end().await;
    }
}
