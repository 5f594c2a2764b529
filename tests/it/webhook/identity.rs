//! Which delivery it is: headers that are looked at once the body is proven.

use super::post::Post;
use super::{assert_unproven, ledger, row};
use crate::support::{World, stories};

stories! {
    async fn w34_refuses_a_delivery_without_its_event(world: World) {
        let post = Post::push().without("X-GitHub-Event");
        let answer = post.send(&world).await.expect(400);
        assert!(answer.json()["detail"].as_str().expect("a text").contains("X-GitHub-Event"));
        Post::push().with("X-GitHub-Event", "").send(&world).await.expect(400);
        Post::push().and("X-GitHub-Event", "push").send(&world).await.expect(400);
        assert!(ledger(&world, post.guid()).await.is_empty());
        world.end().await;
    }

    async fn w35_refuses_a_delivery_without_its_guid(world: World) {
        let post = Post::push().without("X-GitHub-Delivery");
        let answer = post.send(&world).await.expect(400);
        assert!(answer.json()["detail"].as_str().expect("a text").contains("X-GitHub-Delivery"));
        Post::push().and("X-GitHub-Delivery", "another").send(&world).await.expect(400);
        world.end().await;
    }

    async fn w36_refuses_a_guid_that_is_none(world: World) {
        let long = "x".repeat(129);
        let huge = "x".repeat(4096);
        for bad in [b"".as_slice(), long.as_bytes(), huge.as_bytes(), b"a\tb", "a\u{85}b".as_bytes(), b"\xff\xfe"] {
            Post::push().with("X-GitHub-Delivery", bad).send(&world).await.expect(400);
        }
        world.end().await;
    }

    async fn w36_takes_any_other_guid_as_it_is(world: World) {
        let long = "ü".repeat(128);
        let unique = Post::push().guid().to_owned();
        for good in ["'; DROP TABLE deliveries; --", "%s%n{}$1", "💥 with spaces", &long, &unique] {
            let post = Post::push().with("X-GitHub-Delivery", good);
            assert_eq!(post.send(&world).await.expect(202).json()["delivery"], good);
            assert_eq!(row(&world, &post).await.guid, good);
            assert_eq!(post.send(&world).await.expect(202).json()["status"], "duplicate");
        }
        world.settle().await;
        world.end().await;
    }

    /// Of what nobody has proven, the server says nothing more.
    async fn an_unproven_delivery_is_not_told_what_else_it_lacks(world: World) {
        let post = Post::push().without("X-GitHub-Event").with("X-GitHub-Delivery", "");
        assert_unproven(&world, &post.unsigned()).await;
        world.end().await;
    }
}
