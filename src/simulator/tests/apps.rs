use serde_json::json;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::github::ids::{AppId, InstallationId, RepositoryId};
use crate::simulator::{AppSettings, Selection, Simulator};

use super::{KEY, Story};

const OTHER: i64 = 815;

/// Two Apps on `octo`, which has one repository; the other App has a receiver of its own.
struct Two {
    story: Story,
    other: Simulator,
    there: MockServer,
    repository: RepositoryId,
    installations: [InstallationId; 2],
}

async fn two() -> Two {
    let story = Story::begin().await;
    let there = MockServer::start().await;
    let accepted = Mock::given(method("POST")).respond_with(ResponseTemplate::new(200));
    there.register(accepted).await;
    let other = story.github.add_app(AppSettings {
        app_id: AppId::new(OTHER).unwrap(),
        app_public_key_pem: KEY.to_owned(),
        webhook_secret: "the other App's own secret".to_owned(),
        webhook_url: Some(there.uri()),
    });
    let other = other.unwrap();
    story.github.create_organization("octo");
    let installations = [
        story.github.install("octo", Selection::All).await,
        other.install("octo", Selection::All).await,
    ];
    let repository = story.github.create_repository("octo", "templates").await;
    Two {
        story,
        other,
        there,
        repository,
        installations,
    }
}

fn other_jwt(story: &Story) -> String {
    let now = story.clock.now().timestamp();
    story.jwt_with(&json!({"iss": OTHER, "iat": now - 60, "exp": now + 540}))
}

async fn last(receiver: &MockServer) -> Request {
    receiver.received_requests().await.unwrap().pop().unwrap()
}

#[tokio::test]
async fn one_event_has_one_guid_for_all_apps() {
    let two = two().await;
    let pushed = two
        .story
        .github
        .push(two.repository, "main", |files| files.write("a", "1"))
        .await;
    assert_eq!(
        pushed.sent.len(),
        2,
        "the handle's own App only: {:?}",
        pushed.sent
    );
    let guid = pushed.delivery.unwrap();
    let shown = [&two.story.github, &two.other].map(|app| app.delivery(&guid));
    assert_eq!(
        shown.each_ref().map(|it| it.installation),
        two.installations.map(Some)
    );
    assert_eq!(shown[0].status(), Some(202));
    assert_eq!(shown[1].status(), Some(200));

    let renamed = two.other.rename(two.repository, "themes").await;
    let [here, there] = [last(&two.story.receiver).await, last(&two.there).await];
    for header in ["x-github-delivery", "x-github-event"] {
        assert_eq!(here.headers[header], there.headers[header]);
    }
    assert_eq!(here.headers["x-github-delivery"], renamed[0].guid.as_str());
    for header in ["x-github-hook-id", "x-hub-signature-256"] {
        assert_ne!(here.headers[header], there.headers[header]);
    }
    let target = "x-github-hook-installation-target-id";
    assert_eq!(there.headers[target], OTHER.to_string().as_str());
}

#[tokio::test]
async fn an_app_knows_its_own_installations_and_deliveries_only() {
    let two = two().await;
    let jwts = [two.story.jwt(), other_jwt(&two.story)];
    let [octo, others] = two.installations;
    for (jwt, own, foreign) in [(&jwts[0], octo, others), (&jwts[1], others, octo)] {
        let listed = two.story.read("/app/installations", jwt).await;
        assert_eq!(
            (listed.as_array().unwrap().len(), &listed[0]["id"]),
            (1, &json!(own))
        );
        let path = format!("/app/installations/{foreign}");
        assert_eq!(two.story.status(&path, jwt).await, 404);
        let path = format!("/repositories/{}/installation", two.repository);
        assert_eq!(two.story.read(&path, jwt).await["id"], json!(own));
        let mint = format!("/app/installations/{foreign}/access_tokens");
        let refused = two.story.request("POST", &mint, jwt).send().await.unwrap();
        assert_eq!(refused.status(), 404);
    }
    assert_eq!(two.story.read("/app", &jwts[1]).await["id"], OTHER);
    two.other.ping().await;
    let length = async |jwt: &str| {
        let listed = two.story.read("/app/hook/deliveries", jwt).await;
        listed.as_array().unwrap().len()
    };
    assert_eq!(length(&jwts[0]).await + 1, length(&jwts[1]).await);
}

#[tokio::test]
async fn what_happens_to_one_app_leaves_the_other_alone() {
    let two = two().await;
    let [octo, others] = two.installations;
    two.other.lose_all(true);
    two.other.unsubscribe("create");
    let pushed = two
        .story
        .github
        .push(two.repository, "main", |files| files.write("a", "1"))
        .await;
    let guid = pushed.delivery.unwrap();
    assert_eq!(two.story.github.delivery(&guid).status(), Some(202));
    assert_eq!(two.other.delivery(&guid).status(), None);
    assert_eq!(two.story.told().last().unwrap(), "create");
    assert_eq!(two.other.deliveries().pop().unwrap().event, "push");
    two.other.uninstall(others).await;
    let of = |app: &Simulator| app.truth(two.repository).unwrap().installation;
    assert_eq!((of(&two.story.github), of(&two.other)), (Some(octo), None));
    two.other.take_permission("contents");
    let heard = two
        .story
        .github
        .push(two.repository, "main", |files| files.write("a", "2"))
        .await;
    assert!(heard.delivery.is_some());
    two.story.github.omit_all(true);
    let unheard = two
        .story
        .github
        .push(two.repository, "main", |files| files.write("a", "3"))
        .await;
    assert_eq!(unheard.delivery, None);
}

#[tokio::test]
async fn everybody_who_lost_a_repository_hears_it() {
    let two = two().await;
    two.story.github.create_user("ann");
    let before = [&two.story.github, &two.other].map(|app| app.deliveries().len());
    two.story.github.transfer(two.repository, "ann").await;
    for (app, before) in [&two.story.github, &two.other].into_iter().zip(before) {
        let told: Vec<_> = app
            .deliveries()
            .drain(before..)
            .map(|it| it.action)
            .collect();
        assert_eq!(told, [Some("removed".to_owned())]);
    }
}
