use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::github::ids::AppId;
use crate::github_app;
use crate::inbox::{Inbox, NewDelivery, Recorded, SignedBy};

/// A push as it was received; its id.
async fn received(world: &World, guid: &str, rejected: Option<&str>) -> i64 {
    let context = &world.api.context;
    let mut conn = world.api.write().await.expect("a connection");
    let app = AppId::new(3).expect("an id");
    let app = github_app::ensure("github.com", app, world.api.now(), &mut conn).await;
    drop(conn);
    let new = NewDelivery {
        app: app.expect("a row"),
        guid: guid.to_owned(),
        event: "push".to_owned(),
        headers: BTreeMap::from([("x-github-event".to_owned(), "push".to_owned())]),
        signed_by: Some(SignedBy::Current),
        sent_at: None,
        body: b"{}".to_vec(),
        rejected: rejected.map(ToOwned::to_owned),
    };
    let inbox = Inbox::new(context.db.clone(), context.clock.clone());
    let recorded = inbox.record(new).await.expect("a record");
    assert_eq!(recorded, Recorded::Received, "{guid} was there");
    let rows = world.get(&format!("/deliveries?guid={guid}")).await.json();
    rows[0]["id"].as_i64().expect("an id")
}

#[actix_web::test]
async fn deliveries_are_found_by_what_people_know_of_them() {
    let world = World::new().await;
    received(&world, "first", None).await;
    let id = received(&world, "second", Some("not JSON")).await;
    let guids = async |query: &str| {
        let rows = world.get(&format!("/deliveries?{query}")).await.json();
        let rows = rows.as_array().expect("a list").clone();
        rows.iter()
            .map(|row| row["guid"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(guids("").await, ["second", "first"]);
    assert_eq!(guids("state=rejected&event=push").await, ["second"]);
    assert_eq!(guids("guid=first").await, ["first"]);
    assert!(guids("repository=1").await.is_empty());
    assert!(guids("sha=abc").await.is_empty());
    let one = world.get(&format!("/deliveries/{id}")).await.json();
    assert_eq!(
        (&one["detail"], &one["decisions"]),
        (&json!("not JSON"), &json!([]))
    );
    assert_eq!(one["headers"], json!({"x-github-event": "push"}));
}

#[actix_web::test]
async fn a22_a_replay_is_idempotent() {
    let world = World::new().await;
    let id = received(&world, "first", None).await;
    let replay = format!("/deliveries/{id}/replay");
    let token = world.token(None, Role::Operator).await;
    for _ in 0..2 {
        let answer = world.send(Method::POST, &replay, &token).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["guid"].clone()),
            (202, json!("first"))
        );
        let url = answer.header("location");
        let seen = world
            .get(&url["http://bindery.example".len()..])
            .await
            .json();
        assert_eq!(
            (&seen["state"], &seen["attempts"]),
            (&json!("received"), &json!(0))
        );
    }
    let rejected = received(&world, "second", Some("not JSON")).await;
    let answer = world
        .send(
            Method::POST,
            &format!("/deliveries/{rejected}/replay"),
            &token,
        )
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.problem().as_str()),
        (409, "not-replayable")
    );
}
