//! What a push would do is said by the rule that decides it, and nothing is written.

use std::collections::BTreeSet;

use bindery::inbox;
use serde_json::json;

use super::here;
use crate::support::{World, stories};

const TABLES: [&str; 4] = ["deliveries", "delivery_decisions", "jobs", "audit_events"];

async fn counts(world: &World) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in TABLES {
        counts.push(world.count(table).await);
    }
    counts
}

/// The newest push, as GitHub sent it.
async fn payload(world: &World) -> Vec<u8> {
    let delivery = world.last_delivery("push").await;
    let mut conn = world.context.db.read().await.expect("a connection");
    let body = inbox::body(delivery.id, &mut conn).await;
    body.expect("the bodies").expect("a body")
}

stories! {
    async fn what_a_push_would_do_is_what_it_did(world: World) {
        let repo = world.repository("templates", &[("a", "1"), ("css/b", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.bind("css", "templates", json!({"root_path": "/css"})).await;
        world.bind("other", "templates", json!({"github_ref": "v2"})).await;
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        let told = world.decisions().await.into_iter();
        let told: BTreeSet<String> = told.map(|(_, reason)| reason).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("push.json");
        std::fs::write(&file, payload(&world).await).expect("a file");
        let file = file.display().to_string();
        let before = counts(&world).await;

        let answer = here(&world, &["simulate-push", "-f", &file, "-o", "json"]).await.expect(0).json();
        assert_eq!(answer["repository"], "octo/templates");
        let bindings = answer["bindings"].as_array().expect("a list").iter();
        let said = |key: &'static str| bindings.clone().map(move |one| one[key].as_str().expect("text"));
        assert_eq!(said("reason").map(ToOwned::to_owned).collect::<BTreeSet<_>>(), told);
        let expected = [("site", "matched_by_id"), ("css", "outside_root_path"), ("other", "other_ref")];
        let expected = expected.map(|(name, reason)| (format!("/orgs/acme/bindings/{name}"), reason));
        let pairs = said("place").map(ToOwned::to_owned).zip(said("reason"));
        assert_eq!(pairs.collect::<Vec<_>>(), expected);
        assert_eq!(answer["state"], "processed");
        let text = here(&world, &["simulate-push", "-f", &file]).await.expect(0);
        text.says("binding    /orgs/acme/bindings/other: not concerned (other_ref)");
        assert_eq!(counts(&world).await, before, "nothing is written");
        world.end().await;
    }

    async fn what_is_no_push_is_refused(world: World) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("push.json");
        std::fs::write(&file, "{\"ref\": 7}").expect("a file");
        let file = file.display().to_string();
        here(&world, &["simulate-push", "-f", &file]).await.expect(1).says("is no payload of a push");
        here(&world, &["simulate-push", "-f", "/nowhere.json"]).await.expect(1).says("cannot be read");
        world.end().await;
    }
}
