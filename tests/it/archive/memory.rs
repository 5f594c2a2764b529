//! What archives can make the real binary hold.

use std::collections::BTreeMap;
use std::time::Instant;

use bindery::clock::Clock;
use bindery::github::ids::RepositoryId;
use bindery::simulator::{Fault, Route, Selection, Simulator};
use serde_json::json;

use super::made::endless_bomb;
use super::{MANY, files, written};
use crate::limits::peak;
use crate::process::{PATIENCE, Serving, serve};
use crate::support::{APP_ID, Engine, KEY, OCTO, SECRET, TestDatabase, binding_path, simulator};

const MIB: usize = 1 << 20;

async fn start(database: &TestDatabase, github: &Simulator) -> Serving {
    let mut command = serve(&database.url);
    command
        .env("GITHUB_API_URL", github.url())
        .env("GITHUB_APP_ID", APP_ID.to_string())
        .env("GITHUB_APP_PRIVATE_KEY", KEY)
        .env("GITHUB_WEBHOOK_SECRET", SECRET)
        .env("BINDERY_GRANTS", "off");
    Serving::spawn(command).await
}

async fn sync(serving: &Serving, name: &str) {
    let body = json!({ "github_owner": OCTO, "github_repo": name, "root_path": "/site" });
    let path = binding_path(name);
    serving.api.put(&path, body).await.expect(201);
    let begun = Instant::now();
    loop {
        let binding = serving.api.get(&path).await.expect(200).json();
        if binding["last_sync_status"] == "succeeded" {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{binding}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// With so many MiB beside the files that anybody wants, before those in the archive.
async fn repository(github: &Simulator, name: &str, beside: usize) -> RepositoryId {
    let repo = github.create_repository(OCTO, name).await;
    let files = files(name).into_iter();
    let files = files.map(|(path, text)| (format!("site/{path}"), text));
    let files: BTreeMap<String, String> = files.collect();
    let push = github.push(repo, "main", |change| {
        let change = written(change, &files);
        (0..beside).fold(change, |change, n| {
            change.write(format!("a/{n}"), vec![n as u8; MIB])
        })
    });
    push.await;
    repo
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i8_an_archive_of_any_size_costs_little_memory() {
    let github = simulator(&Clock::system()).await;
    github.create_organization(OCTO);
    github.install(OCTO, Selection::All).await;
    let database = TestDatabase::create(Engine::Sqlite).await;
    let serving = start(&database, &github).await;
    serving.api.put("/orgs/acme", json!({})).await.expect(201);
    repository(&github, "small", 0).await;
    sync(&serving, "small").await;
    let before = peak(&serving);
    let grown = || peak(&serving).saturating_sub(before);

    repository(&github, "large", 60).await;
    github.take_requests();
    sync(&serving, "large").await;
    assert_eq!(
        (github.count(Route::Codeload), github.count(Route::Blob)),
        (1, 0)
    );
    assert!(grown() < 24 * MIB, "{} MiB", grown() / MIB);

    repository(&github, "bomb", 0).await;
    github.fail(endless_bomb(Fault::on(Route::Codeload)));
    github.take_requests();
    sync(&serving, "bomb").await;
    assert_eq!(
        (github.count(Route::Codeload), github.count(Route::Blob)),
        (1, MANY)
    );
    assert!(grown() < 24 * MIB, "{} MiB", grown() / MIB);
    serving.stop().await;
    github.stop().await;
    database.drop().await;
}
