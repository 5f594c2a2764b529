use rstest::rstest;
use serde_json::json;
use tokio::net::TcpListener;
use wiremock::ResponseTemplate;

use super::support::*;
use crate::github::{AccessLost, GitHubError};

/// The variant's name, for a table.
fn kind(error: &GitHubError) -> &'static str {
    match error {
        GitHubError::NotFound => "not found",
        GitHubError::Unauthorized => "unauthorized",
        GitHubError::AccessLost(AccessLost::NotInstalled) => "not installed",
        GitHubError::AccessLost(AccessLost::Suspended) => "suspended",
        GitHubError::AccessLost(AccessLost::PermissionMissing { .. }) => "permission",
        GitHubError::AccessLost(AccessLost::Blocked { .. }) => "blocked",
        GitHubError::RateLimited { .. } => "rate limited",
        GitHubError::Unavailable(_) => "unavailable",
        GitHubError::Unexpected(_) => "unexpected",
        _ => "of another call",
    }
}

#[rstest]
#[case(404, r#"{"message":"Not Found"}"#, "not found")]
#[case(404, "", "not found")]
#[case(403, r#"{"message":"Blocked","errors":["why"]}"#, "blocked")]
#[case(
    403,
    r#"{"message":"This installation has been suspended"}"#,
    "suspended"
)]
#[case(
    403,
    r#"{"message":"Repository access blocked","block":{"reason":"tos"}}"#,
    "blocked"
)]
#[case(403, r#"{"message":"Repository is locked for migration"}"#, "blocked")]
#[case(
    451,
    r#"{"message":"Repository access blocked","block":{"reason":"dmca"}}"#,
    "blocked"
)]
#[case(403, "<html>your proxy says no</html>", "unexpected")]
#[case(500, "<html>", "unavailable")]
#[case(502, "<html>", "unavailable")]
#[case(503, r#"{"message":"Service unavailable"}"#, "unavailable")]
#[case(504, "", "unavailable")]
#[case(408, "", "unavailable")]
#[case(200, "", "unexpected")]
#[case(200, r#"{"id":77,"name":"hand"#, "unexpected")]
#[case(200, r#"{"id":"77","name":"handbook"}"#, "unexpected")]
#[case(200, "[]", "unexpected")]
#[case(200, "<html>captive portal</html>", "unexpected")]
#[case(304, "", "unexpected")]
#[case(418, "", "unexpected")]
#[tokio::test]
async fn g05_g06_g31_each_refusal_is_a_decision(
    #[case] status: u16,
    #[case] body: &str,
    #[case] expected: &str,
) {
    let world = World::new().await;
    let template = ResponseTemplate::new(status).set_body_raw(body, "application/json");
    world.on(REPOSITORY, template).await;
    let error = world.ask(&world.client()).await.expect_err("refused");
    assert_eq!(kind(&error), expected, "{error:?}");
    let requests = world.requests().await;
    assert_eq!(requests.len(), 1, "when to ask again is the job's decision");
}

#[tokio::test]
async fn a_proxys_404_does_not_say_that_a_thing_is_gone() {
    let world = World::new().await;
    let page = ResponseTemplate::new(404).set_body_raw("<html>", "text/html; charset=utf-8");
    world.on(REPOSITORY, page).await;
    let error = world.ask(&world.client()).await.expect_err("refused");
    assert_eq!(kind(&error), "unexpected");
}

#[tokio::test]
async fn an_answer_about_another_repository_is_refused() {
    let world = World::new().await;
    let mut other = repository_json();
    other["id"] = json!(78);
    world
        .on(REPOSITORY, ResponseTemplate::new(200).set_body_json(other))
        .await;
    let error = world.ask(&world.client()).await.expect_err("not the one");
    assert_eq!(kind(&error), "unexpected");
}

#[tokio::test]
async fn g10_no_such_name() {
    // Reserved never to exist (RFC 6761); the port is in case somebody answers for all that does not.
    let error = impatient("http://github.invalid:1")
        .app()
        .await
        .expect_err("nobody");
    assert_eq!(kind(&error), "unavailable", "{error:?}");
}

#[tokio::test]
async fn g10_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    drop(listener);
    let error = impatient(&url).app().await.expect_err("refused");
    assert_eq!(kind(&error), "unavailable");
}

#[rstest]
#[case::no_answer("", After::Silence)]
#[case::half_an_answer("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", After::Silence)]
#[case::cut("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", After::Close)]
#[case::reset("", After::Close)]
#[tokio::test]
async fn g09_a_server_that_stops_speaking(#[case] head: &'static str, #[case] after: After) {
    let url = raw_server(head, after).await;
    let error = impatient(&url).app().await.expect_err("no answer");
    assert_eq!(kind(&error), "unavailable", "{error:?}");
}

#[tokio::test]
async fn g09_one_byte_after_another_has_an_end_too() {
    let url = raw_server("HTTP/1.1 200 OK\r\n\r\n", After::Endless).await;
    let world = World::new().await;
    let mut config = world.config();
    config.api_url = url.parse().expect("a URL");
    config.limits.max_json_bytes = u64::MAX;
    config.limits.call_timeout = std::time::Duration::from_millis(50);
    let client = crate::github::GitHub::new(config, world.clock.clone()).expect("a client");
    let error = client.app().await.expect_err("it never ends");
    assert_eq!(kind(&error), "unavailable", "{error:?}");
}

#[rstest]
#[case::endless("HTTP/1.1 200 OK\r\n\r\n", After::Endless)]
#[case::announced(
    "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n",
    After::Silence
)]
#[tokio::test]
async fn g07_a_body_beyond_its_cap_is_not_read(#[case] head: &'static str, #[case] after: After) {
    let url = raw_server(head, after).await;
    let error = impatient(&url).app().await.expect_err("too large");
    assert_eq!(kind(&error), "unexpected", "{error:?}");
    assert!(whole_text(&error).contains("larger than 100000 bytes"));
}

#[tokio::test]
async fn g07_a_body_is_as_large_as_it_becomes() {
    let world = World::new().await;
    let zeros = include_bytes!("../../../../fixtures/zeros.gz");
    assert!(
        zeros.len() < 100_000,
        "the cap would be met by what is announced"
    );
    let template = ResponseTemplate::new(200)
        .insert_header("content-encoding", "gzip")
        .set_body_raw(zeros.to_vec(), "application/json");
    world.on("/app", template).await;
    let error = impatient(&world.server.uri())
        .app()
        .await
        .expect_err("too large");
    assert!(
        whole_text(&error).contains("larger than 100000 bytes"),
        "{error:?}"
    );
}

#[tokio::test]
async fn g07_an_endless_error_is_an_error() {
    let url = raw_server("HTTP/1.1 502 Bad Gateway\r\n\r\n", After::Endless).await;
    let error = impatient(&url).app().await.expect_err("an outage");
    assert_eq!(kind(&error), "unavailable", "{error:?}");
}

#[rstest]
#[case::echo(401, r#"{"message":"Bad credentials: ghs_1"}"#)]
#[case::echo_blocked(403, r#"{"message":"ghs_1 is blocked"}"#)]
#[case::echo_value(200, r#"{"id":"ghs_1"}"#)]
#[case::bare(200, r#""ghs_1""#)]
#[case::outage(500, "ghs_1")]
#[case::unknown(418, r#"{"message":"ghs_1\r\nFORGED LOG LINE"}"#)]
#[case::redirect(302, "")]
#[tokio::test]
async fn g38_no_error_tells_a_secret(#[case] status: u16, #[case] body: &str) {
    let world = World::new().await;
    let template = ResponseTemplate::new(status)
        .insert_header("location", "https://elsewhere.example/?token=ghs_1")
        .set_body_raw(body, "application/json");
    world.on(REPOSITORY, template).await;
    let error = world.ask(&world.client()).await.expect_err("refused");
    assert_tells_nothing(&error);
}

#[tokio::test]
async fn g38_a_malformed_mint_tells_no_token() {
    let world = World::without_tokens().await;
    let mint = "/app/installations/1/access_tokens";
    world
        .on(
            mint,
            ResponseTemplate::new(201).set_body_raw(r#""ghs_1""#, "application/json"),
        )
        .await;
    let error = world.ask(&world.client()).await.expect_err("no token");
    assert_eq!(kind(&error), "unexpected");
    assert_tells_nothing(&error);
}

#[tokio::test]
async fn g38_a_network_error_tells_no_url() {
    let url = raw_server("", After::Close).await;
    let error = impatient(&url)
        .hook_deliveries(None)
        .await
        .expect_err("cut");
    assert_tells_nothing(&error);
}

#[tokio::test]
async fn g38_a_client_tells_no_secret() {
    let world = World::new().await;
    world
        .on(
            REPOSITORY,
            ResponseTemplate::new(200).set_body_json(repository_json()),
        )
        .await;
    let client = world.client();
    world.ask(&client).await.expect("the repository");
    let text = format!("{client:?} {:?}", world.config());
    for secret in ["ghs_1", "eyJ", "PRIVATE KEY", "MII"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

fn assert_tells_nothing(error: &GitHubError) {
    let text = whole_text(error);
    for secret in [
        "ghs_",
        "eyJ",
        "Bearer",
        "per_page",
        "elsewhere",
        "/repositories",
        "/app",
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(!error.to_string().chars().any(char::is_control));
}
