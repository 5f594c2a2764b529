//! How it is sent: types, encodings, lengths, time. Refused before the body is read where that can be.

use super::post::{Post, connect};
use super::{Either, assert_unproven, ledger, row};
use crate::support::{World, stories};

/// Exactly so many bytes of JSON.
fn padded(bytes: usize) -> Post {
    let frame = r#"{"pad":""}"#.len();
    Post::new(
        "padded",
        format!(r#"{{"pad":"{}"}}"#, "x".repeat(bytes - frame)),
    )
}

stories! {
    async fn w16_refuses_other_content_types(world: World) {
        for other in ["text/plain", "multipart/form-data; boundary=x", "application/jsonp", ""] {
            Post::push().with("Content-Type", other).send(&world).await.expect(415);
        }
        Post::push().without("Content-Type").send(&world).await.expect(415);
        let two = Post::push().and("Content-Type", "text/plain").send(&world).await.expect(415);
        assert_eq!(two.json()["type"], "/problems/not-a-delivery");
        world.end().await;
    }

    async fn w17_takes_a_content_type_as_http_writes_it(world: World) {
        for spelling in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json ;x=y"] {
            Post::push().with("Content-Type", spelling).send(&world).await.expect(202);
        }
        world.settle().await;
        world.end().await;
    }

    async fn w18_a_form_makes_the_same_job_as_json(world: World) {
        let repo = world.repository("templates", &[("a", "one")]).await;
        world.bind("site", "templates", serde_json::json!({})).await;
        world.github.send_forms(true);
        world.push(repo, &[("a", "two")]).await;
        world.settle().await;
        assert_eq!(world.files("site").await, [("a".into(), "two".into())].into());
        world.end().await;
    }

    async fn w18_refuses_forms_when_they_are_off(either: Either) {
        let world = either.with(&[("BINDERY_WEBHOOK_FORMS", "false")]).await;
        Post::push().form().send(&world).await.expect(415);
        Post::push().send(&world).await.expect(202);
        world.settle().await;
        world.end().await;
    }

    async fn w18_refuses_a_form_without_one_payload(world: World) {
        for body in ["", "x=1", "payload=%7B%7D&payload=%7B%7D", "payload=%ff", "Payload=%7B%7D"] {
            let form = Post::new("push", body).with("Content-Type", "application/x-www-form-urlencoded");
            form.send(&world).await.expect(400);
            assert_eq!(row(&world, &form).await.state.to_string(), "rejected", "{body}");
        }
        world.end().await;
    }

    async fn w21_decompresses_nothing(world: World) {
        for encoding in ["gzip", "br", "zstd", "deflate", "gzip, identity", "x"] {
            Post::push().with("Content-Encoding", encoding).send(&world).await.expect(415);
        }
        Post::push().with("Content-Encoding", "identity").send(&world).await.expect(202);
        world.settle().await;
        world.end().await;
    }

    async fn w23_refuses_an_empty_body(world: World) {
        let empty = Post::new("push", "");
        empty.send(&world).await.expect(400);
        world.end().await;
    }

    async fn w24_refuses_a_body_over_the_cap_before_it_is_sent(world: World) {
        let mut wire = connect(&world).await;
        let length = (26 << 20) + 1;
        wire.send(&Post::push().head(&format!("Content-Length: {length}"))).await;
        let answer = wire.answer().await.expect(413);
        assert_eq!(answer.json()["type"], "/problems/body-too-large");
        assert!(wire.is_closed().await);
        world.end().await;
    }

    async fn w25_stops_an_endless_body_at_the_cap(either: Either) {
        let world = either.with(&[("BINDERY_WEBHOOK_MAX_BODY", "1MiB")]).await;
        let mut wire = connect(&world).await;
        wire.send(&Post::push().head("Transfer-Encoding: chunked")).await;
        let chunk = [b"10000\r\n".as_slice(), &[b'['; 0x1_0000], b"\r\n"].concat();
        for _ in 0..17 {
            if wire.try_send(&chunk).await.is_err() {
                break;
            }
        }
        wire.answer().await.expect(413);
        assert!(wire.is_closed().await);
        world.end().await;
    }

    async fn w26_takes_a_push_of_25_mib(world: World) {
        let largest = padded(25 << 20);
        largest.send(&world).await.expect(202);
        assert_eq!(row(&world, &largest).await.body_size, 25 << 20);
        padded((25 << 20) + 1).send(&world).await.expect(413);
        let form = padded(25 << 20).form();
        form.send(&world).await.expect(202);
        world.settle().await;
        world.end().await;
    }

    async fn w26_proves_bodies_on_either_side_of_the_blocking_pools_threshold(world: World) {
        for size in [(256 << 10) - 1, 256 << 10] {
            padded(size).send(&world).await.expect(202);
            assert_unproven(&world, &padded(size).signature(format!("sha256={}", "0".repeat(64)))).await;
        }
        world.settle().await;
        world.end().await;
    }

    async fn w27_a_body_shorter_than_announced_is_not_waited_for(either: Either) {
        let world = either.with(&[("BINDERY_WEBHOOK_BODY_TIMEOUT", "300ms")]).await;
        let post = Post::push();
        let head = post.head(&format!("Content-Length: {}", post.body.len() + 10));
        let mut silent = connect(&world).await;
        silent.send(&[&head, &post.body[..]].concat()).await;
        silent.answer().await.expect(408);
        assert!(silent.is_closed().await);
        let mut gone = connect(&world).await;
        gone.send(&[&head, &post.body[..]].concat()).await;
        gone.finish().await;
        assert!(gone.next().await.is_none_or(|answer| answer.status == 400));
        assert!(ledger(&world, post.guid()).await.is_empty());
        world.end().await;
    }

    async fn w27_what_follows_a_body_longer_than_announced_is_no_request(world: World) {
        let (short, next) = (Post::push(), Post::push());
        let mut wire = connect(&world).await;
        let head = short.head(&format!("Content-Length: {}", short.body.len() - 3));
        wire.send(&[&head, &short.body[..], &next.bytes()].concat()).await;
        wire.answer().await.expect(401);
        assert!(wire.next().await.is_none_or(|answer| answer.status == 400));
        assert!(ledger(&world, next.guid()).await.is_empty());
        world.end().await;
    }

    async fn w27_two_ways_to_say_the_length_are_refused(world: World) {
        let post = Post::push();
        let length = post.body.len();
        for framing in [
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
            format!("Content-Length: {length}\r\nContent-Length: 5"),
            "Content-Length: -1".to_owned(),
            format!("Content-Length: +{length}"),
            "Content-Length: 99999999999999999999999".to_owned(),
        ] {
            let mut wire = connect(&world).await;
            wire.send(&[&post.head(&framing), &post.body[..]].concat()).await;
            wire.answer().await.expect(400);
        }
        assert!(ledger(&world, post.guid()).await.is_empty());
        world.end().await;
    }

    async fn w27_a_refused_body_in_chunks_is_not_read_on(world: World) {
        for (refused, status) in [
            (Post::push().unsigned(), 401),
            (Post::push().with("Content-Type", "text/plain"), 415),
        ] {
            let mut wire = connect(&world).await;
            wire.send(&refused.head("Transfer-Encoding: chunked")).await;
            wire.send(b"1\r\n{\r\n").await;
            wire.answer().await.expect(status);
            assert!(wire.is_closed().await);
        }
        world.end().await;
    }

    async fn a_delivery_in_chunks_is_taken_and_its_connection_kept(world: World) {
        let mut wire = connect(&world).await;
        for _ in 0..2 {
            let post = Post::push();
            wire.send(&post.head("Transfer-Encoding: chunked")).await;
            wire.send(format!("{:x}\r\n", post.body.len()).as_bytes()).await;
            wire.send(&post.body).await;
            wire.send(b"\r\n0\r\n\r\n").await;
            wire.answer().await.expect(202);
        }
        world.settle().await;
        world.end().await;
    }

    /// The body of a refused request may be anything, a request too.
    async fn w27_a_body_that_was_not_read_is_not_taken_for_a_request(world: World) {
        let hidden = Post::push();
        let mut carrier = Post::push();
        carrier.body = hidden.bytes();
        for refused in [
            carrier.clone().with("Content-Type", "text/plain"),
            carrier.clone().unsigned(),
            carrier.clone().with("X-GitHub-Hook-Installation-Target-ID", "1"),
        ] {
            let mut wire = connect(&world).await;
            wire.send(&refused.bytes()).await;
            let status = wire.answer().await.status;
            assert!([401, 415].contains(&status), "{status}");
            assert!(wire.next().await.is_none(), "a second answer");
        }
        assert!(ledger(&world, hidden.guid()).await.is_empty());
        world.end().await;
    }

    async fn a_connection_is_kept_for_the_next_delivery(world: World) {
        let mut wire = connect(&world).await;
        for (post, status) in [
            (Post::push(), 202),
            (Post::push().signature(format!("sha256={}", "0".repeat(64))), 401),
            (Post::new("push", "[]"), 400),
            (Post::push(), 202),
        ] {
            wire.send(&post.bytes()).await;
            wire.answer().await.expect(status);
        }
        world.settle().await;
        world.end().await;
    }

    async fn w29_closes_a_connection_whose_head_does_not_come(either: Either) {
        let world = either.with(&[("BINDERY_REQUEST_TIMEOUT", "300ms")]).await;
        let mut wire = connect(&world).await;
        wire.send(b"POST /webhooks/github HTTP/1.1\r\nX-Git").await;
        assert!(wire.next().await.is_none_or(|answer| answer.status == 408));
        assert!(wire.is_closed().await);
        world.end().await;
    }

    async fn w30_gives_a_slow_body_up_and_serves_others(either: Either) {
        let world = either.with(&[("BINDERY_WEBHOOK_BODY_TIMEOUT", "500ms")]).await;
        let (slow, quick) = (Post::push(), Post::push());
        let mut wire = connect(&world).await;
        wire.send(&slow.bytes()[..slow.bytes().len() - 100]).await;
        quick.send(&world).await.expect(202);
        let answer = wire.answer().await.expect(408);
        assert_eq!(answer.json()["type"], "/problems/body-timeout");
        assert!(wire.is_closed().await);
        assert!(ledger(&world, slow.guid()).await.is_empty());
        world.settle().await;
        world.end().await;
    }

    async fn w32_only_posts(world: World) {
        for method in ["GET", "PUT", "HEAD", "OPTIONS", "TRACE", "DELETE", "PATCH"] {
            let mut wire = connect(&world).await;
            let request = format!("{method} /webhooks/github HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            wire.send(request.as_bytes()).await;
            let answer = wire.answer().await.expect(405);
            assert_eq!(answer.header("allow"), Some("post"), "{method}");
        }
        world.end().await;
    }

    async fn w60_refuses_a_large_head(world: World) {
        let many = (0..200).fold(Post::push(), |post, n| post.with(&format!("X-Many-{n}"), "x"));
        let status = many.send(&world).await.status;
        assert!([400, 431].contains(&status), "{status}");
        for size in [64 << 10, 1 << 20] {
            Post::push().with("X-Large", "x".repeat(size)).send(&world).await.expect(431);
        }
        Post::push().with("X-Proxys", "x".repeat(16 << 10)).send(&world).await.expect(202);
        world.settle().await;
        world.end().await;
    }
}
