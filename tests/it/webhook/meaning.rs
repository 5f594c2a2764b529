//! Events that mean nothing to us, pings, and payloads that try to make us do something.

use bindery::github::ids::RepositoryId;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::post::Post;
use super::{fate, row};
use crate::support::{World, stories};

const PING: &str = include_str!("../../../fixtures/webhooks/ping.json");
const REMEMBERED: &str = "github_apps WHERE last_ping_at IS NOT NULL";

/// Every link in a payload leads there.
fn redirect(value: &mut Value, to: &str) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if field.is_string() && (name == "url" || name.ends_with("_url")) {
                    *field = json!(format!("{to}/{name}"));
                }
                redirect(field, to);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redirect(item, to)),
        _ => {}
    }
}

stories! {
    async fn w37_an_unknown_event_is_stored_and_ignored_with_its_reason(world: World) {
        let event = Post::new("foo_bar", r#"{"action":"quxed","repository":{"id":7}}"#);
        event.send(&world).await.expect(202);
        assert_eq!(fate(&world, &event).await, ("ignored".into(), "event_not_used".into()));
        let row = row(&world, &event).await;
        assert_eq!(row.action.as_deref(), Some("quxed"));
        assert_eq!(row.repository_github_id.map(RepositoryId::get), Some(7));
        world.end().await;
    }

    async fn w37_an_unknown_action_is_ignored(world: World) {
        let mut payload: Value = serde_json::from_str(include_str!("../../../fixtures/webhooks/repository_renamed.json")).unwrap();
        payload["action"] = json!("quxed");
        let event = Post::new("repository", payload.to_string());
        event.send(&world).await.expect(202);
        assert_eq!(fate(&world, &event).await.0, "ignored");
        world.end().await;
    }

    async fn w52_our_ping_is_answered_200_and_remembered(world: World) {
        assert_eq!(world.count(REMEMBERED).await, 0);
        let sent = world.github.ping().await.expect("a ping");
        assert_eq!(sent.status, Some(200), "{}", sent.body);
        world.settle().await;
        assert_eq!(world.count(REMEMBERED).await, 1);
        world.end().await;
    }

    async fn w52_a_ping_of_another_app_or_hook_is_stored_and_ignored(world: World) {
        let of_another_app = Post::new("ping", PING);
        let ours = PING.replace("991207", &crate::support::APP_ID.to_string());
        let of_another_hook = Post::new("ping", ours.clone());
        for ping in [of_another_app, of_another_hook] {
            ping.send(&world).await.expect(202);
            let ignored = ("ignored".into(), "ping_of_another_hook".into());
            assert_eq!(fate(&world, &ping).await, ignored);
        }
        let right = Post::new("ping", ours).with("X-GitHub-Hook-ID", "501773311");
        assert_eq!(world.count(REMEMBERED).await, 0);
        right.send(&world).await.expect(200);
        world.settle().await;
        world.end().await;
    }

    async fn w56_no_link_in_a_payload_is_followed(world: World) {
        let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = format!("http://{}", trap.local_addr().unwrap());
        let repo = world.repository("templates", &[("a", "one")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.hold_deliveries();
        let pushed = world.push(repo, &[("a", "two")]).await;
        let mut post = Post::of_github(&world, &pushed.delivery.unwrap());
        let mut payload: Value = serde_json::from_slice(&post.body).unwrap();
        redirect(&mut payload, &to);
        assert!(payload.to_string().matches(&to).count() > 10, "links to follow");
        post.body = payload.to_string().into_bytes();
        post.signed_with(crate::support::SECRET).send(&world).await.expect(202);
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "two");
        let called = tokio::time::timeout(std::time::Duration::ZERO, trap.accept()).await;
        assert!(called.is_err(), "a link was followed");
        world.end().await;
    }
}
