use wiremock::matchers::{header, headers};
use wiremock::{Mock, ResponseTemplate};

use super::support::*;
use crate::github::GitHub;
use crate::github::client::{Conditional, ETag, Repository, RepositoryKey};

async fn repository(client: &GitHub, etag: Option<&ETag>) -> Conditional<Repository> {
    let key = RepositoryKey::Id(repository_id());
    let answer = client.repository(installation(1), key, etag).await;
    answer.expect("an answer")
}

fn etag(answer: Conditional<Repository>) -> ETag {
    match answer {
        Conditional::Modified { etag, .. } => etag.expect("an ETag"),
        Conditional::NotModified => panic!("not modified"),
    }
}

/// Says 304 to who knows the ETag, which must be asked for verbatim.
async fn world_with_etag() -> World {
    let world = World::new().await;
    Mock::given(headers("if-none-match", vec!["W/\"a1b2\""]))
        .and(header("accept", "application/vnd.github+json"))
        .respond_with(ResponseTemplate::new(304))
        .mount(&world.server)
        .await;
    let full = ResponseTemplate::new(200)
        .insert_header("etag", "W/\"a1b2\"")
        .set_body_json(repository_json());
    world.on(REPOSITORY, full).await;
    world
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let world = world_with_etag().await;
    let client = world.client();
    let etag = etag(repository(&client, None).await);
    let stored = ETag::from_stored(etag.as_str());
    assert_eq!(stored, etag);
    let again = repository(&client, Some(&stored)).await;
    assert_eq!(again, Conditional::NotModified);
}

#[tokio::test]
async fn an_etag_of_another_token_is_not_sent() {
    let world = world_with_etag().await;
    let client = world.client();
    let old = etag(repository(&client, None).await);
    world.clock.advance(std::time::Duration::from_secs(3_600));
    let new = etag(repository(&client, Some(&old)).await);
    assert_ne!(new, old, "the same header under another token");
    let requests = world.requests().await;
    assert!(!requests[1].headers.contains_key("if-none-match"));
    assert!(!old.as_str().contains("ghs_"));
}

#[tokio::test]
async fn what_was_stored_by_anyone_else_is_not_sent() {
    let world = world_with_etag().await;
    let client = world.client();
    for odd in ["", "W/\"a1b2\"", "0123456789abcdef:W/\"a1b2\"", ":"] {
        let answer = repository(&client, Some(&ETag::from_stored(odd))).await;
        assert!(matches!(answer, Conditional::Modified { .. }), "{odd}");
    }
}
