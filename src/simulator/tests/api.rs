use serde_json::{Value, json};

use crate::simulator::{Route, Selection};

use super::Story;

#[tokio::test]
async fn an_old_name_redirects_until_another_repository_takes_it() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let token = story.token(installation).await;
    let first = story.github.create_repository("octo", "old").await;
    story.github.rename(first, "new").await;

    let answer = story
        .get("/repos/OCTO/Old/commits/heads%2Fmain?per_page=1", &token)
        .await;
    assert_eq!(answer.status(), 301);
    let location = answer.headers()["location"].to_str().unwrap();
    let there = format!("/repositories/{first}/commits/heads%2Fmain?per_page=1");
    assert_eq!(location, format!("{}{there}", story.github.url()));
    assert_eq!(
        story.status("/repos/octo/old", "").await,
        404,
        "a stranger is told nothing"
    );

    let second = story.github.create_repository("octo", "old").await;
    let found = story.read("/repos/octo/old", &token).await;
    assert_eq!(found["id"], json!(second));
    story.github.delete_repository(second).await;
    assert_eq!(
        story.status("/repos/octo/old", &token).await,
        404,
        "taken once is taken for good"
    );
}

#[tokio::test]
async fn a_renamed_owner_and_a_transferred_repository_redirect_too() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    story.github.create_user("ann");
    story.github.install("octo", Selection::All).await;
    let gaining = story.github.install("ann", Selection::All).await;
    let repository = story.github.create_repository("octo", "templates").await;
    story.github.rename_owner("octo", "octo-inc").await;
    story.github.transfer(repository, "ann").await;
    let token = story.token(gaining).await;
    for old in ["/repos/octo/templates", "/repos/octo-inc/templates"] {
        assert_eq!(story.status(old, &token).await, 301, "{old}");
    }
    let found = story.read("/repos/ann/templates", &token).await;
    assert_eq!(found["id"], json!(repository));
}

#[tokio::test]
async fn a_known_etag_costs_nothing_and_belongs_to_its_token() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let repository = story.github.create_repository("octo", "templates").await;
    story
        .github
        .push(repository, "main", |files| files.write("a", "1"))
        .await;
    let (first, second) = (
        story.token(installation).await,
        story.token(installation).await,
    );
    let path = format!("/repositories/{repository}/commits/heads/main");
    let answer = story.get(&path, &first).await;
    let etag = answer.headers()["etag"].clone();
    assert!(etag.to_str().unwrap().starts_with("W/\""));
    assert_eq!(answer.headers()["x-ratelimit-remaining"], "4999");

    let again = async |token: &str| {
        let request = story
            .request("GET", &path, token)
            .header("if-none-match", &etag);
        request.send().await.unwrap()
    };
    let unchanged = again(&first).await;
    assert_eq!(unchanged.status(), 304);
    assert_eq!(unchanged.headers()["x-ratelimit-remaining"], "4999");
    assert_eq!(again(&second).await.status(), 200);
    story
        .github
        .push(repository, "main", |files| files.write("a", "2"))
        .await;
    assert_eq!(again(&first).await.status(), 200);
    let asked = story.github.requests();
    assert_eq!(
        asked.iter().filter(|request| request.conditional).count(),
        3
    );
}

#[tokio::test]
async fn trees_and_blobs_are_served_as_github_does() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let repository = story.github.create_repository("octo", "templates").await;
    let pushed = story
        .github
        .push(repository, "main", |files| {
            files
                .write("a.txt", "hello\n")
                .executable("bin/run", "#!")
                .symlink("b", "a.txt")
        })
        .await;
    let token = story.token(installation).await;
    let path = format!(
        "/repositories/{repository}/git/trees/{}?recursive=1",
        pushed.after
    );
    let tree = story.read(&path, &token).await;
    let listed: Vec<_> = tree["tree"].as_array().unwrap().iter().collect();
    let paths: Vec<_> = listed.iter().map(|e| e["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["a.txt", "b", "bin", "bin/run"]);
    assert_eq!(listed[0]["size"], 6);
    assert_eq!(
        (&listed[2]["mode"], &listed[2]["type"]),
        (&json!("040000"), &json!("tree"))
    );
    assert_eq!(listed[2].get("size"), None);
    assert_eq!(tree["truncated"], false);

    let blob = format!(
        "/repositories/{repository}/git/blobs/{}",
        listed[0]["sha"].as_str().unwrap()
    );
    assert_eq!(story.read(&blob, &token).await["content"], "aGVsbG8K\n");
    let raw = story
        .request("GET", &blob, &token)
        .header("accept", "application/vnd.github.raw+json");
    assert_eq!(raw.send().await.unwrap().text().await.unwrap(), "hello\n");

    story.github.set_tree_limit(3);
    let cut = story.read(&path, &token).await;
    assert_eq!(
        (cut["tree"].as_array().unwrap().len(), &cut["truncated"]),
        (3, &json!(true))
    );
}

#[tokio::test]
async fn a_branch_and_a_tag_of_one_name_are_two() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let repository = story.github.create_repository("octo", "templates").await;
    let path = format!("/repositories/{repository}");
    let token = story.token(installation).await;
    assert_eq!(
        story
            .status(&format!("{path}/commits/heads/x"), &token)
            .await,
        409,
        "still empty"
    );
    let first = story
        .github
        .push(repository, "x", |files| files.write("a", "1"))
        .await
        .after;
    let second = story
        .github
        .push(repository, "x", |files| files.write("a", "2"))
        .await
        .after;
    let tag = story
        .github
        .create_annotated_tag(repository, "x", first)
        .await
        .after;

    let sha = async |name: &str| {
        story.read(&format!("{path}/commits/{name}"), &token).await["sha"].clone()
    };
    assert_eq!(sha("heads/x").await, json!(second));
    assert_eq!(sha("tags%2Fx").await, json!(first));
    assert_eq!(sha("x").await, json!(first), "bare names prefer the tag");
    let found = story.read(&format!("{path}/git/ref/tags/x"), &token).await;
    assert_eq!(found["object"]["sha"], json!(tag));
    assert_eq!(found["object"]["type"], "tag");
    assert_eq!(
        story
            .status(&format!("{path}/git/ref/tags/y"), &token)
            .await,
        404
    );
    let missing = story.get(&format!("{path}/commits/heads/y"), &token).await;
    assert_eq!(missing.status(), 422);
    let missing: Value = missing.json().await.unwrap();
    assert_eq!(missing["message"], "No commit found for SHA: heads/y");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    for n in 0..5 {
        story
            .github
            .create_repository("octo", &format!("r{n}"))
            .await;
    }
    let token = story.token(installation).await;
    let answer = story
        .get("/installation/repositories?per_page=2&page=3", &token)
        .await;
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["total_count"], 5);
    assert_eq!(body["repositories"].as_array().unwrap().len(), 1);
    assert!(
        link.contains("rel=\"prev\"") && !link.contains("rel=\"next\""),
        "{link}"
    );
}

#[tokio::test]
async fn the_apps_installations_are_listed_until_they_end() {
    let story = Story::begin().await;
    let mut installed = Vec::new();
    for login in ["ann", "bob", "carl"] {
        story.github.create_user(login);
        installed.push(story.github.install(login, Selection::All).await);
    }
    let [ann, bob, carl] = installed[..] else {
        panic!("three")
    };
    story.github.suspend(bob).await;
    let jwt = story.jwt();
    let answer = story.get("/app/installations?per_page=2", &jwt).await;
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    assert!(link.contains("page=2>; rel=\"next\""), "{link}");
    let first: Value = answer.json().await.unwrap();
    let ids = |page: &Value| {
        let listed = page.as_array().unwrap().iter();
        listed.map(|it| it["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), [json!(ann), json!(bob)]);
    assert_eq!(first[0]["suspended_at"], Value::Null);
    assert!(first[1]["suspended_at"].is_string());
    let second = story
        .get("/app/installations?per_page=2&page=2", &jwt)
        .await;
    assert!(!second.headers()["link"].to_str().unwrap().contains("next"));
    assert_eq!(ids(&second.json().await.unwrap()), [json!(carl)]);

    let one = format!("/app/installations/{bob}");
    let shown = story.read(&one, &jwt).await;
    assert_eq!(shown, first[1]);
    assert_eq!(shown["account"]["login"], "bob");
    story.github.uninstall(bob).await;
    assert_eq!(story.status(&one, &jwt).await, 404);
    let left = story.read("/app/installations", &jwt).await;
    assert_eq!(ids(&left), [json!(ann), json!(carl)]);
    let token = story.token(ann).await;
    assert_eq!(story.status("/app/installations", &token).await, 401);
}

#[tokio::test]
async fn a_page_has_at_most_a_hundred_whole_repositories() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    story.github.omit_all(true);
    for n in 0..103 {
        let name = format!("r{n}");
        story.github.create_repository("octo", &name).await;
    }
    let token = story.token(installation).await;
    let mut path = Some("/installation/repositories?per_page=1000".to_owned());
    let mut sizes = Vec::new();
    while let Some(at) = path {
        let answer = story.get(&at, &token).await;
        let link = answer.headers()["link"].to_str().unwrap().to_owned();
        let next = link.split(", ").find(|one| one.contains("rel=\"next\""));
        path = next.map(|next| {
            let (url, _) = next[1..].split_once('>').unwrap();
            url.strip_prefix(&story.github.url()).unwrap().to_owned()
        });
        let page: Value = answer.json().await.unwrap();
        assert_eq!(page["total_count"], 103);
        let repositories = page["repositories"].as_array().unwrap();
        for field in [
            "full_name",
            "default_branch",
            "visibility",
            "owner",
            "archived",
        ] {
            assert!(
                repositories.iter().all(|it| it.get(field).is_some()),
                "{field}"
            );
        }
        sizes.push(repositories.len());
    }
    assert_eq!(sizes, [100, 3]);
}

#[tokio::test]
async fn a_client_that_asks_for_what_is_not_there_is_noticed() {
    let story = Story::begin().await;
    story.get("/rate_limit", "").await;
    assert!(story.github.unexpected_requests().is_empty());
    story.get("/repos/octo/templates/zipball/main", "").await;
    let unexpected = story.github.unexpected_requests();
    assert_eq!(unexpected[0].path, "/repos/octo/templates/zipball/main");
    let nameless = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = nameless
        .get(format!("{}/rate_limit", story.github.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403, "no User-Agent");
    assert_eq!(story.github.count(Route::RateLimit), 2);
}
