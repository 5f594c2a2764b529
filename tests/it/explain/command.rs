//! `bindery explain`, on the machine itself.

use std::process::Output;

use serde_json::Value;
use tokio::process::Command;

use super::bound;
use crate::support::{APP_ID, Engine, KEY, SECRET, TestDatabase, World};

/// Beside a service that holds the database.
async fn run(database: &str, app: bool, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bindery"));
    command
        .arg("explain")
        .args(arguments)
        .env_clear()
        .env("DATABASE_URL", database);
    if app {
        command
            .env("GITHUB_APP_ID", APP_ID.to_string())
            .env("GITHUB_APP_PRIVATE_KEY", KEY)
            .env("GITHUB_WEBHOOK_SECRET", SECRET);
    }
    command.output().await.expect("the binary starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn verdict(output: &Output) -> String {
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    answer["verdict"]["code"]
        .as_str()
        .expect("a code")
        .to_owned()
}

async fn the_command_answers_beside_the_service(engine: Engine) {
    let world = World::on(engine).await;
    let repo = bound(&world).await;
    let pushed = world.push(repo, &[("a", "2")]).await;
    world.settle().await;
    let url = world.database_url().to_owned();
    let (guid, commit) = (
        pushed.delivery.expect("a delivery"),
        pushed.after.to_string(),
    );

    let text = run(&url, true, &[guid.as_str()]).await;
    assert_eq!(text.status.code(), Some(0), "{text:?}");
    let text = said(&text);
    let lines: Vec<&str> = text.lines().collect();
    let words = lines
        .iter()
        .filter_map(|line| line.split_whitespace().next());
    let expected = [
        "received",
        "event",
        "processed",
        "repository",
        "binding",
        "job",
        "published",
        "verdict",
        "to",
    ];
    assert_eq!(words.collect::<Vec<_>>(), expected, "{text}");
    assert!(
        lines[7].contains("published (/orgs/acme/bindings/site): It arrived"),
        "{text}"
    );

    for (question, code) in [
        (
            &["--repository", "octo/templates", "--commit", &commit][..],
            "published",
        ),
        (&["--binding", "/orgs/acme/bindings/site"][..], "up_to_date"),
    ] {
        let json = run(&url, true, &[question, &["-o", "json"]].concat()).await;
        assert_eq!(
            (json.status.code(), verdict(&json)),
            (Some(0), code.to_owned())
        );
    }
    for (question, code) in [
        (
            &["--binding", "/orgs/acme/bindings/nothing"][..],
            "no_such_binding",
        ),
        (
            &["--repository", "octo/nothing", "--commit", &commit][..],
            "no_binding",
        ),
    ] {
        let json = run(&url, true, &[question, &["-o", "json"]].concat()).await;
        assert_eq!(
            (json.status.code(), verdict(&json)),
            (Some(1), code.to_owned())
        );
    }
    let unknown = run(&url, true, &["nothing"]).await;
    assert_eq!(unknown.status.code(), Some(1), "{}", said(&unknown));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_answers_beside_the_service_on_sqlite() {
    the_command_answers_beside_the_service(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_answers_beside_the_service_on_postgres() {
    the_command_answers_beside_the_service(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_whose_settings_are_missing_is_told() {
    let world = World::on(Engine::Sqlite).await;
    let repo = bound(&world).await;
    let pushed = world.push(repo, &[("a", "2")]).await;
    let guid = pushed.delivery.expect("a delivery");
    let json = run(world.database_url(), false, &[guid.as_str(), "-o", "json"]).await;
    assert_eq!(
        (json.status.code(), verdict(&json)),
        (Some(0), "app_not_configured".to_owned())
    );
    world.settle().await;
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_asked_or_looked_at_is_no_answer() {
    let database = TestDatabase::create(Engine::Sqlite).await;
    let none = run(&database.url, true, &["x"]).await;
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("there is no database"));
    for bad in [
        &[][..],
        &["x", "--binding", "/orgs/a/bindings/b"],
        &["--repository", "octo/templates"],
        &[
            "--repository",
            "octo",
            "--commit",
            "0123456789abcdef0123456789abcdef01234567",
        ],
        &["--repository", "octo/templates", "--commit", "0123456"],
        &["--binding", "site"],
    ] {
        let refused = run(&database.url, true, bad).await;
        assert_eq!(refused.status.code(), Some(2), "{bad:?}");
        assert!(
            refused.stdout.is_empty() && !refused.stderr.is_empty(),
            "{bad:?}"
        );
    }
    database.drop().await;
}
