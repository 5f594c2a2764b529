use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::KeyPair as _;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rstest::rstest;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::json;
use wiremock::{Request, Respond, ResponseTemplate};

use super::support::*;
use crate::github::client::GitHub;
use crate::github::{AccessLost, GitHubError};

#[derive(Deserialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: String,
}

fn public_key(pem: &str) -> DecodingKey {
    let key = match PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("PEM") {
        PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => panic!("not RSA"),
    };
    DecodingKey::from_rsa_der(key.expect("RSA").public_key().as_ref())
}

fn bearer(request: &Request) -> &str {
    let value = request.headers["authorization"].to_str().expect("text");
    value.strip_prefix("Bearer ").expect("a bearer token")
}

/// The claims of a request's JWT, if the key of `pem` signed it.
fn claims(request: &Request, pem: &str) -> Option<Claims> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    let token = jsonwebtoken::decode(bearer(request), &public_key(pem), &validation);
    token.ok().map(|token| token.claims)
}

fn app_json() -> serde_json::Value {
    json!({ "id": 991_207, "slug": "bindery-test", "name": "Bindery", "permissions": {}, "events": [] })
}

/// Checks JWTs as GitHub does: signed by `key`, issued in the past, for ten minutes at most.
struct Strict {
    key: &'static str,
    now: DateTime<Utc>,
}

impl Respond for Strict {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let now = self.now.timestamp();
        let good = claims(request, self.key)
            .is_some_and(|claims| claims.iat <= now && claims.exp > now && claims.exp <= now + 600);
        let template = if good {
            ResponseTemplate::new(200).set_body_json(app_json())
        } else {
            ResponseTemplate::new(401).set_body_json(json!({ "message": "Bad credentials" }))
        };
        template.insert_header("date", http_date(self.now).as_str())
    }
}

#[tokio::test]
async fn the_app_signs_what_github_asks_for() {
    let world = World::new().await;
    world
        .on("/app", ResponseTemplate::new(200).set_body_json(app_json()))
        .await;
    let app = world.client().app().await.expect("the App");
    assert_eq!(
        (app.id, app.slug.as_deref()),
        (app_id(), Some("bindery-test"))
    );
    let requests = world.requests().await;
    let claims = claims(&requests[0], KEY).expect("signed by our key");
    assert_eq!(claims.iss, "991207");
    assert_eq!(claims.iat, noon().timestamp() - 60);
    assert_eq!(claims.exp, noon().timestamp() + 540);
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[rstest]
#[case::slightly_fast(90)]
#[case::slightly_slow(-90)]
#[case::fast(20 * 60)]
#[case::slow(-20 * 60)]
#[tokio::test]
async fn g20_a_wrong_clock_is_corrected(#[case] ours_is_ahead_by: i64) {
    let said = Said::default();
    let writer = said.clone();
    let log = tracing_subscriber::fmt().with_writer(move || writer.clone());
    let _listening = tracing::subscriber::set_default(log.finish());
    let world = World::new().await;
    let now = noon() - TimeDelta::seconds(ours_is_ahead_by);
    world.on_exactly("/app", Strict { key: KEY, now }).await;
    let client = world.client();
    client.app().await.expect("corrected by GitHub's date");
    let first = world.requests().await.len();
    assert!(first <= 2, "{first} requests");
    client.app().await.expect("still corrected");
    assert_eq!(world.requests().await.len(), first + 1);
    let said = String::from_utf8(said.0.lock().expect("the log").clone()).expect("text");
    assert_eq!(said.matches("clock is not GitHub's").count(), 1, "{said}");
}

fn with_two_keys(world: &World) -> GitHub {
    let mut config = world.config();
    config.previous_private_key = Some(key(OTHER_KEY));
    GitHub::new(config, world.clock.clone()).expect("a client")
}

#[tokio::test]
async fn f29_g21_the_other_key_takes_over_and_is_remembered() {
    let world = World::new().await;
    let strict = Strict {
        key: OTHER_KEY,
        now: noon(),
    };
    world.on_exactly("/app", strict).await;
    let client = with_two_keys(&world);
    client.app().await.expect("by the other key");
    client.app().await.expect("by the other key");
    assert_eq!(
        world.requests().await.len(),
        3,
        "the refused key is tried once"
    );
}

#[tokio::test]
async fn g21_no_key_is_left() {
    let world = World::new().await;
    world.on("/app", ResponseTemplate::new(401)).await;
    let error = with_two_keys(&world).app().await.expect_err("refused");
    assert!(matches!(error, GitHubError::Unauthorized), "{error:?}");
    assert_eq!(world.requests().await.len(), 2, "each key once");
}

#[tokio::test]
async fn a_jwt_serves_some_minutes() {
    let world = World::new().await;
    world
        .on("/app", ResponseTemplate::new(200).set_body_json(app_json()))
        .await;
    let client = world.client();
    for minutes in [0, 0, 3, 3] {
        world.clock.advance(Duration::from_secs(minutes * 60));
        client.app().await.expect("the App");
    }
    let requests = world.requests().await;
    for reused in &requests[1..3] {
        assert_eq!(bearer(reused), bearer(&requests[0]));
    }
    assert_ne!(bearer(&requests[3]), bearer(&requests[0]));
}

#[tokio::test]
async fn twenty_who_ask_at_once_share_one_token() {
    let world = World::new().await;
    world
        .on(
            REPOSITORY,
            ResponseTemplate::new(200).set_body_json(repository_json()),
        )
        .await;
    let client = world.client();
    let answers = join_all((0..20).map(|_| world.ask(&client))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!((world.mints(), world.requests().await.len()), (1, 20));
}

#[tokio::test]
async fn a_token_serves_until_five_minutes_before_its_end() {
    let world = World::new().await;
    world
        .on(
            REPOSITORY,
            ResponseTemplate::new(200).set_body_json(repository_json()),
        )
        .await;
    let client = world.client();
    for (seconds, mints) in [(0, 1), (55 * 60 - 1, 1), (1, 2)] {
        world.clock.advance(Duration::from_secs(seconds));
        world.ask(&client).await.expect("the repository");
        assert_eq!(world.mints(), mints);
    }
}

#[tokio::test]
async fn a_token_can_read_one_installation_and_write_nothing() {
    let world = World::new().await;
    world
        .on(
            REPOSITORY,
            ResponseTemplate::new(200).set_body_json(repository_json()),
        )
        .await;
    world
        .ask_as(&world.client(), 4)
        .await
        .expect("the repository");
    let all = world.server.received_requests().await.expect("recorded");
    assert_eq!(all[0].url.path(), "/app/installations/4/access_tokens");
    let asked: serde_json::Value = all[0].body_json().expect("JSON");
    assert_eq!(
        asked,
        json!({ "permissions": { "contents": "read", "metadata": "read" } })
    );
    assert_eq!(bearer(&all[1]), "ghs_1");
}

/// Takes the tokens from number `valid` on.
struct Revoking {
    valid: Arc<AtomicUsize>,
    template: ResponseTemplate,
    refused: ResponseTemplate,
}

impl Respond for Revoking {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let number = bearer(request).strip_prefix("ghs_").expect("a token");
        let number: usize = number.parse().expect("its number");
        if number >= self.valid.load(Ordering::SeqCst) {
            self.template.clone()
        } else {
            self.refused.clone()
        }
    }
}

async fn revocable(world: &World, refused: ResponseTemplate) -> Arc<AtomicUsize> {
    let valid = Arc::new(AtomicUsize::new(1));
    let revoking = Revoking {
        valid: Arc::clone(&valid),
        template: ResponseTemplate::new(200).set_body_json(repository_json()),
        refused,
    };
    world.on(REPOSITORY, revoking).await;
    valid
}

#[tokio::test]
async fn g17_a_revoked_token_is_replaced_once() {
    let world = World::new().await;
    let valid = revocable(&world, ResponseTemplate::new(401)).await;
    let client = world.client();
    world.ask(&client).await.expect("the first token works");
    valid.store(2, Ordering::SeqCst);
    world.ask(&client).await.expect("replaced, and asked again");
    assert_eq!((world.mints(), world.requests().await.len()), (2, 3));

    valid.store(100, Ordering::SeqCst);
    let error = world.ask(&client).await.expect_err("no token works");
    assert!(matches!(error, GitHubError::Unavailable(_)), "{error:?}");
    assert_eq!((world.mints(), world.requests().await.len()), (3, 5));
}

#[tokio::test]
async fn a_token_that_github_does_not_know_yet_is_kept() {
    let world = World::new().await;
    world.first(2, REPOSITORY, ResponseTemplate::new(401)).await;
    world
        .on(
            REPOSITORY,
            ResponseTemplate::new(200).set_body_json(repository_json()),
        )
        .await;
    let client = world.client();
    for _ in 0..2 {
        let error = world.ask(&client).await.expect_err("not known yet");
        assert!(matches!(error, GitHubError::Unavailable(_)), "{error:?}");
    }
    world.ask(&client).await.expect("known now");
    assert_eq!(world.mints(), 1);
}

#[tokio::test]
async fn a_missing_permission_is_believed_of_a_token_that_has_worked() {
    let world = World::new().await;
    let refused = ResponseTemplate::new(403)
        .insert_header("x-accepted-github-permissions", "contents=read")
        .set_body_json(json!({ "message": "Resource not accessible by integration" }));
    world.first(1, REPOSITORY, refused.clone()).await;
    world
        .first(
            1,
            REPOSITORY,
            ResponseTemplate::new(200).set_body_json(repository_json()),
        )
        .await;
    world.on(REPOSITORY, refused).await;
    let client = world.client();
    let error = world.ask(&client).await.expect_err("a fresh token may lag");
    assert!(matches!(error, GitHubError::Unavailable(_)), "{error:?}");
    world.ask(&client).await.expect("caught up");
    let error = world.ask(&client).await.expect_err("taken away");
    assert!(error.to_string().contains("contents=read"), "{error}");
}

#[rstest]
#[case::suspended(403, "This installation has been suspended", AccessLost::Suspended)]
#[case::uninstalled(404, "Not Found", AccessLost::NotInstalled)]
#[case::permission(
    422,
    "The permissions requested are not granted to this installation.",
    AccessLost::PermissionMissing {
        needed: "The permissions requested are not granted to this installation.".to_owned()
    }
)]
#[tokio::test]
async fn g18_no_token_and_why(
    #[case] status: u16,
    #[case] message: &str,
    #[case] expected: AccessLost,
) {
    let world = World::without_tokens().await;
    let template = ResponseTemplate::new(status).set_body_json(json!({ "message": message }));
    world
        .on("/app/installations/1/access_tokens", template)
        .await;
    match world.ask(&world.client()).await {
        Err(GitHubError::AccessLost(lost)) => assert_eq!(lost, expected),
        other => panic!("{other:?}"),
    }
    let all = world.server.received_requests().await.expect("recorded");
    assert_eq!(all.len(), 1, "no storm");
}

#[tokio::test]
async fn a_failed_mint_is_not_remembered() {
    let world = World::without_tokens().await;
    let mint = "/app/installations/1/access_tokens";
    world.first(1, mint, ResponseTemplate::new(503)).await;
    world.on(mint, world.mints.clone()).await;
    world
        .on(
            REPOSITORY,
            ResponseTemplate::new(200).set_body_json(repository_json()),
        )
        .await;
    let client = world.client();
    let error = world.ask(&client).await.expect_err("an outage");
    assert!(matches!(error, GitHubError::Unavailable(_)), "{error:?}");
    world.ask(&client).await.expect("over");
}
