//! Where one request ends and the next begins: what can be read in two ways is not read at all. A proxy in
//! front may have read it the other way, and have let a second request through within the first.

use super::ledger;
use super::post::{Post, connect};
use crate::support::{World, stories};

/// Sends a delivery so framed, with another one behind it: neither may be taken, and nothing may be
/// answered after the refusal.
async fn assert_refused(
    world: &World,
    what: &str,
    head: impl Fn(&Post) -> Vec<u8>,
    body: impl Fn(&Post) -> Vec<u8>,
) {
    let (outer, hidden) = (Post::push(), Post::push());
    let mut wire = connect(world).await;
    let bytes = [head(&outer), body(&outer), hidden.bytes()].concat();
    // It may hang up before all was sent.
    let _ = wire.try_send(&bytes).await;
    let _ = wire.try_finish().await;
    let mut statuses = Vec::new();
    while let Some(answer) = wire.next().await {
        statuses.push(answer.status);
    }
    assert!(
        matches!(statuses[..], [] | [400] | [408] | [413]),
        "{what}: {statuses:?}"
    );
    for post in [&outer, &hidden] {
        assert!(ledger(world, post.guid()).await.is_empty(), "{what}");
    }
}

fn plain(post: &Post) -> Vec<u8> {
    post.body.clone()
}

/// One chunk, and the end of all chunks.
fn chunked(post: &Post) -> Vec<u8> {
    [
        format!("{:x}\r\n", post.body.len()).as_bytes(),
        &post.body,
        b"\r\n0\r\n\r\n",
    ]
    .concat()
}

fn with_length(post: &Post) -> String {
    format!("Content-Length: {}", post.body.len())
}

/// A part of a request, as it goes over the wire.
type Writes = fn(&Post) -> Vec<u8>;

stories! {
    async fn w27_lengths_that_can_be_read_in_two_ways_are_refused(world: World) {
        let lengths: [fn(usize) -> String; 9] = [
            |n| format!("Content-Length: {n}\r\nContent-Length: 0"),
            |n| format!("Content-Length: 0\r\nContent-Length: {n}"),
            |n| format!("Content-Length: {n}, {n}"),
            |n| format!("Content-Length: {n}, 0"),
            |n| format!("Content-Length: 0x{n:x}"),
            |n| format!("Content-Length: {n}.0"),
            |n| format!("Content-Length: {n} 0"),
            |n| format!("Content-Length: {n}\u{b}"),
            |n| format!("Content-Length: 1844674407370955{n}"),
        ];
        for length in lengths {
            let what = length(7);
            assert_refused(&world, &what, |post| post.head(&length(post.body.len())), plain).await;
        }
        world.end().await;
    }

    async fn w27_a_length_and_chunks_together_are_refused(world: World) {
        for coding in ["chunked", "CHUNKED", " chunked", "chunked ", "\tchunked"] {
            let coding = format!("Transfer-Encoding:{coding}");
            assert_refused(&world, &coding, |post| post.head(&format!("{}\r\n{coding}", with_length(post))), plain).await;
            assert_refused(&world, &coding, |post| post.head(&format!("{coding}\r\n{}", with_length(post))), chunked).await;
        }
        world.end().await;
    }

    async fn w27_codings_that_not_everybody_knows_are_refused(world: World) {
        for coding in [
            "Transfer-Encoding: xchunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, gzip",
            "Transfer-Encoding: chunked, identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            "Transfer-Encoding: chunked;q=0", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding : chunked",
            "Transfer-Encoding\u{b}: chunked", "Transfer-Encoding: \u{b}chunked", "Transfer-Encoding:\u{1}chunked",
        ] {
            assert_refused(&world, coding, |post| post.head(coding), chunked).await;
        }
        world.end().await;
    }

    async fn w27_lines_that_go_on_in_the_next_are_refused(world: World) {
        for folded in ["X-Folded: a\r\n b", "X-Folded: a\r\n\tb", "X-Folded: a\n b", "Transfer-Encoding:\r\n chunked", " X-First: a"] {
            assert_refused(&world, folded, |post| post.head(&format!("{folded}\r\n{}", with_length(post))), plain).await;
        }
        for odd in ["X-Odd: a\0b", "X-Odd: a\rb", "X Odd: a", "X-Odd", ": a", "X-Odd\r: a"] {
            assert_refused(&world, odd, |post| post.head(&format!("{odd}\r\n{}", with_length(post))), plain).await;
        }
        world.end().await;
    }

    async fn w27_chunks_whose_sizes_are_none_are_refused(world: World) {
        for size in ["0x10", "-1", "+10", "g", "", " 10", "1 0", "10 ", "ffffffffffffffff", "fffffffffffffffff", "8000000000000000", "10\n", "1_0", "١"] {
            let body = |post: &Post| [size.as_bytes(), b"\r\n", &post.body, b"\r\n0\r\n\r\n"].concat();
            assert_refused(&world, size, |post| post.head("Transfer-Encoding: chunked"), body).await;
        }
        world.end().await;
    }

    async fn w27_chunks_that_do_not_end_where_they_say_are_refused(world: World) {
        let length = |post: &Post| post.body.len();
        let bodies: [(&str, Writes); 4] = [
            ("shorter", |post| [format!("{:x}\r\n", post.body.len() + 5).as_bytes(), &post.body, b"\r\n0\r\n\r\n"].concat()),
            ("longer", |post| [format!("{:x}\r\n", post.body.len() - 5).as_bytes(), &post.body, b"\r\n0\r\n\r\n"].concat()),
            ("without its end", |post| [format!("{:x}\r\n", post.body.len()).as_bytes(), &post.body, b"0\r\n\r\n"].concat()),
            ("a line in its extension", |post| [format!("{:x};a\nb\r\n", post.body.len()).as_bytes(), &post.body, b"\r\n0\r\n\r\n"].concat()),
        ];
        for (what, body) in bodies {
            assert!(length(&Post::push()) > 5);
            assert_refused(&world, what, |post| post.head("Transfer-Encoding: chunked"), body).await;
        }
        world.end().await;
    }

    async fn w27_an_old_protocol_has_no_chunks(world: World) {
        for version in ["HTTP/1.0", "HTTP/0.9", "HTTP/1.2", "HTTP/3.0", "http/1.1", "HTTP/1.1 HTTP/1.1"] {
            let head = |post: &Post| {
                let head = String::from_utf8(post.head("Transfer-Encoding: chunked")).expect("text");
                head.replacen("HTTP/1.1", version, 1).into_bytes()
            };
            assert_refused(&world, version, head, chunked).await;
        }
        world.end().await;
    }

    async fn w27_what_is_framed_plainly_is_taken_and_what_follows_it(world: World) {
        let framings: [(Writes, Writes); 2] = [
            (|post| post.head(&with_length(post)), plain),
            (|post| post.head("Transfer-Encoding: chunked"), chunked),
        ];
        for (head, body) in framings {
            let (first, second) = (Post::push(), Post::push());
            let mut wire = connect(&world).await;
            wire.send(&[head(&first), body(&first), second.bytes()].concat()).await;
            for post in [&first, &second] {
                wire.answer().await.expect(202);
                assert_eq!(ledger(&world, post.guid()).await.len(), 1);
            }
        }
        world.settle().await;
        world.end().await;
    }
}
