use serde_json::json;

use super::*;

const BINDING: &str = "/orgs/octo/bindings/handbook";

/// A binding of octo's, and the path of the job that is to sync it.
async fn with_a_job() -> (World, String) {
    let world = World::with_octo().await;
    let bound = r#"{"github_owner": "octo", "github_repo": "docs"}"#;
    world.put(BINDING, bound).await;
    let jobs = world.get("/jobs").await.json();
    let path = format!("/jobs/{}", jobs[0]["id"]);
    (world, path)
}

impl World {
    async fn post(&self, path: &str, token: &str) -> (u16, Answer) {
        let answer = self.send(Method::POST, path, token).await;
        (answer.status.as_u16(), answer)
    }
}

#[actix_web::test]
async fn a_job_is_cancelled_once_and_done_again() {
    let (world, job) = with_a_job().await;
    let token = world.token(Some("octo"), Role::Operator).await;
    let (status, answer) = world.post(&format!("{job}/cancel"), &token).await;
    assert_eq!(
        (status, &answer.json()["state"]),
        (200, &json!("cancelled"))
    );
    let (status, answer) = world.post(&format!("{job}/cancel"), &token).await;
    assert_eq!((status, answer.problem().as_str()), (409, "job-finished"));
    let (status, answer) = world.post(&format!("{job}/retry"), &token).await;
    let again = answer.json();
    assert_eq!((status, &again["state"]), (202, &json!("available")));
    assert_eq!(again["cause"], json!({"type": "operator", "token": "test"}));
    assert_eq!(answer.header("location"), again["self_url"]);
    assert_ne!(again["self_url"], format!("http://bindery.example{job}"));
    let seen = world.get(BINDING).await.json();
    assert_eq!(seen["last_sync_queue_job_url"], again["self_url"]);
    let audit = world.get("/orgs/octo/audit").await.json();
    let did = |event: &Value| event["action"].clone();
    let did: Vec<_> = audit.as_array().expect("events")[..2]
        .iter()
        .map(did)
        .collect();
    assert_eq!(did, ["job.retry", "job.cancel"]);
}

#[actix_web::test]
async fn a08_nobody_else_commands_a_job() {
    let (world, job) = with_a_job().await;
    world.put("/orgs/other", "{}").await;
    let stranger = world.token(Some("other"), Role::Admin).await;
    let viewer = world.token(Some("octo"), Role::Viewer).await;
    for verb in ["retry", "cancel"] {
        let path = format!("{job}/{verb}");
        let (status, answer) = world.post(&path, &stranger).await;
        let (none, nothing) = world.post(&format!("/jobs/999999/{verb}"), &stranger).await;
        assert_eq!((status, none), (404, 404));
        assert_eq!(answer.json(), nothing.json(), "in the same words");
        let (status, answer) = world.post(&path, &viewer).await;
        assert_eq!((status, answer.problem().as_str()), (403, "forbidden"));
    }
    let seen = world.get(&job).await.json();
    assert_eq!(
        (&seen["state"], &seen["events"]),
        (&json!("available"), &json!([]))
    );
}
