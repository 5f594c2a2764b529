//! What the log says of strangers: one line each, escaped and cut; never a body, never a secret.

use serde_json::{Value, json};

use super::fate;
use super::post::{Post, connect};
use crate::support::{SECRET, World, logs, stories};

/// The lines with `mark`, as the collector reads them.
fn lines(mark: &str) -> Vec<Value> {
    let parse = |line: String| serde_json::from_str(&line).expect("one line is one object");
    logs::lines_with(mark).into_iter().map(parse).collect()
}

fn mark() -> String {
    format!("{:016x}", rand::random::<u64>())
}

stories! {
    async fn w03_a_refusal_is_one_line_with_its_cause(world: World) {
        logs::listen();
        let post = Post::push().unsigned();
        post.send(&world).await.expect(401);
        let lines = lines(post.guid());
        assert_eq!(lines.len(), 1, "{lines:?}");
        let fields = &lines[0]["fields"];
        assert_eq!((&fields["status"], &fields["reason"]), (&json!(401), &json!("sig_missing")));
        assert_eq!(fields["event"], "push");
        world.end().await;
    }

    async fn w46_a_strangers_headers_are_escaped_and_cut(world: World) {
        logs::listen();
        let mark = mark();
        let guid = format!("{mark} %n {{}} ${{jndi:ldap://x}} é\u{202e} {}", "x".repeat(20_000));
        let post = Post::push().unsigned().with("X-GitHub-Delivery", guid).with("X-GitHub-Event", vec![b'\t', 0xff, b'x']);
        post.send(&world).await.expect(401);
        let lines = lines(&mark);
        assert_eq!(lines.len(), 1);
        let shown = lines[0]["fields"]["guid"].as_str().expect("a GUID");
        assert!(shown.is_ascii() && shown.len() < 300, "{shown}");
        assert!(lines[0].to_string().len() < 1000);
        world.end().await;
    }

    async fn w46_escapes_are_no_headers(world: World) {
        for bytes in [b"\x1b[31m".as_slice(), b"a\0b", b"a\x7fb"] {
            let answer = Post::push().with("X-GitHub-Delivery", bytes).send(&world).await;
            assert_eq!(answer.status, 400);
        }
        world.end().await;
    }

    async fn w46_what_a_payload_says_is_not_repeated_in_the_log(world: World) {
        logs::listen();
        let mark = mark();
        let odd = format!("{mark}\r\n\u{1b}[31m%n{{}}${{jndi:ldap://x}}{}", "x".repeat(65_536));
        for field in ["/ref", "/repository/owner/login", "/repository/name", "/commits/0/message"] {
            let post = Post::push_with(field, json!(odd));
            post.send(&world).await.expect(202);
            assert_eq!(fate(&world, &post).await.0, "ignored");
            assert!(!lines(post.guid()).is_empty(), "processing is logged");
        }
        assert_eq!(logs::lines_with(&mark), [""; 0]);
        world.end().await;
    }

    async fn w66_a_commits_message_is_not_logged(world: World) {
        logs::listen();
        let mark = mark();
        let secret = format!("-----BEGIN RSA PRIVATE KEY----- {mark} ghp_{mark}");
        Post::push_with("/commits/0/message", json!(secret)).send(&world).await.expect(202);
        Post::new("push", format!("{secret} is no JSON")).send(&world).await.expect(400);
        Post::push_with("/repository/id", json!(secret)).send(&world).await.expect(202);
        world.settle().await;
        assert_eq!(logs::lines_with(&mark), [""; 0]);
        assert_eq!(logs::lines_with(SECRET), [""; 0]);
        world.end().await;
    }

    async fn w59_a_flood_of_bad_signatures_is_sampled(world: World) {
        logs::listen();
        let post = Post::push().unsigned();
        let begun = std::time::Instant::now();
        let flood = (0..8).map(|_| async {
            for _ in 0..100 {
                let mut wire = connect(&world).await;
                wire.send(&post.bytes()).await;
                wire.answer().await.expect(401);
            }
        });
        futures_util::future::join_all(flood).await;
        // Each second that was begun has its hundred.
        let most = 100 * (begun.elapsed().as_secs() + 2);
        let lines = logs::lines_with(post.guid()).len();
        assert!(lines as u64 <= most, "{lines} lines");
        Post::push().send(&world).await.expect(202);
        world.settle().await;
        world.end().await;
    }
}
