//! What syncs ask of GitHub: requests and bytes, which no other work on the machine changes.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::database::Engine;
use crate::run::Bench;
use crate::world::{OWNER, World};

const FILES: usize = 500;
/// Of the root path.
const DEPTH: usize = 2;
const BINDINGS: usize = 20;
/// After so long without a request there will be none.
const REST: Duration = Duration::from_millis(500);
/// After so long without the first one, too.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Serialize)]
pub struct Asked {
    pub what: String,
    pub requests: usize,
    /// Of the answers' bodies.
    pub bytes: usize,
    pub at_most: usize,
}

pub async fn measure(bench: &Bench, engine: Engine) -> anyhow::Result<Vec<Asked>> {
    let database = bench.databases.make(engine).await?;
    let world = World::start(bench, &database).await?;
    let found = vec![
        first_sync(&world).await?,
        one_file(&world).await?,
        nothing(&world).await?,
        many_bindings(&world).await?,
    ];
    world.service.stop().await?;
    bench.databases.remove(database).await?;
    Ok(found)
}

/// With a token that something else has been asked with.
async fn first_sync(world: &World) -> anyhow::Result<Asked> {
    let small = world.github.create_repository(OWNER, "small").await;
    let pushed = world
        .github
        .push(small, "main", |change| change.write("README", "x"));
    let head = pushed.await.after.to_string();
    world.bind("small", "small", "/").await?;
    world.until_it_holds("small", &head).await?;
    let large = world.github.create_repository(OWNER, "large").await;
    let pushed = world.github.push(large, "main", |change| {
        (0..FILES).fold(change.write("README", "x"), |change, number| {
            let path = format!("a/b/folder-{}/{number}.txt", number % 20);
            change.write(path, format!("file {number}\n").repeat(100))
        })
    });
    let head = pushed.await.after.to_string();
    rest(world).await;
    world.bind("large", "large", "/a/b").await?;
    world.until_it_holds("large", &head).await?;
    let what = format!("first sync of {FILES} files at depth {DEPTH}");
    Ok(told(world, what, 7 + DEPTH).await)
}

async fn one_file(world: &World) -> anyhow::Result<Asked> {
    let large = world.github.repository_named(OWNER, "large");
    let large = large.ok_or_else(|| anyhow::anyhow!("the repository"))?;
    let pushed = world.github.push(large, "main", |change| {
        change.write("a/b/folder-3/3.txt", "changed")
    });
    let head = pushed.await.after.to_string();
    world.until_it_holds("large", &head).await?;
    let what = format!("one of {FILES} files changed");
    Ok(told(world, what, 4 + DEPTH).await)
}

async fn nothing(world: &World) -> anyhow::Result<Asked> {
    world.sync("large").await?;
    Ok(told(world, "nothing changed".to_owned(), 2).await)
}

async fn many_bindings(world: &World) -> anyhow::Result<Asked> {
    let head = world.github.repository_named(OWNER, "large");
    let head = head.map(|large| world.github.head(large, "main").to_string());
    let head = head.ok_or_else(|| anyhow::anyhow!("the repository"))?;
    let names: Vec<String> = (0..BINDINGS)
        .map(|number| format!("binding-{number}"))
        .collect();
    for (number, name) in names.iter().enumerate() {
        let root = format!("/a/b/folder-{number}");
        world.bind(name, "large", &root).await?;
        world.until_it_holds(name, &head).await?;
    }
    rest(world).await;
    for name in &names {
        world.sync(name).await?;
    }
    let what = format!("nothing changed, {BINDINGS} bindings of one ref");
    Ok(told(world, what, 3).await)
}

/// What was asked since the last rest.
async fn told(world: &World, what: String, at_most: usize) -> Asked {
    let begun = Instant::now();
    while world.github.requests().is_empty() && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let requests = rest(world).await;
    Asked {
        what,
        requests: requests.len(),
        bytes: requests.iter().map(|request| request.bytes).sum(),
        at_most,
    }
}

/// Waits until nothing is asked any more.
async fn rest(world: &World) -> Vec<bindery::simulator::Request> {
    let mut before = usize::MAX;
    loop {
        let now = world.github.requests().len();
        if now == before {
            return world.github.take_requests();
        }
        before = now;
        tokio::time::sleep(REST).await;
    }
}
