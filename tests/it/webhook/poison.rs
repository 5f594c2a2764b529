//! Deliveries that cannot be processed: tried again, set aside, replayed; in nobody's way.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection as _;

use super::post::Post;
use super::{fate, row};
use crate::support::{World, stories};

/// Pushes cannot be processed without their bindings; other events can.
async fn rename(world: &World, from: &str, to: &str) {
    let mut conn = world.context.db.write().await.expect("a connection");
    let sql = format!("ALTER TABLE {from} RENAME TO {to}");
    conn.batch_execute(&sql).await.expect(&sql);
}

async fn replay(world: &World, post: &Post) {
    let id = row(world, post).await.id;
    let path = format!("/deliveries/{}/replay", id.get());
    world.api.post(&path).await.expect(202);
}

stories! {
    async fn i9_a_poison_delivery_is_tried_again_and_is_in_nobodys_way(world: World) {
        rename(&world, "bindings", "bindings_away").await;
        let (poison, other) = (Post::push(), Post::new("foo_bar", "{}"));
        poison.send(&world).await.expect(202);
        other.send(&world).await.expect(202);
        assert_eq!(fate(&world, &other).await.0, "ignored");
        let waiting = row(&world, &poison).await;
        assert_eq!((waiting.state.to_string(), waiting.attempts), ("received".into(), 1));
        assert!(waiting.scheduled_at > world.clock.now(), "it is put off");
        assert!(waiting.detail.is_some_and(|detail| detail.contains("bindings")));
        rename(&world, "bindings_away", "bindings").await;
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(fate(&world, &poison).await, ("ignored".into(), "no_binding".into()));
        world.end().await;
    }

    async fn i9_a_poison_delivery_ends_as_failed_and_can_be_replayed(world: World) {
        rename(&world, "bindings", "bindings_away").await;
        let poison = Post::push();
        poison.send(&world).await.expect(202);
        for _ in 0..10 {
            world.pass(Duration::from_secs(3600)).await;
        }
        assert_eq!(fate(&world, &poison).await, ("failed".into(), "processing_failed".into()));
        assert_eq!(row(&world, &poison).await.attempts, 5);
        rename(&world, "bindings_away", "bindings").await;
        replay(&world, &poison).await;
        assert_eq!(fate(&world, &poison).await, ("ignored".into(), "no_binding".into()));
        assert_eq!(row(&world, &poison).await.attempts, 0);
        world.end().await;
    }

    async fn f31_a_delivery_that_only_another_version_can_read_is_in_nobodys_way(world: World) {
        let (newer, other) = (Post::push(), Post::new("foo_bar", "{}"));
        newer.send(&world).await.expect(202);
        let headers = "UPDATE deliveries SET headers = ";
        world.tamper(&format!("{headers}'[\"application/json\"]'")).await;
        other.send(&world).await.expect(202);
        assert_eq!(fate(&world, &other).await.0, "ignored");
        let put_off = "deliveries WHERE state = 'received' AND attempts = 1 AND detail IS NOT NULL";
        assert_eq!(world.count(put_off).await, 1);
        world.tamper(&format!("{headers}'{{}}' WHERE state = 'received'")).await;
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(fate(&world, &newer).await, ("ignored".into(), "no_binding".into()));
        world.end().await;
    }

    async fn a_form_can_be_replayed(world: World) {
        let form = Post::push().form();
        form.send(&world).await.expect(202);
        for _ in 0..2 {
            assert_eq!(fate(&world, &form).await, ("ignored".into(), "no_binding".into()));
            replay(&world, &form).await;
        }
        world.settle().await;
        world.end().await;
    }
}
