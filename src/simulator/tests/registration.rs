use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};

use super::Story;

fn manifest(story: &Story) -> Value {
    json!({
        "name": "Bindery of Octo",
        "url": "https://bindery.example",
        "hook_attributes": {"url": story.receiver.uri()},
        "redirect_url": "http://127.0.0.1:9/registered",
        "default_permissions": {"contents": "read", "metadata": "read"},
        "default_events": ["push", "installation_target"],
    })
}

async fn post(story: &Story, path: &str, fields: &[(&str, &str)]) -> Response {
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let request = story
        .request("POST", path, "")
        .header("content-type", "application/x-www-form-urlencoded");
    request.body(form).send().await.unwrap()
}

/// Confirms, and gives what GitHub redirects to: the code and the state.
async fn registered(story: &Story, manifest: &Value) -> (String, String) {
    let manifest = manifest.to_string();
    let path = "/settings/apps/new?state=abc";
    let shown = post(story, path, &[("manifest", &manifest)]).await;
    assert_eq!(shown.status(), 200, "it asks first");
    let fields = [("manifest", manifest.as_str()), ("create", "1")];
    let answer = post(story, path, &fields).await;
    assert_eq!(answer.status(), 302);
    let to: url::Url = answer.headers()["location"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let of = |name: &str| {
        let found = to.query_pairs().find(|(key, _)| key == name);
        found.unwrap().1.into_owned()
    };
    (of("code"), of("state"))
}

async fn convert(story: &Story, code: &str) -> Response {
    let path = format!("/app-manifests/{code}/conversions");
    story.request("POST", &path, "").send().await.unwrap()
}

#[tokio::test]
async fn a_manifest_becomes_an_app_whose_key_works() {
    let story = Story::begin().await;
    let (code, state) = registered(&story, &manifest(&story)).await;
    assert_eq!(state, "abc");
    let answer = convert(&story, &code).await;
    assert_eq!(answer.status(), 201);
    let app: Value = answer.json().await.unwrap();
    assert_eq!(app["slug"], "bindery-of-octo");
    assert_eq!(app["events"], json!(["installation_target", "push"]));
    let key = app["pem"].as_str().unwrap();
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(key.as_bytes()).unwrap();
    let now = story.clock.now().timestamp();
    let claims = json!({"iss": app["id"], "iat": now - 60, "exp": now + 540});
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
    let jwt = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    assert_eq!(story.read("/app", &jwt).await["name"], "Bindery of Octo");
    story.github.redelivered().await;
    let pinged = story.receiver.received_requests().await.unwrap();
    assert_eq!(pinged[0].headers["x-github-event"], "ping");
    let config = story.read("/app/hook/config", &jwt).await;
    assert_eq!(
        config,
        json!({"url": story.receiver.uri(), "content_type": "json", "insecure_ssl": "0", "secret": "********"})
    );
}

#[tokio::test]
async fn a_code_is_good_once_and_for_an_hour() {
    let story = Story::begin().await;
    let (code, _) = registered(&story, &manifest(&story)).await;
    assert_eq!(convert(&story, &code).await.status(), 201);
    assert_eq!(convert(&story, &code).await.status(), 404);
    assert_eq!(convert(&story, "made-up").await.status(), 404);
    let mut other = manifest(&story);
    other["name"] = json!("Another");
    let (late, _) = registered(&story, &other).await;
    story.clock.advance(Duration::from_secs(3600));
    assert_eq!(convert(&story, &late).await.status(), 404);
}

#[tokio::test]
async fn a_manifest_that_github_would_not_take_is_refused_in_its_words() {
    let story = Story::begin().await;
    for (field, value, words) in [
        (
            "default_events",
            json!(["installation"]),
            "Default events unsupported: installation",
        ),
        (
            "default_events",
            json!(["organization"]),
            "not supported by permissions: organization",
        ),
        ("url", json!(null), "wasn't supplied"),
        ("name", json!("Bindery"), "Name has already been taken"),
        ("name", json!("x".repeat(35)), "Name is too long"),
    ] {
        let mut bad = manifest(&story);
        bad[field] = value;
        let fields = [("manifest", bad.to_string()), ("create", "1".to_owned())];
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, it)| (*name, it.as_str()))
            .collect();
        let answer = post(&story, "/settings/apps/new", &fields).await;
        assert_eq!(answer.status(), 422, "{field}");
        let page = answer.text().await.unwrap();
        assert!(page.contains(words), "{page}");
    }
    let nowhere = "/organizations/nobody/settings/apps/new";
    assert_eq!(post(&story, nowhere, &[]).await.status(), 404);
}

#[tokio::test]
async fn a_webhook_is_changed_and_its_secret_never_shown() {
    let story = Story::begin().await;
    let change =
        json!({"content_type": "form", "insecure_ssl": "1", "secret": "another secret, as long"});
    let patch = story
        .request("PATCH", "/app/hook/config", &story.jwt())
        .json(&change);
    let changed: Value = patch.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (
            &changed["content_type"],
            &changed["insecure_ssl"],
            &changed["secret"]
        ),
        (&json!("form"), &json!("1"), &json!("********"))
    );
    assert_eq!(story.status("/app/hook/config", "").await, 401);
}
