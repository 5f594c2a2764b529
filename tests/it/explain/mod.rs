//! "Why did my push not arrive?": every reason that there is a code for, brought about through the whole
//! system, and named.

mod arrived;
mod command;
mod failed;
mod on_the_way;
mod passed_over;
mod tenants;
mod untold;

use std::collections::BTreeSet;
use std::time::Duration;

use bindery::explain::Code;
use bindery::github::ids::RepositoryId;
use bindery::simulator::Pushed;
use serde_json::{Value, json};

use crate::support::World;

/// `site` on `octo/templates`, with one file `a`: pushed so long ago that GitHub's API is of one mind about it.
async fn bound(world: &World) -> RepositoryId {
    let repo = world.repository("templates", &[("a", "1")]).await;
    world.bind("site", "templates", json!({})).await;
    world.clock.advance(Duration::from_secs(600));
    repo
}

/// A push to it that was looked into, and whose job has not been taken.
async fn on_its_way(world: &World, repo: RepositoryId) -> Pushed {
    let pushed = world.push(repo, &[("a", "2")]).await;
    world.workers.inbox.drain().await.expect("the inbox works");
    pushed
}

async fn ask(world: &World, query: &str) -> Value {
    world
        .api
        .get(&format!("/explain?{query}"))
        .await
        .expect(200)
        .json()
}

async fn verdict(world: &World, query: &str) -> String {
    let answer = ask(world, query).await;
    let verdict = &answer["verdict"];
    for words in ["says", "to_do"] {
        assert!(
            verdict[words]
                .as_str()
                .is_some_and(|words| words.ends_with('.')),
            "{verdict}"
        );
    }
    verdict["code"].as_str().expect("a code").to_owned()
}

fn by_guid(pushed: &Pushed) -> String {
    let guid = pushed.delivery.as_ref().expect("a delivery");
    format!("delivery={guid}")
}

fn by_commit(pushed: &Pushed) -> String {
    format!("repository=octo/templates&commit={}", pushed.after)
}

const SITE: &str = "binding=/orgs/acme/bindings/site";

/// What is answered to the push's GUID and to its commit: the same, in every story that asks for this.
async fn of_push(world: &World, pushed: &Pushed) -> String {
    let by_guid = verdict(world, &by_guid(pushed)).await;
    assert_eq!(verdict(world, &by_commit(pushed)).await, by_guid);
    by_guid
}

/// The steps of one kind.
fn steps(answer: &Value, code: &str) -> Vec<Value> {
    let steps = answer["steps"].as_array().expect("steps").iter();
    steps.filter(|step| step["code"] == code).cloned().collect()
}

/// Every story asserts its code as a text; so a code that no story tells is one that is nowhere here.
#[test]
fn every_code_is_told_by_a_story() {
    let stories = [
        include_str!("arrived.rs"),
        include_str!("command.rs"),
        include_str!("failed.rs"),
        include_str!("on_the_way.rs"),
        include_str!("passed_over.rs"),
        include_str!("untold.rs"),
    ];
    let is_told = |code: &&Code| {
        let asserted = format!("\"{code}\"");
        stories.iter().any(|story| story.contains(&asserted))
    };
    let untold: BTreeSet<&Code> = Code::ALL.iter().filter(|code| !is_told(code)).collect();
    assert!(untold.is_empty(), "no story tells {untold:?}");
}
