//! What a sync asks of GitHub: no more than what changed. With a cached token.

use std::time::Duration;

use bindery::clock::Clock;
use bindery::simulator::Route;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Engine, World, simulator, stories};

/// A repository of 500 files below `a/b`, and one beside.
async fn pushed(world: &World) -> bindery::github::ids::RepositoryId {
    let repo = world.github.create_repository("octo", "big").await;
    world
        .github
        .push(repo, "main", |change| {
            let change = change.write("README", "x");
            (0..500).fold(change, |change, n| {
                change.write(format!("a/b/dir{}/{n}.txt", n % 20), format!("file {n}"))
            })
        })
        .await;
    world.settle().await;
    world.asked();
    repo
}

/// The same, bound at depth two.
async fn bound(world: &World) -> bindery::github::ids::RepositoryId {
    let repo = pushed(world).await;
    let binding = world
        .bind("site", "big", json!({"root_path": "/a/b"}))
        .await;
    assert_eq!(binding["last_sync_status"], "succeeded");
    world.asked();
    repo
}

stories! {
    async fn a_first_sync_of_five_hundred_files_costs_six_and_the_depth(world: World) {
        pushed(&world).await;
        world.bind("site", "big", json!({"root_path": "/a/b"})).await;
        let asked = world.asked();
        let expected = [
            Route::RepositoryInstallation, Route::Repository, Route::Commit,
            Route::Tree, Route::Tree, Route::Tree, Route::Archive, Route::Codeload,
        ];
        assert_eq!(asked, expected);
        let files = world.files("site").await;
        assert_eq!((files.len(), files["dir19/499.txt"].as_str()), (500, "file 499"));
        world.end().await;
    }

    async fn twenty_bindings_of_one_ref_cost_two_when_nothing_changed(world: World) {
        bound(&world).await;
        for n in 0..20 {
            world.bind(&format!("b{n}"), "big", json!({"root_path": format!("/a/b/dir{n}")})).await;
        }
        world.asked();
        for n in 0..20 {
            world.clock.advance(Duration::from_millis(5));
            world.api.post(&format!("/orgs/acme/bindings/b{n}/sync")).await.expect(202);
        }
        world.pass(Duration::from_millis(5)).await;
        assert_eq!(world.asked(), [Route::Repository, Route::Commit]);
        for n in 0..20 {
            assert_eq!(world.files(&format!("b{n}")).await.len(), 25);
        }
        world.end().await;
    }

    async fn the_same_commit_costs_two_requests(world: World) {
        bound(&world).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(world.asked(), [Route::Repository, Route::Commit]);
        assert_eq!(world.last_job().await.result.unwrap().0["outcome"], "unchanged");
        world.end().await;
    }

    async fn other_paths_moved_costs_two_and_the_depth(world: World) {
        let repo = bound(&world).await;
        world.push(repo, &[("README", "y")]).await;
        // The payload proves that nothing below changed; a person asks all the same.
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(world.asked(), [Route::Repository, Route::Commit, Route::Tree, Route::Tree]);
        assert_eq!(world.binding("site").await["commit_sha"], world.github.head(repo, "main").to_string());
        world.end().await;
    }

    async fn one_file_of_five_hundred_costs_four_and_the_depth(world: World) {
        let repo = bound(&world).await;
        world.push(repo, &[("a/b/dir3/3.txt", "changed")]).await;
        world.settle().await;
        let asked = world.asked();
        assert_eq!(asked, [Route::Repository, Route::Commit, Route::Tree, Route::Tree, Route::Tree, Route::Blob]);
        assert_eq!(world.files("site").await["dir3/3.txt"], "changed");
        world.end().await;
    }

    async fn what_is_stored_is_never_downloaded_again(world: World) {
        let repo = bound(&world).await;
        world.push(repo, &[("a/b/copy.txt", "file 7"), ("a/b/dir3/3.txt", "file 8")]).await;
        world.settle().await;
        assert!(!world.asked().contains(&Route::Blob), "both are copies of stored files");
        world.bind("whole", "big", json!({})).await;
        let blobs = world.asked().into_iter().filter(|route| *route == Route::Blob).count();
        assert_eq!(blobs, 1, "only the README was not stored");
        world.end().await;
    }

    async fn one_resolution_serves_every_binding_of_the_ref(world: World) {
        let repo = world.repository("templates", &[("a/x", "1"), ("b/x", "1"), ("c/x", "1")]).await;
        for name in ["a", "b", "c"] {
            world.bind(name, "templates", json!({"root_path": name})).await;
        }
        world.asked();
        world.push(repo, &[("a/x", "2"), ("b/x", "2"), ("c/x", "2")]).await;
        world.workers.inbox.drain().await.unwrap();
        world.pass(Duration::from_millis(1)).await;
        let asked = world.asked();
        let count = |wanted| asked.iter().filter(|route| **route == wanted).count();
        assert_eq!((count(Route::Repository), count(Route::Commit), count(Route::Blob)), (1, 1, 1));
        for name in ["a", "b", "c"] {
            assert_eq!(world.files(name).await["x"], "2");
        }
        world.end().await;
    }

    async fn a_second_look_is_conditional(world: World) {
        bound(&world).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        let statuses: Vec<u16> = world.github.take_requests().iter().map(|request| request.status).collect();
        assert_eq!(statuses, [304, 304]);
        world.end().await;
    }

    async fn one_token_serves_an_installation(world: World) {
        world.repository("one", &[("x", "1")]).await;
        world.repository("two", &[("x", "1")]).await;
        world.bind("one", "one", json!({})).await;
        world.bind("two", "two", json!({})).await;
        assert_eq!(world.github.count(Route::AccessToken), 1);
        world.end().await;
    }
}

/// By the real time, in which somebody's script asks for one binding after the other while workers work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_for_one_after_the_other_is_looked_at_together() {
    let clock = Clock::system();
    let github = simulator(&clock).await;
    let world = World::over(github, clock, Engine::Sqlite, &[]).await;
    let folders: Vec<(String, &str)> = (0..20).map(|n| (format!("d{n}/x"), "1")).collect();
    let folders: Vec<(&str, &str)> = folders
        .iter()
        .map(|(path, text)| (path.as_str(), *text))
        .collect();
    world.repository("many", &folders).await;
    for n in 0..20 {
        let root = json!({"root_path": format!("/d{n}")});
        world.bind(&format!("b{n}"), "many", root).await;
    }
    world.asked();
    let (worker, stop) = (world.workers.queue.clone(), CancellationToken::new());
    let working = tokio::spawn({
        let stop = stop.clone();
        async move { worker.run(stop).await }
    });
    for n in 0..20 {
        let sync = format!("/orgs/acme/bindings/b{n}/sync");
        world.api.post(&sync).await.expect(202);
    }
    while world.count("jobs WHERE finalized_at IS NULL").await > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.cancel();
    working.await.expect("it stops");
    let asked = world.asked();
    // Two, unless the machine makes the script pause.
    assert!(asked.len() <= 6, "{asked:?}");
    world.end().await;
}
