//! Who signed it: everything unproven is one answer, and leaves no trace.

use super::post::Post;
use super::{Either, assert_unproven, fate, row};
use crate::support::{SECRET, World, config, stories};
use bindery::inbox::SignedBy;

const OTHER_SECRET: &str = "another secret, of the year before";

stories! {
    async fn w02_a_push_is_stored_before_it_is_answered(world: World) {
        let post = Post::push();
        let answer = post.send(&world).await.expect(202);
        let receipt = serde_json::json!({"delivery": post.guid(), "status": "received"});
        assert_eq!(answer.json(), receipt);
        assert_eq!(row(&world, &post).await.state.to_string(), "received");
        world.settle().await;
        world.end().await;
    }

    async fn w03_refuses_what_is_not_signed(world: World) {
        assert_unproven(&world, &Post::push().unsigned()).await;
        world.end().await;
    }

    async fn w04_refuses_an_empty_digest(world: World) {
        for value in ["sha256=", "sha256", ""] {
            assert_unproven(&world, &Post::push().signature(value)).await;
        }
        world.end().await;
    }

    async fn w05_refuses_a_digest_that_is_cut(world: World) {
        for length in [2, 31, 62, 63] {
            let post = Post::push();
            let cut = format!("sha256={}", &post.digest()[..length]);
            assert_unproven(&world, &post.signature(cut)).await;
        }
        world.end().await;
    }

    async fn w06_refuses_another_spelling_of_a_good_digest(world: World) {
        let post = Post::push();
        let digest = post.digest().to_owned();
        for value in [
            digest.clone(),
            format!("SHA256={digest}"),
            format!("sha256={}", digest.to_uppercase()),
            format!("sha256={digest}00"),
            format!("sha256={digest},sha256={digest}"),
            format!("sha512={digest}"),
        ] {
            assert_unproven(&world, &post.clone().signature(value)).await;
        }
        world.end().await;
    }

    async fn w07_refuses_what_is_not_hexadecimal(world: World) {
        let garbage = [
            b"sha256=".iter().chain(&[b'z'; 64]).copied().collect(),
            b"sha256=".iter().chain(&[0xff; 64]).copied().collect(),
            "sha256=é".as_bytes().to_vec(),
            vec![0x80],
        ];
        for value in garbage {
            assert_unproven(&world, &Post::push().signature(value)).await;
        }
        world.end().await;
    }

    async fn w08_refuses_two_signatures_although_one_is_good(world: World) {
        let post = Post::push();
        let wrong = format!("sha256={}", "0".repeat(64));
        assert_unproven(&world, &post.clone().and("X-Hub-Signature-256", wrong)).await;
        let same = post.header("X-Hub-Signature-256").to_owned();
        assert_unproven(&world, &post.and("X-Hub-Signature-256", same)).await;
        world.end().await;
    }

    async fn w09_does_not_go_down_to_sha1(world: World) {
        let repo = world.repository("templates", &[("a", "one")]).await;
        world.github.hold_deliveries();
        let pushed = world.push(repo, &[("a", "two")]).await;
        let real = Post::of_github(&world, &pushed.delivery.expect("a push")).with_new_guid();
        assert!(real.header("X-Hub-Signature").starts_with("sha1="), "a valid one");
        assert_unproven(&world, &real.unsigned()).await;
        world.end().await;
    }

    async fn w10_a_wrong_sha1_beside_a_good_signature_is_not_looked_at(world: World) {
        let post = Post::push().with("X-Hub-Signature", format!("sha1={}", "0".repeat(40)));
        post.send(&world).await.expect(202);
        world.settle().await;
        world.end().await;
    }

    async fn w12_refuses_a_strangers_secret(world: World) {
        assert_unproven(&world, &Post::push().signed_with(OTHER_SECRET)).await;
        let mut changed = Post::push();
        changed.body.push(b' ');
        assert_unproven(&world, &changed).await;
        world.end().await;
    }

    async fn w13_takes_the_previous_secret_while_it_is_configured(either: Either) {
        let settings = [("GITHUB_WEBHOOK_SECRET_PREVIOUS", OTHER_SECRET)];
        let world = either.with(&settings).await;
        let (old, new) = (Post::push().signed_with(OTHER_SECRET), Post::push());
        old.send(&world).await.expect(202);
        new.send(&world).await.expect(202);
        assert_eq!(row(&world, &old).await.signed_by, Some(SignedBy::Previous));
        assert_eq!(row(&world, &new).await.signed_by, Some(SignedBy::Current));
        world.settle().await;
        world.end().await;
    }

    async fn w13_refuses_the_previous_secret_once_it_is_taken_out(world: World) {
        assert_unproven(&world, &Post::push().signed_with(OTHER_SECRET)).await;
        world.end().await;
    }

    async fn f30_no_delivery_is_refused_while_the_secret_is_rotated(either: Either) {
        let settings = [
            ("GITHUB_WEBHOOK_SECRET", OTHER_SECRET),
            ("GITHUB_WEBHOOK_SECRET_PREVIOUS", SECRET),
        ];
        let world = either.with(&settings).await;
        let repo = world.repository("templates", &[("a", "one")]).await;
        world.github.hold_deliveries();
        world.push(repo, &[("a", "two")]).await;
        world.github.set_webhook_secret(OTHER_SECRET);
        world.push(repo, &[("a", "three")]).await;
        let sent = world.github.release_deliveries().await;
        assert_eq!(sent.iter().map(|sent| sent.status).collect::<Vec<_>>(), [Some(202); 2]);
        world.settle().await;
        world.end().await;
    }

    async fn w14_refuses_what_was_signed_with_an_empty_key(world: World) {
        let by_nobody = "sha256=2bbcfa9524f3218c7a34b30e6936f8b1a4516cb097f1a85a1c7d98b5977ec769";
        assert_unproven(&world, &Post::new("push", "Hello, World!").signature(by_nobody)).await;
        world.end().await;
    }

    async fn a_delivery_that_is_ignored_is_ignored_with_its_reason(world: World) {
        let post = Post::push();
        post.send(&world).await.expect(202);
        assert_eq!(fate(&world, &post).await, ("ignored".into(), "no_binding".into()));
        world.end().await;
    }
}

#[test]
#[should_panic(expected = "at least 16 bytes")]
fn w14_a_weak_secret_does_not_start() {
    let weak = [("GITHUB_WEBHOOK_SECRET", "fifteen letters")];
    config("sqlite://bindery.db", "https://api.github.com", &weak);
}
