use std::time::Duration;

use serde_json::json;

use crate::simulator::{Fault, Route, Selection};

use super::Story;

#[tokio::test]
async fn a_fault_strikes_where_and_as_often_as_it_says() {
    let story = Story::begin().await;
    let jwt = story.jwt();
    story
        .github
        .fail(Fault::on(Route::App).after(1).times(2).status(502));
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(story.status("/app", &jwt).await);
        assert_eq!(story.status("/app/installations", &jwt).await, 200);
    }
    assert_eq!(seen, [200, 502, 502, 200]);
    story
        .github
        .fail(Fault::anywhere().status(503).header("retry-after", "7"));
    let answer = story.get("/app/installations", &jwt).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (503, &"7".parse().unwrap())
    );
    story.github.clear_faults();
    assert_eq!(story.status("/app", &jwt).await, 200);
}

#[tokio::test]
async fn bodies_can_be_cut_replaced_and_withheld() {
    let story = Story::begin().await;
    let jwt = story.jwt();
    story
        .github
        .fail(Fault::on(Route::App).times(1).replace("{\"id\":"));
    assert_eq!(
        story.get("/app", &jwt).await.text().await.unwrap(),
        "{\"id\":"
    );
    story.github.fail(Fault::on(Route::App).times(1).cut());
    let answer = story.get("/app", &jwt).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err(), "the body ends early");
    story.github.fail(Fault::on(Route::App).times(1).hang());
    let request = story
        .request("GET", "/app", &jwt)
        .timeout(Duration::from_millis(200));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(story.status("/app", &jwt).await, 200);
}

#[tokio::test]
async fn limits_belong_to_one_installation_and_end_with_the_clock() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    story.github.create_user("ann");
    let octo = story.github.install("octo", Selection::All).await;
    let ann = story.github.install("ann", Selection::All).await;
    let (octo_token, ann_token) = (story.token(octo).await, story.token(ann).await);
    let path = "/installation/repositories";
    story
        .github
        .exhaust_rate_limit(octo, Duration::from_secs(120));
    let answer = story.get(path, &octo_token).await;
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.headers()["x-ratelimit-remaining"], "0");
    let reset = (story.clock.now().timestamp() + 120).to_string();
    assert_eq!(answer.headers()["x-ratelimit-reset"], reset.as_str());
    assert_eq!(story.status(path, &ann_token).await, 200);
    story.clock.advance(Duration::from_secs(120));
    assert_eq!(story.status(path, &octo_token).await, 200);

    story
        .github
        .secondary_limit(octo, Some(Duration::from_secs(30)));
    let answer = story.get(path, &octo_token).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (403, &"30".parse().unwrap())
    );
    story.clock.advance(Duration::from_secs(30));
    assert_eq!(story.status(path, &octo_token).await, 200);
    story.github.secondary_limit(octo, None);
    assert!(
        story
            .get(path, &octo_token)
            .await
            .headers()
            .get("retry-after")
            .is_none()
    );
}

#[tokio::test]
async fn refs_lag_behind_until_the_clock_has_passed() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let repository = story.github.create_repository("octo", "templates").await;
    let old = story
        .github
        .push(repository, "main", |files| files.write("a", "1"))
        .await
        .after;
    story.clock.advance(Duration::from_secs(10));
    story.github.lag_refs(Duration::from_secs(5));
    let new = story
        .github
        .push(repository, "main", |files| files.write("a", "2"))
        .await
        .after;
    story.github.create_tag(repository, "v1", new).await;
    let token = story.token(installation).await;
    let path = format!("/repositories/{repository}");
    let head = async || {
        story
            .read(&format!("{path}/commits/heads/main"), &token)
            .await["sha"]
            .clone()
    };
    assert_eq!(head().await, json!(old));
    assert_eq!(
        story
            .status(&format!("{path}/git/ref/tags/v1"), &token)
            .await,
        404
    );
    story.clock.advance(Duration::from_secs(5));
    assert_eq!(head().await, json!(new));
    assert_eq!(
        story
            .status(&format!("{path}/git/ref/tags/v1"), &token)
            .await,
        200
    );
}

#[tokio::test]
async fn whoever_asks_for_a_ref_that_lags_gets_the_old_commit_and_its_tree() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let repository = story.github.create_repository("octo", "templates").await;
    let push = async |content: &str| {
        let write = |files: crate::simulator::Change| files.write("a", content);
        story.github.push(repository, "main", write).await.after
    };
    let old = push("1").await;
    story.clock.advance(Duration::from_secs(10));
    story.github.lag_refs(Duration::from_secs(5));
    let new = push("2").await;
    let token = story.token(installation).await;
    let seen = async |commit| {
        let read = async |path: &str| {
            let path = format!("/repositories/{repository}/{path}");
            story.read(&path, &token).await
        };
        let tree = story.github.tree_at(repository, commit, "").unwrap();
        let found = read("commits/heads/main").await;
        assert_eq!(found["sha"], json!(commit));
        assert_eq!(found["commit"]["tree"]["sha"], json!(tree));
        assert_eq!(read("git/trees/heads%2Fmain").await["sha"], json!(tree));
        assert_eq!(read("branches/main").await["commit"]["sha"], json!(commit));
        assert_eq!(read("commits/HEAD").await["sha"], json!(commit));
    };
    seen(old).await;
    story.clock.advance(Duration::from_secs(5));
    seen(new).await;
}

#[tokio::test]
async fn a_fault_can_be_about_one_repository_and_say_anything() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let one = story.github.create_repository("octo", "one").await;
    let two = story.github.create_repository("octo", "two").await;
    let token = story.token(installation).await;
    let blocked = Fault::on(Route::Repository).path_contains(one.to_string());
    story.github.fail(
        blocked
            .status(451)
            .replace("{\"message\":\"Repository access blocked\"}"),
    );
    let answer = story.get(&format!("/repositories/{one}"), &token).await;
    assert_eq!(answer.status(), 451);
    assert_eq!(
        answer.text().await.unwrap(),
        "{\"message\":\"Repository access blocked\"}"
    );
    assert_eq!(
        story.status(&format!("/repositories/{two}"), &token).await,
        200
    );
}

#[tokio::test]
async fn requests_at_once_are_counted() {
    let story = Story::begin().await;
    let jwt = story.jwt();
    story
        .github
        .fail(Fault::on(Route::App).delay(Duration::from_millis(100)));
    let three = [(); 3].map(|()| story.status("/app", &jwt));
    assert_eq!(futures_util::future::join_all(three).await, [200, 200, 200]);
    assert_eq!(story.github.peak_in_flight(), 3);
}
