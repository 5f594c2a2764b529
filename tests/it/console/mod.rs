//! The console as a browser has it, without script: pages, forms, and a cookie.

mod browser;
mod doing;
mod overview;
mod pages;
mod script;
mod searching;
mod signing_in;
mod tenants;
mod unmeant;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::World;
use browser::Browser;

/// A token made through the API: its id, and itself.
async fn token(
    world: &World,
    label: &str,
    organization: Option<&str>,
    role: &str,
) -> (i64, String) {
    let body = json!({"label": label, "organization": organization, "role": role});
    let made = world
        .api
        .send(Method::POST, "/tokens", Some(body), &[])
        .await;
    let made = made.expect(201).json();
    let text = made["token"].as_str().expect("the token, this once");
    (made["id"].as_i64().expect("an id"), text.to_owned())
}

/// Somebody who is signed in with a new token.
async fn visitor(world: &World, organization: Option<&str>, role: &str) -> Browser {
    let (_, token) = token(world, role, organization, role).await;
    Browser::signed_in(world, &token).await
}

/// A binding that has synced, one that cannot, and all that came of it.
async fn lived_in(world: &World) {
    let repo = world
        .repository("templates", &[("a.txt", "hello"), ("b/c.txt", "deep")])
        .await;
    world.bind("site", "templates", json!({})).await;
    world
        .bind("broken", "templates", json!({"github_ref": "nowhere"}))
        .await;
    world.push(repo, &[("a.txt", "again")]).await;
    world.settle().await;
}

/// Every page there is for somebody who sees all, once a world is lived in.
async fn all_pages(world: &World) -> Vec<String> {
    let mut pages: Vec<String> = [
        "",
        "/bindings",
        "/bindings?status=failed&organization=acme&repository=octo%2Ftemplates",
        "/orgs/acme/bindings/site",
        "/orgs/acme/bindings/site/files",
        "/orgs/acme/bindings/site/files/b/c.txt",
        "/orgs/acme/bindings/broken",
        "/deliveries",
        "/deliveries?state=processed&event=push&guid=&repository=&sha=",
        "/jobs",
        "/jobs?state=completed&kind=content_sync&binding=1",
        "/repositories",
        "/installations",
        "/explain",
        "/explain?q=octo%2Ftemplates",
        "/explain?q=acme%2Fsite",
        "/audit",
        "/audit?action=binding.put&actor=configured_admin&since=2020-01-01T00:00:00Z",
    ]
    .map(ToOwned::to_owned)
    .into();
    for job in world.jobs().await {
        pages.push(format!("/jobs/{}", job.id));
    }
    let delivery = world.last_delivery("push").await;
    pages.push(format!("/deliveries/{}", delivery.id));
    pages.push(format!("/explain?q={}", delivery.guid));
    for row in 1..=20 {
        if world.count(&format!("repositories WHERE id = {row}")).await == 1 {
            pages.push(format!("/repositories/{row}"));
        }
    }
    pages
}

/// What was done and refused since the world began: action, place and status, the oldest first.
async fn audited(world: &World) -> Vec<(String, String, i64)> {
    let events = world.api.get("/audit?limit=100").await.expect(200).json();
    let text = |event: &Value, field: &str| event[field].as_str().expect(field).to_owned();
    let line = |event: &Value| {
        let status = event["status"].as_i64().expect("a status");
        (text(event, "action"), text(event, "place"), status)
    };
    events
        .as_array()
        .expect("a list")
        .iter()
        .rev()
        .map(line)
        .collect()
}
