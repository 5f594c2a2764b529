//! What is in a proven body: one JSON object, or it is kept as rejected and never processed.

use serde_json::{Value, json};

use super::post::Post;
use super::{fate, row};
use crate::support::{World, stories};
use bindery::inbox;

/// 400, kept with its bytes, processed never; and a second one is no other.
async fn assert_rejected(world: &World, body: impl Into<Vec<u8>>) {
    let post = Post::new("push", body);
    let answer = post.send(world).await.expect(400);
    assert_eq!(answer.json()["type"], "/problems/unusable-delivery");
    post.send(world).await.expect(400);
    assert_eq!(
        fate(world, &post).await,
        ("rejected".into(), "not_a_json_object".into())
    );
    let row = row(world, &post).await;
    let mut conn = world.context.db.read().await.expect("a connection");
    let body = inbox::body(row.id, &mut conn).await.expect("a query");
    assert_eq!(body.as_deref(), Some(&post.body[..]));
    drop(conn);
    let path = format!("/deliveries/{}/replay", row.id.get());
    world.api.post(&path).await.expect(409);
}

stories! {
    async fn w39_keeps_what_is_signed_and_no_json_and_never_processes_it(world: World) {
        for body in ["not JSON", "[]", "1", "null", "\"{}\"", "{} {}", "{", "payload=%7B%7D"] {
            assert_rejected(&world, body).await;
        }
        world.end().await;
    }

    async fn w40_no_nesting_overflows_the_stack(world: World) {
        let deep = "[".repeat(100_000);
        assert_rejected(&world, deep.clone()).await;
        assert_rejected(&world, format!(r#"{{"a":{deep}{}}}"#, "]".repeat(100_000))).await;
        assert_rejected(&world, r#"{"a":"#.repeat(100_000)).await;
        world.end().await;
    }

    async fn w41_wrong_types_are_kept_and_found_unusable(world: World) {
        for (field, value) in [
            ("/repository", json!([])),
            ("/ref", json!(5)),
            ("/commits", json!({})),
            ("/installation", json!("1")),
            ("/after", Value::Null),
            ("/before", json!("main")),
            ("/repository/id", json!("731904412")),
            ("/repository/id", json!(true)),
            ("/repository/id", json!(1.5)),
            ("/repository/id", json!(-1)),
            ("/repository/id", json!(9_223_372_036_854_775_808_u64)),
            ("/repository/owner", json!([[]])),
        ] {
            let post = Post::push_with(field, value);
            post.send(&world).await.expect(202);
            assert_eq!(fate(&world, &post).await, ("ignored".into(), "unprocessable".into()), "{field}");
            let detail = row(&world, &post).await.detail.expect("a detail");
            let named = field.trim_start_matches('/').replace('/', ".");
            assert!(detail.contains(&named), "{detail}");
        }
        world.end().await;
    }

    async fn w41_a_field_that_is_not_used_may_be_anything(world: World) {
        let post = Post::push_with("/repository/clone_url", json!({}));
        post.send(&world).await.expect(202);
        assert_eq!(fate(&world, &post).await.0, "ignored");
        assert_ne!(row(&world, &post).await.reason.as_deref(), Some("unprocessable"));
        world.end().await;
    }

    async fn w44_refuses_what_is_no_unicode(world: World) {
        let bodies: [&[u8]; 4] = [
            b"{\"ref\":\"\xff\"}",
            b"{\"ref\":\"\\ud800\"}",
            b"{\"\\udfff\":1}",
            b"{\"\xc0\xaf\":1}",
        ];
        for body in bodies {
            assert_rejected(&world, body).await;
        }
        world.end().await;
    }

    /// Neither database may choke on what JSON can hold.
    async fn w44_a_nul_within_a_text_is_no_failure_of_ours(world: World) {
        for field in ["/ref", "/repository/name", "/repository/owner/login", "/compare"] {
            let post = Post::push_with(field, json!("a\u{0}b"));
            post.send(&world).await.expect(202);
            assert_eq!(fate(&world, &post).await.0, "ignored", "{field}");
        }
        let unknown = Post::new("foo\u{1f4a5}", r#"{"action":"a\u0000b"}"#);
        unknown.send(&world).await.expect(202);
        assert_eq!(fate(&world, &unknown).await.1, "event_not_used");
        world.end().await;
    }
}
