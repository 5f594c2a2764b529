use serde_json::json;

use crate::simulator::{FirstIds, Selection};

use super::Story;

const HERE: FirstIds = FirstIds {
    owner: 1,
    repository: 1,
    installation: 1,
};

#[tokio::test]
async fn two_hosts_count_from_where_the_story_says() {
    let (one, other) = (Story::begin().await, Story::begin().await);
    let mut ids = Vec::new();
    for story in [&one, &other] {
        story.github.start_ids_at(HERE);
        let owner = story.github.create_organization("octo");
        let installation = story.github.install("octo", Selection::All).await;
        let first = story.github.create_repository("octo", "one").await;
        let second = story.github.create_repository("octo", "two").await;
        assert_eq!((owner.get(), first.get(), installation.get()), (1, 1, 1));
        assert!(second > first);
        ids.push(second);
    }
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn an_id_that_is_taken_is_not_given_twice() {
    let story = Story::begin().await;
    let octocat = story.github.owner_id("octocat");
    let first = FirstIds {
        owner: octocat.get(),
        ..HERE
    };
    story.github.start_ids_at(first);
    assert_ne!(story.github.create_user("ann"), octocat);
}

#[tokio::test]
async fn an_enterprise_server_has_its_own_path_and_name_and_counts_nothing() {
    let story = Story::begin().await;
    story.github.become_enterprise_server("git.example.org");
    assert!(story.github.url().ends_with("/api/v3"));
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let token = story.token(installation).await;
    let repository = story.github.create_repository("octo", "old").await;
    story.github.rename(repository, "new").await;
    let answer = story
        .get("/installation/repositories?per_page=1", &token)
        .await;
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("x-ratelimit-limit"));
    assert!(answer.headers().contains_key("x-github-enterprise-version"));
    let moved = story.get("/repos/octo/old/commits/main", &token).await;
    let there = format!(
        "{}/repositories/{repository}/commits/main",
        story.github.url()
    );
    assert_eq!(moved.headers()["location"], there.as_str());
    let root = story.github.url().replace("/api/v3", "/app");
    let elsewhere = story.http.get(root).bearer_auth(story.jwt());
    assert_eq!(elsewhere.send().await.unwrap().status(), 404);

    let received = story.receiver.received_requests().await.unwrap();
    for request in &received {
        assert_eq!(
            request.headers["x-github-enterprise-host"],
            "git.example.org"
        );
        assert!(request.headers.contains_key("x-github-enterprise-version"));
    }
    let shown = &story.last_payload("repository")["repository"];
    assert_eq!(shown["html_url"], "https://git.example.org/octo/new");
    assert_eq!(
        shown["url"],
        "https://git.example.org/api/v3/repos/octo/new"
    );
}

#[tokio::test]
async fn an_enterprise_server_lists_a_week_of_deliveries() {
    let story = Story::begin().await;
    story.github.become_enterprise_server("git.example.org");
    story.github.ping().await;
    let listed = async || {
        let listed = story.read("/app/hook/deliveries", &story.jwt()).await;
        listed.as_array().unwrap().len()
    };
    story
        .clock
        .advance(std::time::Duration::from_secs(6 * 86_400));
    assert_eq!(listed().await, 1);
    story.clock.advance(std::time::Duration::from_secs(86_400));
    assert_eq!(listed().await, 0);
}

#[tokio::test]
async fn github_com_names_no_server() {
    let story = Story::begin().await;
    story.github.ping().await;
    let received = story.receiver.received_requests().await.unwrap();
    assert!(!received[0].headers.contains_key("x-github-enterprise-host"));
    assert_eq!(
        story.read("/rate_limit", "").await["rate"]["limit"],
        json!(5000)
    );
    assert_eq!(story.status("/api/v3/rate_limit", "").await, 404);
}
