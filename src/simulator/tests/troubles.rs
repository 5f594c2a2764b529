use serde_json::{Value, json};

use crate::github::ids::RepositoryId;
use crate::simulator::{Guid, Selection};

use super::Story;

async fn repository(story: &Story) -> RepositoryId {
    story.github.create_organization("octo");
    story.github.install("octo", Selection::All).await;
    let repository = story.github.create_repository("octo", "templates").await;
    story
        .github
        .push(repository, "main", |files| files.write("a", "0"))
        .await;
    story.receiver.reset().await;
    repository
}

async fn arrived(story: &Story) -> usize {
    story.receiver.received_requests().await.unwrap().len()
}

async fn listed(story: &Story) -> Vec<Value> {
    let listed = story
        .read("/app/hook/deliveries?per_page=100", &story.jwt())
        .await;
    listed.as_array().unwrap().clone()
}

#[tokio::test]
async fn all_deliveries_can_be_lost_and_still_be_listed() {
    let story = Story::begin().await;
    let repository = repository(&story).await;
    let before = listed(&story).await.len();
    story.github.lose_all(true);
    for content in ["1", "2"] {
        story
            .github
            .push(repository, "main", |files| files.write("a", content))
            .await;
    }
    let last = story.github.deliveries().pop().unwrap().guid;
    assert_eq!(story.github.redeliver(&last).await.status, None);
    assert_eq!(arrived(&story).await, 0);
    let lines = listed(&story).await;
    assert_eq!(lines.len(), before + 3);
    assert!(lines[..3].iter().all(|line| line["status_code"] == 0));
    story.github.lose_all(false);
    story.github.redeliver(&last).await;
    assert_eq!(arrived(&story).await, 1);
}

#[tokio::test]
async fn events_may_never_become_deliveries() {
    let story = Story::begin().await;
    let repository = repository(&story).await;
    let before = listed(&story).await.len();
    story.github.omit_all(true);
    let untold = story
        .github
        .push(repository, "main", |files| files.write("a", "1"))
        .await;
    assert_eq!((untold.delivery, untold.sent), (None, vec![]));
    story.github.omit_all(false);
    story.github.set_payload_limit(1000);
    let large = story
        .github
        .push(repository, "main", |files| files.write("a", "2"))
        .await;
    assert_eq!(large.delivery, None, "too large");
    let four: Vec<String> = (0..4).map(|n| format!("t{n}")).collect();
    let four: Vec<_> = four
        .iter()
        .map(|name| (name.as_str(), large.after))
        .collect();
    story.github.set_payload_limit(usize::MAX);
    assert!(story.github.create_tags(repository, &four).await.is_empty());
    assert!(
        story
            .github
            .delete_tags(repository, &["t0", "t1", "t2", "t3"])
            .await
            .is_empty()
    );
    let many: Vec<String> = (0..5_001).map(|n| format!("b{n}")).collect();
    let many: Vec<_> = many
        .iter()
        .map(|name| (name.as_str(), large.after))
        .collect();
    assert!(
        story
            .github
            .create_branches(repository, &many)
            .await
            .is_empty()
    );
    assert_eq!(listed(&story).await.len(), before);
    assert_eq!(story.github.head(repository, "main"), large.after);
    let three = story.github.create_tags(repository, &four[..3]).await;
    assert!(three.iter().all(|pushed| pushed.delivery.is_some()));
}

#[tokio::test]
async fn a_throttled_delivery_comes_late_and_says_since_when() {
    let story = Story::begin().await;
    let repository = repository(&story).await;
    story.github.throttle_next(1);
    let late = story
        .github
        .push(repository, "main", |files| files.write("a", "1"))
        .await;
    story
        .github
        .push(repository, "main", |files| files.write("a", "2"))
        .await;
    assert_eq!(arrived(&story).await, 1);
    assert_eq!(story.github.outbox(), [late.delivery.clone().unwrap()]);
    story.clock.advance(std::time::Duration::from_secs(90));
    story.github.deliver_all().await;
    assert_eq!(arrived(&story).await, 2);
    let line = &listed(&story).await[0];
    assert_eq!(line["guid"], late.delivery.unwrap().as_str());
    assert_eq!(line["throttled_at"], "2026-03-01T12:00:00Z");
    assert_eq!(line["delivered_at"], "2026-03-01T12:01:30Z");
}

#[tokio::test]
async fn githubs_list_may_say_what_never_happened() {
    let story = Story::begin().await;
    let repository = repository(&story).await;
    story.github.hold_deliveries();
    let pushed = story
        .github
        .push(repository, "main", |files| files.write("a", "1"))
        .await;
    let guid = pushed.delivery.unwrap();
    for status in [Some(202), Some(302), None] {
        story.github.list_as(&guid, status);
    }
    let lines = listed(&story).await;
    let shown = |line: &Value| (line["guid"] == guid.as_str(), line["status_code"].clone());
    let expected = [0, 302, 202].map(|status| (true, json!(status)));
    assert_eq!(lines[..3].iter().map(shown).collect::<Vec<_>>(), expected);
    assert_eq!(arrived(&story).await, 0);
    assert!(story.github.outbox().is_empty());
}

#[tokio::test]
async fn cursors_expire() {
    let story = Story::begin().await;
    repository(&story).await;
    let answer = story
        .get("/app/hook/deliveries?per_page=1", &story.jwt())
        .await;
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    let next = link
        .split_once(&story.github.url())
        .unwrap()
        .1
        .split_once('>')
        .unwrap()
        .0;
    assert_eq!(story.status(next, &story.jwt()).await, 200);
    story.github.expire_cursors();
    assert_eq!(story.status(next, &story.jwt()).await, 422);
}

#[tokio::test]
async fn a_replayer_sends_a_signed_body_under_headers_of_its_own() {
    let story = Story::begin().await;
    let repository = repository(&story).await;
    let pushed = story
        .github
        .push(repository, "main", |files| files.write("a", "1"))
        .await;
    let guid = pushed.delivery.unwrap();
    let lines = listed(&story).await.len();
    let others = [
        ("x-github-event", "repository"),
        ("X-GitHub-Delivery", "another"),
        ("X-GitHub-Hook-ID", "1"),
        ("X-Hub-Signature", ""),
    ];
    let sent = story.github.forge(&guid, &others).await;
    assert_eq!(
        (sent.guid.as_str(), sent.event.as_str()),
        ("another", "repository")
    );
    let received = story.receiver.received_requests().await.unwrap();
    let [true_one, forged] = &received[..] else {
        panic!("{received:?}")
    };
    assert_eq!(true_one.body, forged.body);
    let header = |name: &str| {
        forged
            .headers
            .get(name)
            .map(|value| value.to_str().unwrap())
    };
    assert_eq!(header("x-github-event"), Some("repository"));
    assert_eq!(header("x-github-hook-id"), Some("1"));
    assert_eq!(header("x-hub-signature"), None);
    assert_eq!(
        true_one.headers["x-hub-signature-256"],
        forged.headers["x-hub-signature-256"]
    );
    assert_eq!(
        listed(&story).await.len(),
        lines,
        "GitHub knows nothing of it"
    );
}

#[tokio::test]
async fn guids_can_be_chosen_and_collide() {
    let story = Story::begin().await;
    story.github.next_guid("mine");
    story.github.next_guid("mine");
    for _ in 0..2 {
        assert_eq!(story.github.ping().await.unwrap().guid, Guid::from("mine"));
    }
    assert_ne!(story.github.ping().await.unwrap().guid, Guid::from("mine"));
    assert_eq!(listed(&story).await.len(), 3);
}
