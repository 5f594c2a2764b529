//! What one sender may cost the others.

use super::post::{Post, connect};
use super::{Either, ledger};
use crate::support::{World, stories};

const KIB: usize = 1 << 10;

async fn with_room_for_one(either: Either, body_timeout: &str) -> World {
    let settings = [
        ("BINDERY_WEBHOOK_MAX_BODY", "1MiB"),
        ("BINDERY_WEBHOOK_BODY_MEMORY", "1MiB"),
        ("BINDERY_WEBHOOK_BODY_TIMEOUT", body_timeout),
    ];
    either.with(&settings).await
}

fn large() -> Post {
    Post::new("large", format!(r#"{{"pad":"{}"}}"#, "x".repeat(900 * KIB)))
}

stories! {
    async fn large_bodies_wait_for_each_other_and_small_ones_for_nobody(either: Either) {
        let world = with_room_for_one(either, "60s").await;
        let (slow, next) = (large(), large());
        let bytes = slow.bytes();
        let (begin, rest) = bytes.split_at(200 * KIB);
        let mut wire = connect(&world).await;
        wire.send(begin).await;
        Post::push().send(&world).await.expect(202);
        let mut waiting = Box::pin(next.send(&world));
        for _ in 0..10 {
            let small = Post::push();
            tokio::select! {
                biased;
                early = &mut waiting => panic!("it did not wait: {early:?}"),
                answer = small.send(&world) => answer.expect(202),
            };
        }
        wire.send(rest).await;
        wire.answer().await.expect(202);
        waiting.await.expect(202);
        world.settle().await;
        world.end().await;
    }

    async fn what_a_slow_body_held_is_free_when_it_is_given_up(either: Either) {
        let world = with_room_for_one(either, "500ms").await;
        let slow = large();
        let mut wire = connect(&world).await;
        wire.send(&slow.bytes()[..200 * KIB]).await;
        wire.answer().await.expect(408);
        large().send(&world).await.expect(202);
        assert!(ledger(&world, slow.guid()).await.is_empty());
        world.settle().await;
        world.end().await;
    }

    async fn an_announcement_alone_takes_no_room(either: Either) {
        let world = with_room_for_one(either, "5s").await;
        let mut announced = Vec::new();
        for _ in 0..20 {
            let mut wire = connect(&world).await;
            let post = large();
            wire.send(&post.head(&format!("Content-Length: {}", post.body.len()))).await;
            announced.push(wire);
        }
        let begun = std::time::Instant::now();
        large().send(&world).await.expect(202);
        assert!(begun.elapsed().as_secs() < 4, "it waited for the others");
        drop(announced);
        world.settle().await;
        world.end().await;
    }

    async fn twenty_large_bodies_at_once_are_all_taken(either: Either) {
        let world = with_room_for_one(either, "20s").await;
        let posts: Vec<Post> = (0..20).map(|_| large()).collect();
        let sent = futures_util::future::join_all(posts.iter().map(|post| post.send(&world))).await;
        for answer in sent {
            answer.expect(202);
        }
        world.settle().await;
        world.end().await;
    }
}
