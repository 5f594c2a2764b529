use rstest::rstest;
use wiremock::{MockServer, ResponseTemplate};

use super::support::*;
use crate::github::client::{Conditional, RepositoryKey};
use crate::github::{GitHubError, RepositoryName};

fn to(status: u16, location: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).insert_header("location", location)
}

#[rstest]
#[case::moved(301)]
#[case::found(302)]
#[case::temporary(307)]
#[case::permanent(308)]
#[tokio::test]
async fn g12_an_old_name_leads_to_the_repository(#[case] status: u16) {
    let world = World::new().await;
    let location = format!("{}{REPOSITORY}", world.server.uri());
    world
        .on("/repos/harbour-works/manual", to(status, &location))
        .await;
    world
        .on(
            REPOSITORY,
            ResponseTemplate::new(200).set_body_json(repository_json()),
        )
        .await;
    let old = RepositoryName::new("harbour-works", "manual");
    let client = world.client();
    let answer = client
        .repository(installation(1), RepositoryKey::Name(&old), None)
        .await;
    let Ok(Conditional::Modified { value, .. }) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(value.id, repository_id());
    assert_eq!(value.name, RepositoryName::new("harbour-works", "handbook"));
    let requests = world.requests().await;
    assert_eq!(requests[1].headers["authorization"], "Bearer ghs_1");
}

#[tokio::test]
async fn another_server_is_never_asked() {
    let (world, elsewhere) = (World::new().await, MockServer::start().await);
    world.on(REPOSITORY, to(301, &elsewhere.uri())).await;
    let error = world.ask(&world.client()).await.expect_err("refused");
    assert!(matches!(error, GitHubError::Unexpected(_)), "{error:?}");
    let asked = elsewhere.received_requests().await.expect("recorded");
    assert!(asked.is_empty());
}

#[rstest]
#[case::metadata_service("http://169.254.169.254/latest/meta-data")]
#[case::scheme("https://127.0.0.1/")]
#[case::file("file:///etc/passwd")]
#[case::data("data:,x")]
#[case::user("//user:pass@HOST/repositories/77")]
#[case::nowhere("http://")]
#[case::itself("/repositories/77")]
#[case::itself_anew("#x")]
#[tokio::test]
async fn g14_a_redirect_that_is_not_followed(#[case] location: &str) {
    let world = World::new().await;
    let host = world.server.address().to_string();
    let location = location.replace("HOST", &host);
    world.on(REPOSITORY, to(302, &location)).await;
    let error = world.ask(&world.client()).await.expect_err("refused");
    assert!(matches!(error, GitHubError::Unexpected(_)), "{error:?}");
    assert!(world.requests().await.len() <= 2);
}

#[tokio::test]
async fn g14_twenty_hops_are_too_many() {
    let world = World::new().await;
    world.on(REPOSITORY, to(302, "/hop/1")).await;
    for hop in 1..20 {
        let next = format!("/hop/{}", hop + 1);
        world.on(&format!("/hop/{hop}"), to(302, &next)).await;
    }
    let error = world.ask(&world.client()).await.expect_err("refused");
    assert!(matches!(error, GitHubError::Unexpected(_)), "{error:?}");
    assert_eq!(
        world.requests().await.len(),
        6,
        "the first and five redirects"
    );
}

#[tokio::test]
async fn a_mint_does_not_become_a_get() {
    let world = World::without_tokens().await;
    let mint = "/app/installations/1/access_tokens";
    world
        .on(mint, to(302, "/app/installations/2/access_tokens"))
        .await;
    let error = world.ask(&world.client()).await.expect_err("refused");
    assert!(matches!(error, GitHubError::Unexpected(_)), "{error:?}");
}
