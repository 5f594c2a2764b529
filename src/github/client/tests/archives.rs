use std::time::Duration;

use rstest::rstest;
use tokio::io::AsyncReadExt as _;
use wiremock::{MockServer, ResponseTemplate};

use super::support::*;
use crate::git::Oid;
use crate::github::GitHubError;
use crate::github::client::GitHub;

const CODELOAD: &str = "/_codeload/octo/handbook/legacy.tar.gz/main";

fn route() -> String {
    format!("{REPOSITORY}/tarball/{}", Oid::ZERO)
}

fn link(to: &str) -> ResponseTemplate {
    ResponseTemplate::new(302).insert_header("location", to)
}

/// Up to 100 bytes.
async fn read(client: &GitHub) -> Result<Vec<u8>, GitHubError> {
    let asked = client.archive(installation(1), repository_id(), Oid::ZERO, 100);
    let mut archive = asked.await?;
    let mut bytes = Vec::new();
    let read = archive.bytes().read_to_end(&mut bytes).await;
    read.map_err(GitHubError::unavailable)?;
    Ok(bytes)
}

#[tokio::test]
async fn the_token_of_the_api_stays_with_the_api() {
    let world = World::new().await;
    world
        .on(&route(), link(&format!("{CODELOAD}?token=AAB")))
        .await;
    // As an archive comes: nothing may unpack it on its way.
    let body = ResponseTemplate::new(200)
        .insert_header("content-encoding", "gzip")
        .set_body_bytes("the archive");
    world.on(CODELOAD, body).await;
    let bytes = read(&world.client()).await.expect("an archive");
    assert_eq!(bytes, b"the archive");
    let requests = world.requests().await;
    assert_eq!(requests[0].headers["authorization"], "Bearer ghs_1");
    assert_eq!(requests[1].url.query(), Some("token=AAB"));
    assert!(!requests[1].headers.contains_key("authorization"));
}

#[rstest]
#[case::metadata_service("http://169.254.169.254/latest/meta-data")]
#[case::scheme("https://127.0.0.1/")]
#[case::file("file:///etc/passwd")]
#[case::user("//user:pass@HOST/_codeload/x")]
#[case::nowhere("http://")]
#[tokio::test]
async fn g14_a_link_to_anywhere_else_is_not_followed(#[case] location: &str) {
    let world = World::new().await;
    let location = location.replace("HOST", &world.server.address().to_string());
    world.on(&route(), link(&location)).await;
    let error = read(&world.client()).await.expect_err("refused");
    assert!(matches!(error, GitHubError::Unexpected(_)), "{error:?}");
    assert_eq!(world.requests().await.len(), 1);
}

#[tokio::test]
async fn g14_an_archive_that_leads_on_is_none() {
    let (world, elsewhere) = (World::new().await, MockServer::start().await);
    world.on(&route(), link(CODELOAD)).await;
    world.on(CODELOAD, link(&elsewhere.uri())).await;
    let error = read(&world.client()).await.expect_err("refused");
    assert!(matches!(error, GitHubError::Unexpected(_)), "{error:?}");
    let asked = elsewhere.received_requests().await.expect("recorded");
    assert!(asked.is_empty());
}

#[tokio::test]
async fn an_archive_has_so_many_bytes_and_no_more() {
    let world = World::new().await;
    world.on(&route(), link(CODELOAD)).await;
    let body = ResponseTemplate::new(200).set_body_bytes([7; 100]);
    world.first(1, CODELOAD, body).await;
    let body = ResponseTemplate::new(200).set_body_bytes([7; 101]);
    world.on(CODELOAD, body).await;
    let client = world.client();
    assert_eq!(read(&client).await.expect("an archive").len(), 100);
    let error = whole_text(&read(&client).await.expect_err("too large"));
    assert!(error.contains("more than 100 bytes"), "{error}");
}

#[tokio::test]
async fn an_archive_has_so_much_time_and_no_more() {
    let world = World::new().await;
    let link = link(&format!("{CODELOAD}?token=AAB"));
    world.on(&route(), link).await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    world.on(CODELOAD, late).await;
    let mut config = world.config();
    config.limits.archive_timeout = Duration::from_millis(50);
    config.limits.read_idle = Duration::from_secs(60);
    let client = GitHub::new(config, world.clock.clone()).expect("a client");
    let error = read(&client).await.expect_err("too slow");
    assert!(matches!(error, GitHubError::Unavailable(_)), "{error:?}");
    let text = whole_text(&error);
    assert!(
        !text.contains("AAB") && !text.contains("codeload"),
        "{text}"
    );
}

#[tokio::test]
async fn only_so_many_archives_are_read_at_a_time() {
    let world = World::new().await;
    world.on(&route(), link(CODELOAD)).await;
    world.on(CODELOAD, ResponseTemplate::new(200)).await;
    let mut config = world.config();
    config.limits.max_archives = 1;
    let client = GitHub::new(config, world.clock.clone()).expect("a client");
    let first = client.archive(installation(1), repository_id(), Oid::ZERO, 100);
    let first = first.await.expect("an archive");
    let soon = tokio::time::timeout(Duration::from_millis(50), read(&client));
    assert!(soon.await.is_err(), "the second waits");
    // Not even its link was asked for: it would be old by the time it is used.
    assert_eq!(world.requests().await.len(), 2);
    drop(first);
    read(&client).await.expect("an archive");
}
