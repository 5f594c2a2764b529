use crate::simulator::Route;

use super::Story;

#[tokio::test]
async fn the_request_that_is_meant_is_never_answered_and_the_others_are() {
    let story = Story::begin().await;
    let jwt = story.jwt();
    story.github.stall_at(2);
    assert_eq!(story.status("/app", &jwt).await, 200);
    assert!(!story.github.is_stalled());
    let stuck = tokio::spawn(story.request("GET", "/app/installations", &jwt).send());
    let request = story.github.stalled().await;
    assert_eq!(
        (request.route, request.status),
        (Route::AppInstallations, 0)
    );
    assert_eq!(story.status("/app", &jwt).await, 200);
    assert!(!stuck.is_finished());
    story.github.unstall();
    let error = stuck.await.unwrap().unwrap_err();
    assert!(!error.is_timeout(), "closed, not answered: {error:?}");
    assert!(!story.github.is_stalled());
    assert_eq!(story.status("/app/installations", &jwt).await, 200);
    let statuses = story
        .github
        .requests()
        .into_iter()
        .map(|request| request.status);
    assert_eq!(statuses.collect::<Vec<_>>(), [200, 0, 200, 200]);
}

#[tokio::test]
async fn what_a_stalled_request_asked_for_happens() {
    let story = Story::begin().await;
    let pinged = story.github.ping().await.unwrap().guid;
    let listed = story.read("/app/hook/deliveries", &story.jwt()).await;
    let path = format!("/app/hook/deliveries/{}/attempts", listed[0]["id"]);
    story.github.stall_at(1);
    let stuck = tokio::spawn(story.request("POST", &path, &story.jwt()).send());
    story.github.stalled().await;
    story.github.redelivered().await;
    assert_eq!(story.github.delivery(&pinged).attempts.len(), 2);
    stuck.abort();
}

#[tokio::test]
async fn a_second_stall_waits_for_a_request_of_its_own() {
    let story = Story::begin().await;
    let jwt = story.jwt();
    let mut stuck = Vec::new();
    for path in ["/app", "/rate_limit"] {
        story.github.stall_at(1);
        stuck.push(tokio::spawn(story.request("GET", path, &jwt).send()));
        assert_eq!(story.github.stalled().await.path, path);
    }
    story.github.unstall();
    for stuck in stuck {
        assert!(stuck.await.unwrap().is_err());
    }
}
