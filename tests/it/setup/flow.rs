//! From an empty folder to content, with nothing set that `setup` did not write.

use std::net::TcpListener;
use std::path::Path;
use std::time::Instant;

use bindery::clock::Clock;
use bindery::simulator::{Selection, Simulator};
use serde_json::{Value, json};
use tokio::process::Command;

use super::browser::Browser;
use super::command::{BINARY, SettingUp};
use crate::process::{self, PATIENCE, Serving};
use crate::support::{Engine, OCTO, TestDatabase, binding_path, simulator};

const LOOK: std::time::Duration = std::time::Duration::from_millis(200);

/// Free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// SQLite's file is where the service is started; PostgreSQL has to be named.
fn with_database(command: &mut Command, database: &TestDatabase, engine: Engine) {
    match engine {
        Engine::Sqlite => command.env_remove("DATABASE_URL"),
        Engine::Postgres => command.env("DATABASE_URL", &database.url),
    };
}

async fn doctor(folder: &Path, database: &TestDatabase, engine: Engine) -> (Option<i32>, Value) {
    let mut command = Command::new(BINARY);
    command
        .args(["doctor", "-o", "json"])
        .current_dir(folder)
        .env_clear();
    with_database(&mut command, database, engine);
    let output = command.output().await.expect("the binary starts");
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report)
}

async fn content(serving: &Serving, expected: &str) {
    let begun = Instant::now();
    loop {
        let path = format!("{}/files/a", binding_path("site"));
        let answer = serving.api.get(&path).await;
        if answer.status == 200 && answer.bytes == expected.as_bytes() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer:?}");
        tokio::time::sleep(LOOK).await;
    }
}

async fn bind(serving: &Serving, app: &Simulator) {
    let installation = app.installation_on(OCTO).expect("it is installed");
    let api = &serving.api;
    api.put("/orgs/acme", json!({})).await.expect(201);
    let grant = format!("/orgs/acme/installations/{installation}");
    api.put(&grant, json!({})).await.expect(201);
    let body = json!({"github_owner": OCTO, "github_repo": "templates"});
    api.put(&binding_path("site"), body).await.expect(201);
}

async fn from_an_empty_folder_to_content(engine: Engine) {
    let database = TestDatabase::create(engine).await;
    let place = tempfile::tempdir().expect("a folder");
    let github = simulator(&Clock::system()).await;
    github.create_organization(OCTO);
    let repo = github.create_repository(OCTO, "templates").await;
    github
        .push(repo, "main", |change| change.write("a", "1"))
        .await;
    let port = free_port();
    let webhook = format!("http://127.0.0.1:{port}/webhooks/github");

    let wishes = ["--webhook-url", &webhook, "--organization", OCTO, "--wait"];
    let setup = SettingUp::begin(place.path(), &github, &wishes).await;
    let browser = Browser::new();
    let back = browser.register(&setup.page).await;
    let shown = browser.open(back.as_str()).await;
    assert!(shown.html.contains("GitHub made the App"), "{}", shown.html);
    let id = github.app_ids().pop().expect("a new App");
    let app = github.as_app(id);
    app.install(OCTO, Selection::All).await;
    let ended = setup.end().await;
    assert_eq!(ended.status, Some(0), "{}{}", ended.said, ended.complained);
    for line in [
        "✓ app_permissions",
        "✓ app_events",
        "✓ webhook_url",
        "✓ installations",
    ] {
        assert!(ended.said.contains(line), "{line}: {}", ended.said);
    }

    let mut command = process::serve(&database.url);
    with_database(&mut command, &database, engine);
    command
        .env("BINDERY_LISTEN", format!("127.0.0.1:{port}"))
        .current_dir(place.path());
    let serving = Serving::spawn(command).await;
    let begun = Instant::now();
    let report = loop {
        // Its first steps may not be done yet.
        let (status, report) = doctor(place.path(), &database, engine).await;
        if status == Some(0) {
            break report;
        }
        assert!(begun.elapsed() < PATIENCE, "{report:#}");
        tokio::time::sleep(LOOK).await;
    };
    for check in report["checks"].as_array().expect("checks") {
        let elsewhere = engine == Engine::Postgres && check["code"] == "disk";
        assert!(elsewhere || check["outcome"] == "ok", "{check}");
    }

    bind(&serving, &app).await;
    content(&serving, "1").await;
    app.push(repo, "main", |change| change.write("a", "2"))
        .await;
    content(&serving, "2").await;
    serving.stop().await;
    assert!(github.unexpected_requests().is_empty());
    github.stop().await;
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_an_empty_folder_to_content_on_sqlite() {
    from_an_empty_folder_to_content(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_an_empty_folder_to_content_on_postgres() {
    from_an_empty_folder_to_content(Engine::Postgres).await;
}
