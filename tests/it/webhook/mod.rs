//! The receiving leg, by real HTTP: what is taken, what is refused and how, and what is kept of it.

mod apps;
mod comparing;
mod framing;
mod identity;
mod load;
mod log;
mod meaning;
mod payload;
mod poison;
pub mod post;
mod proof;
mod smuggling;
mod storage;
mod strangers;
pub mod wire;

use bindery::inbox::{self, Delivery, DeliveryFilter};

use crate::support::{Either, World};
use post::Post;

/// What the ledger has under a GUID, the newest first.
async fn ledger(world: &World, guid: &str) -> Vec<Delivery> {
    let filter = DeliveryFilter {
        guid: Some(guid.to_owned()),
        ..DeliveryFilter::default()
    };
    let mut conn = world.context.db.read().await.expect("a connection");
    inbox::list(&filter, 100, &mut conn)
        .await
        .expect("the ledger")
}

/// The only row of a delivery.
async fn row(world: &World, post: &Post) -> Delivery {
    let mut rows = ledger(world, post.guid()).await;
    assert_eq!(rows.len(), 1, "rows of {}", post.guid());
    rows.remove(0)
}

/// How it ended, and why.
async fn fate(world: &World, post: &Post) -> (String, String) {
    world.settle().await;
    let row = row(world, post).await;
    (row.state.to_string(), row.reason.unwrap_or_default())
}

/// 401 in the same words as always; nothing is written and nobody is asked.
async fn assert_unproven(world: &World, post: &Post) {
    let before = (
        world.count("deliveries").await,
        world.count("delivery_bodies WHERE part = 0").await,
    );
    world.github.take_requests();
    let answer = post.send(world).await.expect(401);
    let usual = Post::push().unsigned().send(world).await.expect(401);
    assert_eq!(answer.body, usual.body);
    assert_eq!(
        answer.json()["type"],
        "/problems/unproven-delivery",
        "{answer:?}"
    );
    let after = (
        world.count("deliveries").await,
        world.count("delivery_bodies WHERE part = 0").await,
    );
    assert_eq!(after, before, "rows");
    assert!(world.github.take_requests().is_empty());
}
