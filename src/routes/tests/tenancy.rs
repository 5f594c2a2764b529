use super::*;

const BINDING: &str = "/orgs/octo/bindings/handbook";
const BODY: &str = r#"{"github_owner": "octo", "github_repo": "docs"}"#;

async fn two_tenants() -> World {
    let world = World::with_octo().await;
    world.put("/orgs/other", "{}").await;
    world.put(BINDING, BODY).await;
    world
}

#[actix_web::test]
async fn a14_without_a_good_token_everything_is_401() {
    let world = two_tenants().await;
    let good = world.token(Some("octo"), Role::Admin).await;
    let revoked = world.token(None, Role::Admin).await;
    let tokens = world.get("/tokens").await.json();
    let last = tokens
        .as_array()
        .and_then(|all| all.last())
        .expect("a token")["id"]
        .clone();
    assert_eq!(
        world
            .send(Method::DELETE, &format!("/tokens/{last}"), ADMIN)
            .await
            .status,
        204
    );
    let other_end = if good.ends_with('A') { 'B' } else { 'A' };
    let mutated = format!("{}{other_end}", &good[..good.len() - 1]);
    for token in [
        "",
        "x",
        &revoked,
        &mutated,
        &good[..good.len() - 1],
        "bndr_",
    ] {
        for path in [
            "/orgs",
            BINDING,
            "/orgs/nowhere",
            "/jobs/1",
            "/deliveries",
            "/tokens",
        ] {
            let answer = world.send(Method::GET, path, token).await;
            assert_eq!(
                (answer.status.as_u16(), answer.problem().as_str()),
                (401, "unauthorized"),
                "{path}"
            );
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }
    assert_eq!(world.send(Method::GET, BINDING, &good).await.status, 200);
}

#[actix_web::test]
async fn a14_401_comes_before_whatever_else_is_wrong() {
    let world = two_tenants().await;
    for body in ["{", "{}"] {
        let answer = world
            .call(with_body(request(Method::PUT, BINDING, "x"), body))
            .await;
        assert_eq!(answer.status, 401, "{body}");
    }
    assert_eq!(
        world.send(Method::GET, "/jobs?limit=0", "x").await.status,
        401
    );
    let viewer = world.token(Some("octo"), Role::Viewer).await;
    let answer = world
        .call(with_body(request(Method::PUT, BINDING, &viewer), "{"))
        .await;
    assert_eq!(answer.status, 403);
}

#[actix_web::test]
async fn a15_a_token_in_the_query_is_not_looked_at() {
    let world = two_tenants().await;
    for name in ["access_token", "token"] {
        let request = test::TestRequest::with_uri(&format!("/orgs?{name}={ADMIN}"));
        assert_eq!(world.call(request).await.problem(), "unauthorized");
    }
}

#[actix_web::test]
async fn a08_what_another_tenant_has_is_not_there() {
    let world = two_tenants().await;
    world.token(Some("octo"), Role::Viewer).await;
    let token = world.token(Some("other"), Role::Admin).await;
    let nothing = world.send(Method::GET, "/orgs/nowhere", &token).await.body;
    for (method, path) in [
        (Method::GET, "/orgs/octo"),
        (Method::GET, "/orgs/octo/projects/handbook"),
        (Method::DELETE, "/orgs/octo/projects/handbook"),
        (Method::GET, BINDING),
        (Method::DELETE, BINDING),
        (Method::GET, "/orgs/octo/bindings"),
        (Method::POST, "/orgs/octo/bindings/handbook/sync"),
        (Method::GET, "/orgs/octo/bindings/handbook/files"),
        (Method::GET, "/orgs/octo/bindings/handbook/effective"),
        (Method::GET, "/orgs/octo/bindings/handbook/diff"),
    ] {
        let answer = world.send(method.clone(), path, &token).await;
        assert_eq!(answer.status, 404, "{method} {path}");
        assert_eq!(answer.body, nothing, "in other words: {method} {path}");
    }
    let put = world
        .call(with_body(request(Method::PUT, BINDING, &token), BODY))
        .await;
    assert_eq!((put.status.as_u16(), put.body), (404, nothing));
    for path in ["/jobs/1", "/deliveries/1", "/tokens/1"] {
        assert_eq!(
            world.send(Method::GET, path, &token).await.problem(),
            "not-found",
            "{path}"
        );
    }
    let jobs = world.send(Method::GET, "/jobs", &token).await;
    assert_eq!(jobs.body, b"[]");
    let organizations = world.send(Method::GET, "/orgs", &token).await.json();
    assert_eq!(organizations[0]["slug"], "other");
    assert_eq!(organizations.as_array().map(Vec::len), Some(1));
}

#[actix_web::test]
async fn a22_a_role_may_so_much_and_no_more() {
    let world = two_tenants().await;
    let sync = format!("{BINDING}/sync");
    for (role, read, sync_status, write) in [
        (Role::Viewer, 200, 403, 403),
        (Role::Operator, 200, 202, 403),
        (Role::Admin, 200, 202, 200),
    ] {
        let token = world.token(Some("octo"), role).await;
        assert_eq!(
            world.send(Method::GET, BINDING, &token).await.status,
            read,
            "{role}"
        );
        assert_eq!(
            world.send(Method::POST, &sync, &token).await.status,
            sync_status,
            "{role}"
        );
        let put = with_body(request(Method::PUT, BINDING, &token), BODY);
        assert_eq!(world.call(put).await.status, write, "{role}");
    }
}

#[actix_web::test]
async fn tenants_grants_and_deliveries_are_for_tokens_of_all_organisations() {
    let world = two_tenants().await;
    let scoped = world.token(Some("octo"), Role::Admin).await;
    let viewer = world.token(None, Role::Viewer).await;
    for (method, path) in [
        (Method::PUT, "/orgs/new"),
        (Method::DELETE, "/orgs/octo"),
        (Method::PUT, "/orgs/octo/installations/7"),
        (Method::GET, "/orgs/octo/installations"),
    ] {
        for token in [&scoped, &viewer] {
            let answer = world.send(method.clone(), path, token).await;
            assert_eq!(answer.problem(), "forbidden", "{method} {path}");
        }
    }
    for path in ["/deliveries", "/explain?delivery=x", "/healing"] {
        let refused = world.send(Method::GET, path, &scoped).await;
        assert_eq!(refused.problem(), "forbidden", "{path}");
        assert_eq!(world.send(Method::GET, path, &viewer).await.status, 200);
    }
    assert_eq!(
        world
            .send(Method::POST, "/deliveries/1/replay", &scoped)
            .await
            .status,
        404
    );
    assert_eq!(
        world
            .send(Method::POST, "/deliveries/1/replay", &viewer)
            .await
            .status,
        403
    );
}

#[actix_web::test]
async fn a_token_is_shown_once_and_made_by_whom_it_concerns() {
    let world = two_tenants().await;
    let scoped = world.token(Some("octo"), Role::Admin).await;
    let create = async |token: &str, body: &str| {
        world
            .call(with_body(request(Method::POST, "/tokens", token), body))
            .await
    };
    let made = create(
        &scoped,
        r#"{"label": "ci", "organization": "octo", "role": "operator"}"#,
    )
    .await;
    assert_eq!(
        (made.status.as_u16(), made.header("cache-control")),
        (201, "no-store")
    );
    let secret = made.json()["token"]
        .as_str()
        .expect("the secret")
        .to_owned();
    assert_eq!(world.send(Method::GET, BINDING, &secret).await.status, 200);
    let listed = world.send(Method::GET, "/tokens", &scoped).await;
    let text = String::from_utf8(listed.body).expect("UTF-8");
    assert!(
        text.contains("\"ci\"") && !text.contains(&secret[5..]),
        "{text}"
    );
    let refused = create(&scoped, r#"{"label": "x", "role": "viewer"}"#).await;
    assert_eq!(refused.problem(), "forbidden");
    let refused = create(
        &scoped,
        r#"{"label": "x", "organization": "other", "role": "viewer"}"#,
    )
    .await;
    let nowhere = create(
        &scoped,
        r#"{"label": "x", "organization": "no", "role": "viewer"}"#,
    )
    .await;
    assert_eq!((refused.status.as_u16(), refused.body), (422, nowhere.body));
    let past = r#"{"label": "x", "organization": "octo", "role": "viewer", "expires_at": "2001-01-01T00:00:00Z"}"#;
    assert_eq!(
        create(&scoped, past).await.json()["errors"][0]["field"],
        "expires_at"
    );
}

#[actix_web::test]
async fn a04_an_installation_is_granted_to_one_organisation() {
    let world = two_tenants().await;
    assert_eq!(
        world.put("/orgs/octo/installations/7", "").await.status,
        201
    );
    assert_eq!(
        world.put("/orgs/octo/installations/7", "").await.status,
        200
    );
    let refused = world.put("/orgs/other/installations/7", "").await;
    assert_eq!(
        (refused.status.as_u16(), refused.problem().as_str()),
        (409, "granted-to-another")
    );
    assert_eq!(
        world
            .put("/orgs/other/installations/7?host=ghe.example", "")
            .await
            .status,
        201
    );
    assert_eq!(
        world.put("/orgs/octo/installations/0", "").await.problem(),
        "invalid-path"
    );
    let grants = world.get("/orgs/octo/installations").await.json();
    assert_eq!(grants[0]["github_installation_id"], 7);
    assert_eq!(
        world
            .send(Method::DELETE, "/orgs/octo/installations/7", ADMIN)
            .await
            .status,
        204
    );
    assert_eq!(
        world
            .send(Method::DELETE, "/orgs/octo/installations/7", ADMIN)
            .await
            .status,
        404
    );
    assert_eq!(
        world.put("/orgs/other/installations/7", "").await.status,
        201
    );
}

#[actix_web::test]
async fn a17_guesses_are_slowed_down_and_a_good_token_is_not() {
    let world = two_tenants().await;
    let app = test::init_service(app(world.api.clone())).await;
    let get = async |token: &str| {
        let request = request(Method::GET, "/orgs", token).to_request();
        test::call_service(&app, request).await.status().as_u16()
    };
    for _ in 0..100 {
        assert_eq!(get("guess").await, 401);
    }
    assert_eq!(get("guess").await, 429);
    assert_eq!(get(ADMIN).await, 200);
}

#[actix_web::test]
async fn a14_a_token_ends_when_it_was_said_to() {
    let world = two_tenants().await;
    let body = r#"{"label": "x", "role": "viewer", "expires_at": "2026-01-02T04:00:00Z"}"#;
    let made = world
        .call(with_body(request(Method::POST, "/tokens", ADMIN), body))
        .await;
    let token = made.json()["token"].as_str().expect("a token").to_owned();
    assert_eq!(world.send(Method::GET, BINDING, &token).await.status, 200);
    world
        .api
        .context
        .clock
        .advance(std::time::Duration::from_secs(3600));
    assert_eq!(world.send(Method::GET, BINDING, &token).await.status, 401);
}
