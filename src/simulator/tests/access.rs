use serde_json::{Value, json};

use crate::simulator::Selection;

use super::{APP, Story};

#[tokio::test]
async fn a_token_opens_its_own_repositories_for_an_hour() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    story.github.create_user("ann");
    let chosen = story.github.create_repository("octo", "chosen").await;
    story.github.create_repository("octo", "other").await;
    let octo = story
        .github
        .install("octo", Selection::selected([chosen]))
        .await;
    let ann = story.github.install("ann", Selection::All).await;
    let (octo_token, ann_token) = (story.token(octo).await, story.token(ann).await);

    assert_eq!(story.status("/repos/octo/chosen", &octo_token).await, 200);
    assert_eq!(story.status("/repos/octo/other", &octo_token).await, 404);
    assert_eq!(story.status("/repos/octo/chosen", &ann_token).await, 404);
    assert_eq!(story.status("/repos/octo/chosen", "").await, 404);
    assert_eq!(
        story.status("/repos/octo/chosen", "ghs_invented").await,
        401
    );
    story.clock.advance(std::time::Duration::from_secs(3599));
    assert_eq!(story.status("/repos/octo/chosen", &octo_token).await, 200);
    story.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(story.status("/repos/octo/chosen", &octo_token).await, 401);
}

#[tokio::test]
async fn suspended_and_uninstalled_are_told_apart() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let token = story.token(installation).await;
    story.github.suspend(installation).await;
    let refused = story.mint(installation).await;
    assert_eq!(refused.status(), 403);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["message"], "This installation has been suspended");
    assert_eq!(
        story.status("/installation/repositories", &token).await,
        403
    );
    story.github.unsuspend(installation).await;
    assert_eq!(
        story.status("/installation/repositories", &token).await,
        200
    );
    story.github.uninstall(installation).await;
    assert_eq!(story.mint(installation).await.status(), 404);
    assert_eq!(
        story.status("/installation/repositories", &token).await,
        401
    );
    assert_ne!(story.github.reinstall(installation).await, installation);
}

#[tokio::test]
async fn a_jwt_is_measured_by_githubs_clock() {
    let story = Story::begin().await;
    let now = story.clock.now().timestamp();
    let status = async |iss: Value, iat: i64, exp: i64| {
        let jwt = story.jwt_with(&json!({"iss": iss, "iat": now + iat, "exp": now + exp}));
        story.status("/app", &jwt).await
    };
    assert_eq!(status(json!(APP), -60, 600).await, 200);
    assert_eq!(status(json!(APP.to_string()), 60, 60).await, 200);
    assert_eq!(status(json!(APP + 1), -60, 540).await, 401, "another App");
    assert_eq!(status(json!(APP), -60, 601).await, 401, "too long a life");
    assert_eq!(status(json!(APP), 61, 540).await, 401, "from the future");
    assert_eq!(status(json!(APP), -600, 0).await, 401, "expired");
}

#[tokio::test]
async fn a_token_may_be_narrower_than_its_installation() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let one = story.github.create_repository("octo", "one").await;
    story.github.create_repository("octo", "two").await;
    story
        .github
        .push(one, "main", |files| files.write("a", "1"))
        .await;
    let path = format!("/app/installations/{installation}/access_tokens");
    let mint = async |body: Value| {
        let request = story.request("POST", &path, &story.jwt()).json(&body);
        let answer = request.send().await.unwrap();
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap(),
        )
    };
    let (_, minted) =
        mint(json!({"repository_ids": [one], "permissions": {"metadata": "read"}})).await;
    let token = minted["token"].as_str().unwrap();
    assert_eq!(story.status("/repos/octo/one", token).await, 200);
    assert_eq!(story.status("/repos/octo/two", token).await, 404);
    assert_eq!(
        story.status("/repos/octo/one/commits/main", token).await,
        403,
        "no `contents`"
    );
    assert_eq!(mint(json!({"repositories": ["nowhere"]})).await.0, 422);
    assert_eq!(
        mint(json!({"permissions": {"contents": "write"}})).await.0,
        422
    );
}

#[tokio::test]
async fn a_limit_can_be_set_and_lifted() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let token = story.token(installation).await;
    story.github.set_hourly_limit(Some(1));
    for expected in [200, 403] {
        let status = story.status("/installation/repositories", &token).await;
        assert_eq!(status, expected);
    }
    story.github.set_hourly_limit(None);
    let answer = story.get("/installation/repositories", &token).await;
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("x-ratelimit-limit"));
}

#[tokio::test]
async fn a_permission_that_is_taken_is_gone_from_tokens_and_events() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let repository = story.github.create_repository("octo", "one").await;
    story
        .github
        .push(repository, "main", |files| files.write("a", "1"))
        .await;
    let token = story.token(installation).await;
    let told = story.told().len();
    let path = format!("/repositories/{repository}/commits/heads/main");
    assert_eq!(story.status(&path, &token).await, 200);
    story.github.take_permission("contents");
    assert_eq!(story.status(&path, &token).await, 403);
    let fresh = story.token(installation).await;
    assert_eq!(story.status(&path, &fresh).await, 403);
    assert_eq!(
        story.status("/repos/octo/one", &fresh).await,
        200,
        "`metadata` is left"
    );
    let untold = story
        .github
        .push(repository, "main", |files| files.write("a", "2"))
        .await;
    assert_eq!(untold.delivery, None);
    assert_eq!(story.told().len(), told, "nobody hears of it");
    let all = [("contents", "read"), ("metadata", "read")];
    story.github.accept_permissions(installation, &all).await;
    assert_eq!(story.status(&path, &token).await, 200);
    assert_eq!(
        story.told().last().unwrap(),
        "installation.new_permissions_accepted"
    );
}
