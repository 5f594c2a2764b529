use futures_util::future::join_all;
use serde_json::json;

use super::*;

const BINDING: &str = "/orgs/octo/bindings/handbook";
const BODY: &str = r#"{"github_owner": "octo", "github_repo": "docs"}"#;

#[actix_web::test]
async fn a_new_binding_is_pending_and_a_sync_is_on_its_way() {
    let world = World::with_octo().await;
    let made = world.put(BINDING, BODY).await;
    assert_eq!(made.status, 201);
    let body = made.json();
    assert_eq!(
        made.header("location"),
        body["self_url"].as_str().expect("a URL")
    );
    let seen = json!([
        body["self_url"],
        body["web_url"],
        body["github_ref"],
        body["root_path"],
        body["commit_sha"],
        body["last_sync_status"],
        body["github_repo_id"],
        body["access"],
    ]);
    let expected = json!([
        "http://bindery.example/orgs/octo/bindings/handbook",
        "https://github.com/octo/docs",
        null,
        "/",
        null,
        "pending",
        null,
        "unknown",
    ]);
    assert_eq!(seen, expected);
    let job = body["last_sync_queue_job_url"].as_str().expect("a job");
    let job = world
        .get(&job["http://bindery.example".len()..])
        .await
        .json();
    assert_eq!(job["binding_id"], body["id"]);
    assert_eq!(
        job["cause"],
        json!({"type": "operator", "token": "configured admin"})
    );
}

#[actix_web::test]
async fn docverses_fields_come_first_and_in_its_order() {
    let world = World::with_octo().await;
    let made = world.put(BINDING, BODY).await;
    let text = String::from_utf8(made.body).expect("UTF-8");
    let fields = [
        "self_url",
        "web_url",
        "github_owner",
        "github_repo",
        "github_ref",
        "root_path",
        "commit_sha",
        "last_sync_status",
        "last_sync_error",
        "last_sync_queue_job_url",
        "github_owner_id",
        "github_repo_id",
        "github_installation_id",
        "date_created",
        "date_updated",
        "id",
        "name",
        "organization",
        "project",
        "tree_sha",
        "required_files",
        "access",
        "date_synced",
        "last_delivery",
    ];
    let places: Vec<_> = fields
        .iter()
        .map(|field| text.find(&format!("\"{field}\":")).expect(field))
        .collect();
    assert!(places.is_sorted(), "{text}");
}

#[actix_web::test]
async fn an_identical_put_changes_nothing() {
    let world = World::with_octo().await;
    let made = world.put(BINDING, BODY).await;
    let again = world
        .put(
            BINDING,
            r#"{"github_owner": "OCTO", "github_repo": "Docs", "root_path": ""}"#,
        )
        .await;
    assert_eq!(again.status, 200);
    assert_eq!(again.body, made.body);
    let changed = world
        .put(
            BINDING,
            r#"{"github_owner": "octo", "github_repo": "docs", "root_path": "a"}"#,
        )
        .await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), made.header("etag"));
}

#[actix_web::test]
async fn a27_twenty_concurrent_puts_make_one_row() {
    let world = World::with_octo().await;
    let answers = join_all((0..20).map(|_| world.put(BINDING, BODY))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let same = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((made, same), (1, 19));
    let all = world.get("/orgs/octo/bindings").await.json();
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    let jobs = world.get("/jobs").await.json();
    assert_eq!(jobs.as_array().map(Vec::len), Some(1));
}

#[actix_web::test]
async fn a27_a_put_asks_for_the_state_that_its_client_has_seen() {
    let world = World::with_octo().await;
    let put = async |name: header::HeaderName, value: &str| {
        let request = with_body(request(Method::PUT, BINDING, ADMIN), BODY);
        world.call(request.insert_header((name, value))).await
    };
    assert_eq!(
        put(header::IF_MATCH, "*").await.problem(),
        "precondition-failed"
    );
    let made = put(header::IF_NONE_MATCH, "*").await;
    assert_eq!(made.status, 201);
    assert_eq!(put(header::IF_NONE_MATCH, "*").await.status, 412);
    assert_eq!(put(header::IF_MATCH, "\"stale\"").await.status, 412);
    assert_eq!(put(header::IF_MATCH, made.header("etag")).await.status, 200);
    assert_eq!(put(header::IF_MATCH, "*").await.status, 200);
}

#[actix_web::test]
async fn a_reader_that_has_it_gets_it_not_again() {
    let world = World::with_octo().await;
    let made = world.put(BINDING, BODY).await;
    let known = (header::IF_NONE_MATCH, made.header("etag"));
    let answer = world
        .call(request(Method::GET, BINDING, ADMIN).insert_header(known))
        .await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0));
    assert_eq!(answer.header("etag"), made.header("etag"));
}

#[actix_web::test]
async fn docverses_spelling_leads_to_the_binding_of_that_name() {
    let world = World::with_octo().await;
    for place in ["/orgs/octo", "/orgs/octo/projects/handbook"] {
        let spelt = format!("{place}/dashboard-template");
        let made = world.put(&spelt, BODY).await;
        assert_eq!(made.status, 201);
        assert_eq!(
            made.json()["self_url"],
            format!("http://bindery.example{spelt}")
        );
        assert_eq!(made.json()["required_files"], json!(["template.toml"]));
        let other = world
            .get(&format!("{place}/bindings/dashboard-template"))
            .await;
        assert_eq!(other.json()["id"], made.json()["id"]);
        assert_eq!(other.header("etag"), made.header("etag"));
    }
}

#[actix_web::test]
async fn a_sync_is_asked_for_once_and_then_joined() {
    let world = World::with_octo().await;
    let made = world.put(BINDING, BODY).await.json();
    let sync = format!("{BINDING}/sync");
    let answer = world.send(Method::POST, &sync, ADMIN).await;
    assert_eq!(answer.status, 202);
    let body = answer.json();
    assert_eq!(body["binding_id"], made["id"]);
    assert_eq!(body["coalesced"], true, "with the sync of the first PUT");
    assert_eq!(body["queue_job_url"], made["last_sync_queue_job_url"]);
    assert_eq!(
        answer.header("location"),
        body["queue_job_url"].as_str().expect("a URL")
    );
}

#[actix_web::test]
async fn a_deleted_binding_is_gone_and_its_job_called_off() {
    let world = World::with_octo().await;
    world.put(BINDING, BODY).await;
    assert_eq!(world.send(Method::DELETE, BINDING, ADMIN).await.status, 204);
    assert_eq!(world.get(BINDING).await.problem(), "not-found");
    assert_eq!(world.send(Method::DELETE, BINDING, ADMIN).await.status, 404);
    assert_eq!(world.get("/jobs").await.json()[0]["state"], "cancelled");
}

#[actix_web::test]
async fn a_list_is_filtered_and_paged() {
    let world = World::with_octo().await;
    for name in ["a", "b", "c"] {
        let body = format!(r#"{{"github_owner": "octo", "github_repo": "{name}"}}"#);
        world
            .put(&format!("/orgs/octo/bindings/{name}"), &body)
            .await;
    }
    world
        .put("/orgs/octo/projects/handbook/bindings/a", BODY)
        .await;
    let mut url = "/orgs/octo/bindings?limit=3&status=pending".to_owned();
    let mut names = Vec::new();
    loop {
        let page = world.get(&url).await;
        let rows = page.json();
        let rows = rows.as_array().expect("a list");
        names.extend(rows.iter().map(|row| row["github_repo"].clone()));
        let Some(link) = page.headers.get(header::LINK) else {
            break;
        };
        let link = link.to_str().expect("ASCII");
        let next = link.split_once(">; rel=\"next\"").expect("a next page").0;
        next["<http://bindery.example".len()..].clone_into(&mut url);
    }
    assert_eq!(names, ["a", "b", "c", "docs"]);
    let count = async |query: &str| {
        let rows = world
            .get(&format!("/orgs/octo/bindings?{query}"))
            .await
            .json();
        rows.as_array().map(Vec::len)
    };
    assert_eq!(count("project=handbook").await, Some(1));
    assert_eq!(count("project=nothing").await, Some(0));
    assert_eq!(count("repository=OCTO/b").await, Some(1));
    assert_eq!(count("repository=12").await, Some(0));
    assert_eq!(count("status=failed").await, Some(0));
}

#[actix_web::test]
async fn a23_a_list_refuses_what_it_does_not_understand() {
    let world = World::with_octo().await;
    for query in [
        "limit=0",
        "limit=1000000000",
        "limit=-1",
        "limit=x",
        "cursor=x",
        "cursor=",
        "status=good",
        "repository=docs",
        "repository=0",
        "stauts=failed",
        "repository=a%00/b",
    ] {
        let answer = world.get(&format!("/orgs/octo/bindings?{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.problem().as_str()),
            (400, "invalid-query"),
            "{query}"
        );
    }
}
