//! What heals although nobody tells of it.

mod heads;
mod installations;
mod sweep;
mod timers;
mod together;

use std::time::Duration;

use bindery::github::ids::RepositoryId;
use serde_json::{Value, json};

use crate::support::{Either, World};

/// The interval of everything, as it is unless it is set.
const INTERVAL: Duration = Duration::from_secs(300);

/// Deliveries are GitHub's only way to tell: no poll.
async fn sweeping(either: Either) -> World {
    let world = either.with(&[("BINDERY_POLL_INTERVAL", "off")]).await;
    world.heal().await;
    world
}

/// What becomes no delivery at all can only be seen by looking: no sweep.
async fn polling(either: Either) -> World {
    let world = either.with(&[("BINDERY_SWEEP_INTERVAL", "off")]).await;
    world.heal().await;
    world
}

/// `site` on `octo/templates`, with one file `a`.
async fn bound(world: &World) -> RepositoryId {
    let repo = world.repository("templates", &[("a", "1")]).await;
    world.bind("site", "templates", json!({})).await;
    world.asked();
    repo
}

/// An interval later everything is due.
async fn an_interval_later(world: &World) {
    world.pass(INTERVAL).await;
    world.heal().await;
}

async fn syncs(world: &World) -> i64 {
    world.count("jobs WHERE kind = 'content_sync'").await
}

async fn access(world: &World) -> String {
    let binding = world.binding("site").await;
    binding["access"].as_str().expect("a word").to_owned()
}

/// What the repository of `site` is called now, as far as we know.
async fn name(world: &World) -> String {
    let repository = &world.binding("site").await["repository"];
    let part = |field: &str| repository[field].as_str().expect("a name").to_owned();
    format!("{}/{}", part("owner"), part("name"))
}

/// How a healing stands, as an operator sees it.
async fn state(world: &World, name: &str) -> Value {
    let all = world.api.get("/healing").await.expect(200).json();
    let all = all.as_array().expect("a list");
    let found = all.iter().find(|state| state["name"] == name);
    found.expect("it has run").clone()
}
