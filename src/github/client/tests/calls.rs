use rstest::rstest;
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, Request, ResponseTemplate};

use super::support::*;
use crate::git::{GitRef, Oid};
use crate::github::client::{Commit, Conditional, GitHub, Listing};
use crate::github::{GitHubError, RepositoryName};

const COMMIT: &str = "e83c5163316f89bfbde7d9ab23ca2e25604af290";
const TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const BLOB: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

fn oid(text: &str) -> Oid {
    text.parse().expect("an oid")
}

fn branch(name: &str) -> GitRef {
    GitRef::Branch(name.to_owned())
}

async fn commit(world: &World, git_ref: &GitRef) -> Result<Commit, GitHubError> {
    let client = world.client();
    let answer = client
        .commit(installation(1), repository_id(), git_ref, None)
        .await?;
    match answer {
        Conditional::Modified { value, .. } => Ok(value),
        Conditional::NotModified => panic!("not asked for"),
    }
}

fn commit_json() -> Value {
    json!({ "sha": COMMIT, "commit": { "tree": { "sha": TREE }, "message": "x" }, "files": [{}] })
}

#[rstest]
#[case(branch("main"), "/repositories/77/commits/heads/main")]
#[case(branch("a/b#c%"), "/repositories/77/commits/heads/a/b%23c%25")]
#[case(GitRef::Tag("v1".to_owned()), "/repositories/77/commits/tags/v1")]
#[tokio::test]
async fn a_commit_is_asked_for_by_its_whole_ref(#[case] git_ref: GitRef, #[case] at: &str) {
    let world = World::new().await;
    let at = at.to_owned();
    let asked_so = move |request: &Request| request.url.path() == at;
    Mock::given(asked_so)
        .and(query_param("per_page", "1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(commit_json()))
        .mount(&world.server)
        .await;
    let commit = commit(&world, &git_ref).await.expect("the commit");
    assert_eq!((commit.sha, commit.tree), (oid(COMMIT), oid(TREE)));
}

#[rstest]
#[case(422, "No commit found for SHA: heads/main", "NoSuchRef")]
#[case(404, "No commit found for the ref heads/main", "NoSuchRef")]
#[case(404, "Not Found", "NotFound")]
#[case(409, "Git Repository is empty.", "EmptyRepository")]
#[tokio::test]
async fn no_commit_and_why(#[case] status: u16, #[case] message: &str, #[case] expected: &str) {
    let world = World::new().await;
    let template = ResponseTemplate::new(status).set_body_json(json!({ "message": message }));
    world
        .on("/repositories/77/commits/heads/main", template)
        .await;
    let error = commit(&world, &branch("main")).await.expect_err("none");
    assert_eq!(format!("{error:?}"), expected);
}

#[rstest]
#[case::there(200, json!({ "ref": "refs/heads/main", "object": { "sha": COMMIT } }), true)]
#[case::another(200, json!({ "ref": "refs/heads/main-2", "object": {} }), false)]
#[case::gone(404, json!({ "message": "Not Found" }), false)]
#[case::empty(409, json!({ "message": "Git Repository is empty." }), false)]
#[tokio::test]
async fn a_ref_is_there_only_under_its_exact_name(
    #[case] status: u16,
    #[case] body: Value,
    #[case] expected: bool,
) {
    let world = World::new().await;
    let template = ResponseTemplate::new(status).set_body_json(body);
    world
        .on("/repositories/77/git/ref/heads/main", template)
        .await;
    let client = world.client();
    let there = client
        .has_ref(installation(1), repository_id(), &branch("main"))
        .await;
    assert_eq!(there.expect("an answer"), expected);
}

#[rstest]
#[case(Listing::Shallow, None)]
#[case(Listing::Recursive, Some("recursive=1"))]
#[tokio::test]
async fn a_tree_is_listed(#[case] listing: Listing, #[case] query: Option<&str>) {
    let world = World::new().await;
    let body = json!({ "sha": TREE, "truncated": true, "tree": [
        { "path": "docs", "mode": "040000", "type": "tree", "sha": TREE },
        { "path": "docs/a.md", "mode": "100644", "type": "blob", "sha": BLOB, "size": 6 },
        { "path": "sub", "mode": "160000", "type": "commit", "sha": COMMIT },
    ] });
    world
        .on(
            &format!("/repositories/77/git/trees/{TREE}"),
            ResponseTemplate::new(200).set_body_json(body),
        )
        .await;
    let client = world.client();
    let tree = client
        .tree(installation(1), repository_id(), oid(TREE), listing)
        .await;
    let tree = tree.expect("the tree");
    assert!(tree.truncated && tree.sha == oid(TREE));
    assert_eq!(tree.entries[1].path, "docs/a.md");
    assert_eq!(tree.entries[1].oid, oid(BLOB));
    assert_eq!(
        (tree.entries[1].size, tree.entries[2].size),
        (Some(6), None)
    );
    assert_eq!(world.requests().await[0].url.query(), query);
}

#[tokio::test]
async fn g24_a_listing_that_does_not_say_whether_it_is_whole_is_refused() {
    let world = World::new().await;
    let body = json!({ "sha": TREE, "tree": [] });
    world
        .on(
            &format!("/repositories/77/git/trees/{TREE}"),
            ResponseTemplate::new(200).set_body_json(body),
        )
        .await;
    let client = world.client();
    let tree = client
        .tree(
            installation(1),
            repository_id(),
            oid(TREE),
            Listing::Shallow,
        )
        .await;
    assert!(matches!(tree, Err(GitHubError::Unexpected(_))), "{tree:?}");
}

#[tokio::test]
async fn g25_a_large_tree_is_read() {
    let entry = |n: u32| {
        let path = format!("packages/{n:06}/{}.json", "long-name".repeat(24));
        json!({ "path": path, "mode": "100644", "type": "blob", "sha": BLOB, "size": n })
    };
    let entries: Vec<Value> = (0..56_000).map(entry).collect();
    let body = json!({ "sha": TREE, "truncated": false, "tree": entries });
    assert!(body.to_string().len() > 18_000_000);
    let world = World::new().await;
    world
        .on(
            &format!("/repositories/77/git/trees/{TREE}"),
            ResponseTemplate::new(200).set_body_json(body),
        )
        .await;
    let client = world.client();
    let tree = client
        .tree(
            installation(1),
            repository_id(),
            oid(TREE),
            Listing::Recursive,
        )
        .await;
    assert_eq!(tree.expect("the tree").entries.len(), 56_000);
}

async fn blob(template: ResponseTemplate, max_bytes: u64) -> Result<Vec<u8>, GitHubError> {
    let world = World::new().await;
    Mock::given(path(format!("/repositories/77/git/blobs/{BLOB}")))
        .and(header("accept", "application/vnd.github.raw+json"))
        .respond_with(template)
        .mount(&world.server)
        .await;
    let client = world.client();
    let bytes = client
        .blob(installation(1), repository_id(), oid(BLOB), max_bytes)
        .await?;
    Ok(bytes.to_vec())
}

#[tokio::test]
async fn a_blob_is_its_bytes() {
    let bytes = b"\0\xff hello\n".to_vec();
    let template = ResponseTemplate::new(200).set_body_bytes(bytes.clone());
    assert_eq!(blob(template, 9).await.expect("the bytes"), bytes);
}

#[rstest]
#[case::beyond_ours(ResponseTemplate::new(200).set_body_bytes(vec![0; 10]), 9)]
#[case::beyond_githubs(
    ResponseTemplate::new(403).set_body_json(json!({
        "message": "This API returns blobs up to 100 MB in size.",
        "errors": [{ "resource": "Blob", "field": "data", "code": "too_large" }],
    })),
    100_000_000
)]
#[tokio::test]
async fn g28_a_blob_beyond_its_limit(#[case] template: ResponseTemplate, #[case] expected: u64) {
    match blob(template, expected).await {
        Err(GitHubError::TooLarge { limit, what }) => assert_eq!((limit, what), (expected, "file")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_request_says_who_asks_and_in_which_version() {
    let world = World::new().await;
    world
        .on(
            REPOSITORY,
            ResponseTemplate::new(200).set_body_json(repository_json()),
        )
        .await;
    world.ask(&world.client()).await.expect("the repository");
    for request in world.server.received_requests().await.expect("recorded") {
        let header = |name: &str| request.headers[name].to_str().expect("text").to_owned();
        assert!(header("user-agent").starts_with("bindery/"));
        assert_eq!(header("accept"), "application/vnd.github+json");
        assert_eq!(header("x-github-api-version"), "2022-11-28");
    }
}

#[tokio::test]
async fn g37_enterprise_server_has_a_path_of_its_own_and_fewer_fields() {
    let world = World::new().await;
    let mut config = world.config();
    config.api_url = format!("{}/api/v3/", world.server.uri())
        .parse()
        .expect("a URL");
    let body = json!({
        "id": 9, "account": { "id": 5, "login": "harbour-works" }, "repository_selection": "all",
    });
    world
        .on(
            "/api/v3/repos/harbour-works/handbook/installation",
            ResponseTemplate::new(200).set_body_json(body),
        )
        .await;
    let client = GitHub::new(config, world.clock.clone()).expect("a client");
    let name = RepositoryName::new("harbour-works", "handbook");
    let found = client
        .repository_installation_by_name(&name)
        .await
        .expect("covered");
    assert_eq!((found.id, found.suspended_at), (installation(9), None));
}

#[tokio::test]
async fn an_installation_says_what_it_may() {
    let world = World::new().await;
    let body = json!({
        "id": 9, "account": { "id": 5, "login": "harbour-works", "type": "Organization" },
        "suspended_at": "2026-03-01T08:00:00Z", "repository_selection": "selected",
        "permissions": { "contents": "read", "brand_new": { "level": 3 } },
    });
    world
        .on(
            "/app/installations/9",
            ResponseTemplate::new(200).set_body_json(body),
        )
        .await;
    let found = world
        .client()
        .installation(installation(9))
        .await
        .expect("installed");
    assert_eq!(found.account.login, "harbour-works");
    assert!(found.suspended_at.is_some());
    assert_eq!(found.permissions.len(), 1);
    assert_eq!(found.permissions["contents"], "read");
}

#[tokio::test]
async fn an_installations_repositories_come_in_pages() {
    let world = World::new().await;
    let mut old = repository_json();
    old["visibility"].take();
    let body = json!({ "total_count": 101, "repositories": [repository_json(), old] });
    Mock::given(method("GET"))
        .and(path("/installation/repositories"))
        .and(query_param("page", "2"))
        .and(query_param("per_page", "100"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&world.server)
        .await;
    let page = world
        .client()
        .installation_repositories(installation(1), 2)
        .await;
    let page = page.expect("the page");
    assert_eq!((page.total_count, page.repositories.len()), (101, 2));
    assert_eq!(
        page.repositories[1].visibility, "private",
        "said by `private` alone"
    );
}

#[tokio::test]
async fn g32_deliveries_are_read_page_by_page_whatever_is_odd_about_one() {
    let world = World::new().await;
    let odd = json!({
        "id": 1, "guid": "g1", "delivered_at": "2026-03-02T11:00:00Z", "redelivery": false,
        "duration": 0.1, "status": "failed to connect", "status_code": 0, "event": "push",
        "action": null, "installation_id": 0, "repository_id": "77",
        "throttled_at": "2026-03-02T10:59:00Z",
    });
    let bare =
        json!({ "id": 2, "guid": "g2", "delivered_at": "2026-03-02T10:00:00Z", "event": "ping" });
    // The cursor is taken out of the URL; the URL itself leads astray.
    let link = r#"<https://elsewhere.example/app/hook/deliveries?per_page=100&cursor=v1_a%2Bb>; rel="next""#;
    Mock::given(path("/app/hook/deliveries"))
        .and(query_param("cursor", "v1_a+b"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([])))
        .mount(&world.server)
        .await;
    let unreadable = json!({ "id": "3", "event": null });
    let first = ResponseTemplate::new(200)
        .insert_header("link", link)
        .set_body_json(json!([odd, unreadable, bare]));
    world.on("/app/hook/deliveries", first).await;
    let client = world.client();
    let page = client.hook_deliveries(None).await.expect("the first page");
    assert_eq!((page.deliveries.len(), page.unreadable), (2, 1));
    assert_eq!(page.deliveries[0].installation_id, None, "0 is no id");
    assert!(page.deliveries[0].throttled_at.is_some());
    let page = client
        .hook_deliveries(page.next.as_ref())
        .await
        .expect("the last page");
    assert!(page.deliveries.is_empty() && page.next.is_none());
}

#[tokio::test]
async fn installations_are_read_page_by_page_whatever_is_odd_about_one() {
    let world = World::new().await;
    let one = |id: i64| {
        json!({
            "id": id, "account": { "id": id, "login": format!("account-{id}") },
            "suspended_at": null, "permissions": { "contents": "read" },
            "repository_selection": "all",
        })
    };
    let mut full: Vec<_> = (1..100).map(one).collect();
    full.push(json!({ "id": 100, "account": null }));
    for (page, shown) in [("1", json!(full)), ("2", json!([one(101)]))] {
        Mock::given(path("/app/installations"))
            .and(query_param("page", page))
            .and(query_param("per_page", "100"))
            .respond_with(ResponseTemplate::new(200).set_body_json(shown))
            .mount(&world.server)
            .await;
    }
    let client = world.client();
    let page = client.installations(1).await.expect("the first page");
    assert_eq!((page.installations.len(), page.unreadable), (99, 1));
    assert!(page.more, "it was full");
    let page = client.installations(2).await.expect("the last page");
    assert_eq!(page.installations[0].account.login, "account-101");
    assert!(!page.more);
}

#[tokio::test]
async fn a_delivery_is_fetched_with_what_was_sent() {
    let world = World::new().await;
    let body = json!({
        "id": 1, "guid": "g1", "delivered_at": "2026-03-02T11:00:00Z", "event": "push",
        "request": {
            "headers": { "X-GitHub-Event": "push", "X-GitHub-Delivery": "g1", "odd": 1 },
            "payload": { "ref": "refs/heads/main" },
        },
        "response": { "headers": {}, "payload": "timed out" },
    });
    world
        .on(
            "/app/hook/deliveries/1",
            ResponseTemplate::new(200).set_body_json(body),
        )
        .await;
    let fetched = world.client().hook_delivery(1).await.expect("the delivery");
    assert_eq!(fetched.delivery.guid, "g1");
    assert_eq!(fetched.headers["X-GitHub-Event"], "push");
    assert_eq!(fetched.payload.get(), r#"{"ref":"refs/heads/main"}"#);
}

#[tokio::test]
async fn a_delivery_beyond_its_limit_is_too_large_and_no_fault_of_githubs() {
    let world = World::new().await;
    let endless = ResponseTemplate::new(200).set_body_bytes(vec![b' '; 2_000]);
    world.on("/app/hook/deliveries/1", endless).await;
    let mut config = world.config();
    config.limits.max_large_json_bytes = 1_000;
    let client = GitHub::new(config, world.clock.clone()).expect("a client");
    match client.hook_delivery(1).await {
        Err(GitHubError::TooLarge { limit, what }) => {
            assert_eq!((limit, what), (1_000, "delivery"));
        }
        other => panic!("{other:?}"),
    }
}
