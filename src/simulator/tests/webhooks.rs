use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::simulator::{Guid, Selection};

use super::{SECRET, Story};

fn signature_holds(secret: &str, header: &str, body: &[u8]) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let digest = hex::decode(header.strip_prefix("sha256=").unwrap()).unwrap();
    mac.verify_slice(&digest).is_ok()
}

#[tokio::test]
async fn a_delivery_is_signed_over_the_bytes_that_arrive() {
    let story = Story::begin().await;
    let sent = story.github.ping().await.unwrap();
    assert_eq!((sent.status, sent.body.as_str()), (Some(202), "taken"));
    story.github.send_forms(true);
    story.github.ping().await;
    let received = story.receiver.received_requests().await.unwrap();
    for (request, kind) in received
        .iter()
        .zip(["application/json", "application/x-www-form-urlencoded"])
    {
        let header = |name: &str| request.headers[name].to_str().unwrap();
        assert_eq!(header("content-type"), kind);
        assert_eq!(header("x-github-event"), "ping");
        assert_eq!(
            header("x-github-hook-installation-target-type"),
            "integration"
        );
        assert_eq!(header("x-github-hook-installation-target-id"), "4711");
        assert!(header("user-agent").starts_with("GitHub-Hookshot/"));
        assert!(signature_holds(
            SECRET,
            header("x-hub-signature-256"),
            &request.body
        ));
    }
    assert_eq!(received.len(), 2);
}

#[tokio::test]
async fn deliveries_can_be_held_lost_reordered_and_repeated() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    story.github.install("octo", Selection::All).await;
    let repository = story.github.create_repository("octo", "templates").await;
    story
        .github
        .push(repository, "main", |files| files.write("a", "0"))
        .await;
    story.receiver.reset().await;
    story.github.hold_deliveries();
    let mut pushes = Vec::new();
    for n in 1..4 {
        let content = n.to_string();
        let pushed = story
            .github
            .push(repository, "main", |files| files.write("a", content))
            .await;
        assert_eq!(pushed.sent[0].status, None);
        pushes.push(pushed.delivery.unwrap());
    }
    assert_eq!(story.github.outbox(), pushes);
    story.github.drop_delivery(&pushes[1]);
    story
        .github
        .deliver_in_order(&[pushes[2].clone(), pushes[0].clone()])
        .await;
    assert!(story.github.outbox().is_empty());
    story.github.lose_next(1);
    assert_eq!(story.github.redeliver(&pushes[0]).await.status, None);
    story.github.redeliver(&pushes[0]).await;

    let received = story.receiver.received_requests().await.unwrap();
    let guids: Vec<_> = received
        .iter()
        .map(|r| r.headers["x-github-delivery"].to_str().unwrap())
        .collect();
    assert_eq!(
        guids,
        [&pushes[2], &pushes[0], &pushes[0]].map(Guid::as_str)
    );
    assert_eq!(
        received[1].body, received[2].body,
        "a redelivery has the same bytes"
    );
    let attempts: Vec<_> = story
        .github
        .deliveries()
        .iter()
        .map(|d| d.attempts.len())
        .collect();
    assert_eq!(
        attempts.iter().rev().take(3).collect::<Vec<_>>(),
        [&1, &1, &3]
    );
}

#[tokio::test]
async fn the_api_lists_what_was_lost_and_gives_its_payload() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let repository = story.github.create_repository("octo", "templates").await;
    story.github.lose_next(2);
    let pushed = story
        .github
        .push(repository, "main", |files| files.write("a", "1"))
        .await;
    story.github.omit_next(1);
    let jwt = story.jwt();
    let listed = story.read("/app/hook/deliveries?per_page=2", &jwt).await;
    let events: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["event"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["create", "push"], "newest first");
    assert_eq!(listed[1]["guid"], pushed.delivery.unwrap().as_str());
    assert_eq!(
        (&listed[1]["status_code"], &listed[1]["installation_id"]),
        (&json!(0), &json!(installation))
    );
    let whole = story
        .read(&format!("/app/hook/deliveries/{}", listed[1]["id"]), &jwt)
        .await;
    assert_eq!(
        whole["request"]["payload"]["after"],
        pushed.after.to_string()
    );
    assert_eq!(whole["request"]["headers"]["X-GitHub-Event"], "push");

    let answer = story.get("/app/hook/deliveries?per_page=2", &jwt).await;
    let next = answer.headers()["link"].to_str().unwrap().to_owned();
    let next = next
        .split_once(story.github.url().as_str())
        .unwrap()
        .1
        .split_once('>')
        .unwrap()
        .0;
    let older = story.read(next, &jwt).await;
    assert_eq!(older[0]["event"], "installation_repositories");
    assert_eq!(
        story
            .status("/app/hook/deliveries?cursor=tampered", &jwt)
            .await,
        422
    );
    story
        .clock
        .advance(std::time::Duration::from_secs(72 * 3600));
    let gone = story.read("/app/hook/deliveries", &story.jwt()).await;
    assert_eq!(gone, json!([]), "three days and no longer");
}

#[tokio::test]
async fn what_was_asked_for_again_is_sent_again() {
    let story = Story::begin().await;
    story.github.lose_next(1);
    story.github.ping().await;
    let listed = story.read("/app/hook/deliveries", &story.jwt()).await;
    let path = format!("/app/hook/deliveries/{}/attempts", listed[0]["id"]);
    let answer = story
        .request("POST", &path, &story.jwt())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    story.github.redelivered().await;
    let delivery = &story.github.deliveries()[0];
    assert_eq!(delivery.status(), Some(202));
    assert!(delivery.attempts[1].redelivery);
}

#[tokio::test]
async fn each_verb_tells_what_github_would_tell() {
    let story = Story::begin().await;
    let github = &story.github;
    github.create_organization("octo");
    github.create_user("ann");
    github.create_user("bob");
    let octo = github.install("octo", Selection::All).await;
    github.install("ann", Selection::All).await;
    let repository = github.create_repository("octo", "templates").await;
    let head = github
        .push(repository, "main", |files| files.write("a", "1"))
        .await
        .after;
    github.create_tag(repository, "v1", head).await;
    github
        .create_tags(
            repository,
            &[("a", head), ("b", head), ("c", head), ("d", head)],
        )
        .await;
    github.rename(repository, "themes").await;
    github.rename_owner("octo", "octo-inc").await;
    github.suspend(octo).await;
    github
        .push(repository, "main", |files| files.write("a", "2"))
        .await;
    github.unsuspend(octo).await;
    github.transfer(repository, "ann").await;
    github.transfer(repository, "bob").await;
    github.delete_repository(repository).await;
    let expected = [
        "installation.created",
        "installation.created",
        "repository.created",
        "installation_repositories.added",
        "push",
        "create",
        "push",
        "create",
        "repository.renamed",
        "organization.renamed",
        "installation_target.renamed",
        "installation.suspend",
        "installation.unsuspend",
        "installation_repositories.removed",
        "repository.transferred",
        "installation_repositories.added",
        "installation_repositories.removed",
    ];
    assert_eq!(story.told(), expected);
    let transferred = story.last_payload("repository");
    assert_eq!(
        transferred["changes"]["owner"]["from"]["organization"]["login"],
        "octo-inc"
    );
}

#[tokio::test]
async fn payloads_have_githubs_type_traps() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    assert!(story.last_payload("installation")["installation"]["created_at"].is_i64());
    story.github.suspend(installation).await;
    assert!(story.last_payload("installation")["installation"]["created_at"].is_string());
    story.github.unsuspend(installation).await;
    let repository = story.github.create_repository("octo", "templates").await;
    story.github.rename(repository, "themes").await;
    let renamed = story.last_payload("repository");
    assert!(renamed["repository"]["created_at"].is_string());
    let Value::Object(brief) = &renamed["installation"] else {
        panic!("{renamed}")
    };
    assert_eq!(brief.keys().collect::<Vec<_>>(), ["id", "node_id"]);
    story
        .github
        .select(installation, Selection::selected([]))
        .await;
    let narrowed = story.last_payload("installation_repositories");
    assert_eq!(narrowed["action"], "added");
    assert_eq!(narrowed["repositories_removed"], json!([]));
}

#[tokio::test]
async fn an_event_that_nobody_ticked_is_not_sent() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    story.github.install("octo", Selection::All).await;
    story.github.unsubscribe("organization");
    let told = story.github.rename_owner("octo", "octo-inc").await;
    assert_eq!(
        told.iter()
            .map(|sent| sent.event.as_str())
            .collect::<Vec<_>>(),
        ["installation_target"]
    );
}

#[tokio::test]
async fn a_rotated_secret_signs_what_happens_from_then_on() {
    let story = Story::begin().await;
    story.github.hold_deliveries();
    story.github.ping().await;
    story.github.set_webhook_secret("the next secret, as long");
    story.github.ping().await;
    let secrets = [SECRET, "the next secret, as long"];
    for (guid, secret) in story.github.outbox().iter().zip(secrets) {
        let (headers, body) = story.github.raw(guid);
        let (_, signature) = headers
            .iter()
            .find(|(name, _)| name == "X-Hub-Signature-256")
            .unwrap();
        assert!(signature_holds(secret, signature, &body));
    }
    let last = story.github.outbox()[0].clone();
    story.github.redeliver(&last).await;
    let (headers, body) = story.github.raw(&last);
    let (_, signature) = headers
        .iter()
        .find(|(name, _)| name == "X-Hub-Signature-256")
        .unwrap();
    assert!(signature_holds(secrets[1], signature, &body));
}
