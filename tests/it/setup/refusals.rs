//! Registrations that come to nothing, and leave nothing; and those by other ways than the usual one.

use std::path::Path;
use std::time::Duration;

use bindery::clock::Clock;
use bindery::github::signature::WebhookSecret;
use bindery::simulator::{Fault, Route, Simulator};
use chrono::Utc;
use tempfile::TempDir;
use url::Url;

use super::browser::Browser;
use super::command::{Ended, SettingUp, WEBHOOK, command};
use crate::support::simulator;

const WISH: [&str; 2] = ["--webhook-url", WEBHOOK];

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).expect("a folder").count() == 0
}

/// Confirms at GitHub, and pastes what `change` makes of where that leads.
async fn pasted(github: &Simulator, folder: &Path, change: impl FnOnce(&Url) -> String) -> Ended {
    let mut setup = SettingUp::begin(folder, github, &WISH).await;
    let back = Browser::new().register(&setup.page).await;
    setup.paste(&change(&back)).await;
    setup.end().await
}

fn code_of(back: &Url) -> String {
    let mut pairs = back.query_pairs();
    let found = pairs.find(|(name, _)| name == "code");
    found.expect("a code").1.into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pasted_will_do_and_a_code_is_good_once() {
    let github = simulator(&Clock::system()).await;
    let (first, second) = (folder(), folder());
    let mut code = String::new();
    let ended = pasted(&github, first.path(), |back| {
        code = code_of(back);
        format!("\n{back}")
    })
    .await;
    assert_eq!(ended.status, Some(0), "{}{}", ended.said, ended.complained);
    let settings = std::fs::read_to_string(first.path().join("bindery.toml"));
    assert!(settings.expect("settings").contains("http://127.0.0.1:9"));
    let ended = pasted(&github, second.path(), |_| code).await;
    assert_eq!(ended.status, Some(1));
    assert!(
        ended.complained.contains("used before"),
        "{}",
        ended.complained
    );
    assert!(is_empty(second.path()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_is_older_than_an_hour_is_none() {
    let clock = Clock::manual(Utc::now());
    let (github, folder) = (simulator(&clock).await, folder());
    let ended = pasted(&github, folder.path(), |back| {
        clock.advance(Duration::from_secs(3600));
        back.to_string()
    })
    .await;
    assert_eq!(ended.status, Some(1));
    assert!(
        ended.complained.contains("older than an hour"),
        "{}",
        ended.complained
    );
    assert!(is_empty(folder.path()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_to_another_registration_is_not_taken() {
    let (github, folder) = (simulator(&Clock::system()).await, folder());
    let ended = pasted(&github, folder.path(), |back| {
        back.as_str().replace("state=", "state=0")
    })
    .await;
    assert_eq!(ended.status, Some(1));
    assert!(
        ended.complained.contains("state differs"),
        "{}",
        ended.complained
    );
    assert_eq!(github.count(Route::ManifestConversion), 0);
    assert!(is_empty(folder.path()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_at_the_door_ends_nothing() {
    let (github, folder) = (simulator(&Clock::system()).await, folder());
    let setup = SettingUp::begin(folder.path(), &github, &WISH).await;
    let browser = Browser::new();
    for stranger in [
        "registered",
        "registered?code=abc",
        "registered?code=abc&state=0",
    ] {
        let shown = browser.open(&format!("{}{stranger}", setup.page)).await;
        assert_eq!(shown.status, 400, "{stranger}");
    }
    assert_eq!(github.count(Route::ManifestConversion), 0);
    let back = browser.register(&setup.page).await;
    browser.open(back.as_str()).await;
    assert_eq!(setup.end().await.status, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_github_refuses_is_said_in_its_words() {
    for (status, words) in [
        (422, "(422): Something went wrong"),
        (404, "does not know this code"),
    ] {
        let (github, folder) = (simulator(&Clock::system()).await, folder());
        github.fail(Fault::on(Route::ManifestConversion).status(status));
        let ended = pasted(&github, folder.path(), Url::to_string).await;
        assert_eq!(ended.status, Some(1));
        assert!(ended.complained.contains(words), "{}", ended.complained);
        assert!(is_empty(folder.path()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_there_is_not_overwritten_unless_that_is_asked_for() {
    let (github, folder) = (simulator(&Clock::system()).await, folder());
    let settings = folder.path().join("bindery.toml");
    std::fs::write(&settings, "# mine\n").expect("written");
    let refused = command(folder.path(), &github, &WISH).output().await;
    let refused = refused.expect("the binary starts");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"));
    let force = ["--webhook-url", WEBHOOK, "--force"];
    let mut setup = SettingUp::begin(folder.path(), &github, &force).await;
    let back = Browser::new().register(&setup.page).await;
    setup.paste(back.as_str()).await;
    assert_eq!(setup.end().await.status, Some(0));
    let aside = std::fs::read_to_string(folder.path().join("bindery.toml.old"));
    assert_eq!(aside.expect("what was there"), "# mine\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_github_makes_no_secret_it_is_told_one() {
    let (github, folder) = (simulator(&Clock::system()).await, folder());
    github.make_no_secrets();
    let ended = pasted(&github, folder.path(), Url::to_string).await;
    assert_eq!(ended.status, Some(0), "{}{}", ended.said, ended.complained);
    let secret = std::fs::read(folder.path().join("github-app/webhook-secret"));
    let secret = WebhookSecret::new(secret.expect("a secret")).expect("a strong one");
    let app = github.as_app(github.app_ids().pop().expect("a new App"));
    let ping = app.ping().await.expect("a ping");
    let (headers, body) = app.raw(&ping.guid);
    let signed = ("X-Hub-Signature-256".to_owned(), secret.sign(&body));
    assert!(headers.contains(&signed), "{headers:?}");
}
