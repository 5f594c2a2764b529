use super::*;

const BINDING: &str = "/orgs/octo/bindings/handbook";

#[actix_web::test]
async fn what_is_not_there_is_a_problem_too() {
    let world = World::with_octo().await;
    for path in [
        "/nowhere",
        "/orgs/octo/nowhere",
        BINDING,
        "/orgs/OCTO",
        "/jobs/1",
        "/jobs/x",
        "/jobs/99999999999999999999",
        "/orgs/octo/bindings/x%00",
        "/orgs/octo/bindings/..%2Fx",
        "/deliveries/1",
        "/tokens/1",
    ] {
        let answer = world.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().as_str()),
            (404, "not-found"),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn another_method_is_told_which_there_are() {
    let world = World::new().await;
    for (path, allow) in [
        ("/orgs/octo", "GET, HEAD, PUT, DELETE"),
        ("/orgs/octo/bindings/a/sync", "POST"),
        ("/orgs/octo/bindings/a/files/x/y", "GET, HEAD"),
        ("/webhooks/github", "POST"),
    ] {
        let answer = world.send(Method::PATCH, path, ADMIN).await;
        assert_eq!(answer.problem(), "method-not-allowed", "{path}");
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
}

#[actix_web::test]
async fn a26_a_body_is_small_json_and_nothing_else() {
    let world = World::with_octo().await;
    let large = format!(r#"{{"github_owner": "{}"}}"#, "x".repeat(2 << 20));
    let deep = format!(r#"{{"x": {}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
    for (body, status, kind) in [
        (large.as_str(), 413, "body-too-large"),
        (deep.as_str(), 400, "malformed-body"),
        ("", 400, "malformed-body"),
        ("{\"github_owner\": ", 400, "malformed-body"),
        ("[]", 422, "invalid-body"),
        ("{}", 422, "invalid-body"),
        (
            r#"{"github_owner": "a", "github_repo": 1}"#,
            422,
            "invalid-body",
        ),
        (
            r#"{"github_owner": "a", "github_repo": "b", "branch": "main"}"#,
            422,
            "invalid-body",
        ),
    ] {
        let answer = world.put(BINDING, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().as_str()),
            (status, kind)
        );
    }
}

#[actix_web::test]
async fn a_body_is_declared_as_json_and_not_compressed() {
    let world = World::with_octo().await;
    let body = r#"{"github_owner": "octo", "github_repo": "docs"}"#;
    for (name, value) in [
        (header::CONTENT_TYPE, "text/plain"),
        (header::CONTENT_TYPE, "application/x-www-form-urlencoded"),
        (header::CONTENT_ENCODING, "gzip"),
    ] {
        let request = with_body(request(Method::PUT, BINDING, ADMIN), body);
        let answer = world.call(request.insert_header((name, value))).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().as_str()),
            (415, "not-json")
        );
    }
    let charset = (header::CONTENT_TYPE, "Application/JSON; charset=utf-8");
    let request = with_body(request(Method::PUT, BINDING, ADMIN), body).insert_header(charset);
    assert_eq!(world.call(request).await.status, 201);
}

#[actix_web::test]
async fn all_fields_that_are_wrong_are_named_at_once() {
    let world = World::with_octo().await;
    let body = r#"{"github_owner": "a/../b", "github_repo": "x.git", "github_ref": "--upload-pack=x",
        "root_path": "../..", "required_files": [".git/config"]}"#;
    let answer = world.put(BINDING, body).await;
    assert_eq!(answer.problem(), "invalid-body");
    let problem = answer.json();
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| error["field"].as_str().expect("a field"))
        .collect();
    assert_eq!(
        fields,
        [
            "github_owner",
            "github_repo",
            "github_ref",
            "root_path",
            "required_files"
        ]
    );
}

#[actix_web::test]
async fn what_is_made_needs_a_proper_name() {
    let world = World::with_octo().await;
    let body = r#"{"github_owner": "octo", "github_repo": "docs"}"#;
    for path in [
        "/orgs/Octo",
        "/orgs/octo/projects/a--b",
        "/orgs/octo/projects/x%00",
        "/orgs/octo/bindings/A_b",
    ] {
        let answer = world.put(path, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().as_str()),
            (422, "invalid-path"),
            "{path}"
        );
    }
    for title in ["\"\"", "\"a\\u0000b\"", &format!("\"{}\"", "x".repeat(257))] {
        let answer = world
            .put("/orgs/octo", &format!(r#"{{"title": {title}}}"#))
            .await;
        assert_eq!(answer.json()["errors"][0]["field"], "title", "{title}");
    }
}

#[actix_web::test]
async fn what_still_has_something_is_not_deleted() {
    let world = World::with_octo().await;
    let body = r#"{"github_owner": "octo", "github_repo": "docs"}"#;
    world
        .put("/orgs/octo/projects/handbook/bindings/a", body)
        .await;
    for (path, status) in [
        ("/orgs/octo", 409),
        ("/orgs/octo/projects/handbook", 409),
        ("/orgs/octo/projects/handbook/bindings/a", 204),
        ("/orgs/octo", 409),
        ("/orgs/octo/projects/handbook", 204),
        ("/orgs/octo", 204),
        ("/orgs/octo", 404),
    ] {
        let answer = world.send(Method::DELETE, path, ADMIN).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

#[actix_web::test]
async fn routes_are_under_the_prefix_and_links_too() {
    let mut world = World::with(&[("BINDERY_PATH_PREFIX", "/docverse")]).await;
    world.api = Api::new(
        world.api.context.clone(),
        "http://bindery.example/docverse".to_owned(),
    );
    assert_eq!(world.put("/docverse/orgs/octo", "").await.status, 201);
    assert_eq!(world.put("/docverse/orgs/other", "{}").await.status, 201);
    let answer = world.get("/docverse/orgs?limit=1").await;
    let link = answer.header("link");
    assert!(
        link.starts_with("<http://bindery.example/docverse/orgs?limit=1&cursor="),
        "{link}"
    );
    assert_eq!(
        answer.json()[0]["self_url"],
        "http://bindery.example/docverse/orgs/octo"
    );
    assert_eq!(world.get("/orgs").await.problem(), "not-found");
}

#[actix_web::test]
async fn the_pages_about_the_api_need_no_token_and_no_network() {
    let world = World::new().await;
    let document = world.send(Method::GET, "/openapi.json", "").await;
    assert_eq!(
        document.json()["servers"][0]["url"],
        "http://bindery.example"
    );
    assert_eq!(
        world.get("/docs").await.header("location"),
        "http://bindery.example/docs/"
    );
    let page = world.get("/docs/").await;
    assert_eq!(page.header("content-type"), "text/html");
    let scripts = String::from_utf8(page.body).expect("UTF-8");
    assert!(!scripts.contains("http"), "{scripts}");
    let initializer = world.get("/docs/swagger-initializer.js").await;
    let initializer = String::from_utf8(initializer.body).expect("UTF-8");
    assert!(initializer.contains("../openapi.json"), "{initializer}");
    assert_eq!(world.get("/docs/nothing.js").await.problem(), "not-found");
}

#[actix_web::test]
async fn a25_health_tells_nothing_of_tenants() {
    let world = World::with_octo().await;
    assert_eq!(world.send(Method::GET, "/livez", "").await.body, b"ok");
    let ready = world.send(Method::GET, "/readyz", "").await;
    assert_eq!(
        (ready.status.as_u16(), &ready.json()["status"]),
        (200, &Value::from("ready"))
    );
    let note = ready.json()["notes"][0].clone();
    assert!(
        note.as_str()
            .is_some_and(|note| note.contains("GITHUB_APP_ID")),
        "{note}"
    );
    let body = r#"{"github_owner": "octo", "github_repo": "docs"}"#;
    world.put(BINDING, body).await;
    let metrics = world.send(Method::GET, "/metrics", "").await;
    let metrics = String::from_utf8(metrics.body).expect("UTF-8");
    for line in [
        "bindery_database_up 1",
        "bindery_queue_jobs{state=\"available\"} 1",
        "bindery_inbox_waiting 0",
        "route=\"/orgs/{org}/bindings/{name}\",status=\"201\"",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    for name in ["octo", "handbook", "docs\""] {
        assert!(!metrics.contains(name), "{name}");
    }
}

#[actix_web::test]
async fn every_answer_has_the_id_of_its_request() {
    let world = World::new().await;
    let first = world
        .get("/nowhere")
        .await
        .header("x-request-id")
        .to_owned();
    assert_ne!(world.get("/nowhere").await.header("x-request-id"), first);
}
