//! The audit log: every change and every refusal, with who, when, from where, what, on what and the result.

use std::collections::BTreeSet;
use std::time::Duration;

use bindery::audit::{self, Action, AuditFilter};
use bindery::housekeeping;
use diesel_async::SimpleAsyncConnection as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, World, binding_path, stories};

/// A token made through the API: its id, and a client that has it.
async fn token(world: &World, label: &str, organization: Option<&str>, role: &str) -> (i64, Api) {
    let body = json!({"label": label, "organization": organization, "role": role});
    let made = world
        .api
        .send(Method::POST, "/tokens", Some(body), &[])
        .await
        .expect(201)
        .json();
    let api = world
        .api
        .with_token(made["token"].as_str().expect("the token, this once"));
    (made["id"].as_i64().expect("an id"), api)
}

/// The events of a list, the newest first.
async fn events(api: &Api, path: &str) -> Vec<Value> {
    let listed = api.get(path).await.expect(200).json();
    listed.as_array().expect("a list").clone()
}

/// What was done since the world began: action, place and status, the oldest first.
async fn done(world: &World, since: &str) -> Vec<(String, String, i64)> {
    let events = events(&world.api, &format!("/audit?limit=100&since={since}")).await;
    let text = |event: &Value, field: &str| event[field].as_str().expect(field).to_owned();
    let line = |event: &Value| {
        (
            text(event, "action"),
            text(event, "place"),
            event["status"].as_i64().unwrap(),
        )
    };
    events.iter().rev().map(line).collect()
}

/// From now on, as a query writes it.
fn later(world: &World) -> String {
    world.clock.advance(Duration::from_secs(1));
    world.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

stories! {
    async fn every_change_is_written_down_with_its_place_and_its_result(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        let delivery = world.last_delivery("push").await.id;
        let since = later(&world);
        world.api.put("/orgs/other", json!({})).await.expect(201);
        world.api.put("/orgs/other", json!({"title": "Other"})).await.expect(200);
        world.api.put("/orgs/other/projects/p", json!({})).await.expect(201);
        world.api.put("/orgs/other/installations/99", json!({})).await.expect(201);
        world.put_binding("site", "templates", json!({})).await.expect(201);
        world.put_binding("site", "templates", json!({"root_path": "/docs"})).await.expect(200);
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.api.post(&format!("/deliveries/{delivery}/replay")).await.expect(202);
        world.settle().await;
        let job = world.last_job().await.id;
        world.api.post(&format!("/jobs/{job}/retry")).await.expect(202);
        let again = world.last_job().await.id;
        world.api.post(&format!("/jobs/{again}/cancel")).await.expect(200);
        let (id, _) = token(&world, "brief", Some("other"), "viewer").await;
        world.api.delete(&format!("/tokens/{id}")).await.expect(204);
        for path in ["/orgs/acme/bindings/site", "/orgs/other/installations/99", "/orgs/other/projects/p", "/orgs/other"] {
            world.api.delete(path).await.expect(204);
        }
        let expected = [
            ("organization.put", "/orgs/other".to_owned(), 201),
            ("organization.put", "/orgs/other".to_owned(), 200),
            ("project.put", "/orgs/other/projects/p".to_owned(), 201),
            ("grant.put", "/orgs/other/installations/99".to_owned(), 201),
            ("binding.put", binding_path("site"), 201),
            ("binding.put", binding_path("site"), 200),
            ("binding.sync", format!("{}/sync", binding_path("site")), 202),
            ("delivery.replay", format!("/deliveries/{delivery}/replay"), 202),
            ("job.retry", format!("/jobs/{job}/retry"), 202),
            ("job.cancel", format!("/jobs/{again}/cancel"), 200),
            ("token.create", format!("/tokens/{id}"), 201),
            ("token.revoke", format!("/tokens/{id}"), 204),
            ("binding.delete", binding_path("site"), 204),
            ("grant.delete", "/orgs/other/installations/99".to_owned(), 204),
            ("project.delete", "/orgs/other/projects/p".to_owned(), 204),
            ("organization.delete", "/orgs/other".to_owned(), 204),
        ];
        // Sessions are the console's: see there.
        let is_here = |action: &&str| !action.ends_with(".read") && !action.starts_with("session.");
        let writes = Action::ALL.iter().map(|action| action.as_str()).filter(is_here);
        let shown = expected.iter().map(|(action, ..)| *action);
        assert_eq!(shown.collect::<BTreeSet<_>>(), writes.collect(), "all that can be done");
        let expected = expected.map(|(action, place, status)| (action.to_owned(), place, status));
        assert_eq!(done(&world, &since).await, expected);
        world.settle().await;
        world.end().await;
    }

    async fn an_event_says_who_it_was_and_from_where_and_no_secret(world: World) {
        let (id, admin) = token(&world, "terraform", Some("acme"), "admin").await;
        let since = later(&world);
        let made = admin.put("/orgs/acme/projects/p", json!({})).await.expect(201);
        let all = events(&world.api, &format!("/audit?since={since}")).await;
        let event = &all[0];
        assert_eq!((&event["actor"], &event["token_id"], &event["token_label"]), (&json!("token"), &json!(id), &json!("terraform")));
        assert_eq!((&event["source"], &event["organization"]), (&json!("127.0.0.1"), &json!("acme")));
        assert_eq!(event["at"], since, "the service's clock");
        assert_eq!(event["request_id"], made.header("x-request-id"));
        let first = events(&world.api, "/audit?actor=configured_admin&limit=100").await.pop().expect("an event");
        assert_eq!((&first["action"], &first["token_id"]), (&json!("organization.put"), &Value::Null));
        world.end().await;
    }

    async fn what_changes_nothing_is_not_written_down(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.put_binding("site", "templates", json!({})).await.expect(201);
        world.settle().await;
        let (id, _) = token(&world, "gone", None, "viewer").await;
        world.api.delete(&format!("/tokens/{id}")).await.expect(204);
        let since = later(&world);
        world.api.put("/orgs/acme", json!({})).await.expect(200);
        world.put_binding("site", "templates", json!({})).await.expect(200);
        world.api.put(&format!("/orgs/acme/installations/{}", world.installation), json!({})).await.expect(200);
        world.api.delete(&format!("/tokens/{id}")).await.expect(204);
        world.api.delete("/orgs/acme").await.expect(409);
        world.put_binding("site", "a/b", json!({})).await.expect(422);
        world.api.get("/orgs/nowhere").await.expect(404);
        assert_eq!(done(&world, &since).await, []);
        world.end().await;
    }

    async fn a_change_that_cannot_be_written_down_is_not_made(world: World) {
        let break_it = "ALTER TABLE audit_events RENAME TO audit_events_elsewhere";
        world.context.db.write().await.unwrap().batch_execute(break_it).await.unwrap();
        world.api.put("/orgs/other", json!({})).await.expect(500);
        world.put_binding("site", "templates", json!({})).await.expect(500);
        let body = json!({"label": "x", "role": "viewer"});
        world.api.send(Method::POST, "/tokens", Some(body), &[]).await.expect(500);
        let rows = [world.count("organizations").await, world.count("bindings").await, world.count("api_tokens").await];
        assert_eq!(rows, [1, 0, 0]);
        world.end().await;
    }

    async fn a22_what_is_refused_for_want_of_a_role_is_written_down(world: World) {
        let (id, viewer) = token(&world, "curious", Some("acme"), "viewer").await;
        let since = later(&world);
        viewer.put(&binding_path("site"), json!({"github_owner": "octo", "github_repo": "x"})).await.expect(403);
        viewer.post("/deliveries/1/replay").await.expect(404);
        viewer.get("/tokens").await.expect(403);
        viewer.get("/deliveries").await.expect(403);
        let lines = done(&world, &since).await;
        let expected = [
            ("binding.put", binding_path("site"), 403),
            ("delivery.replay", "/deliveries/1/replay".to_owned(), 404),
            ("token.read", "/tokens".to_owned(), 403),
            ("delivery.read", "/deliveries".to_owned(), 403),
        ];
        assert_eq!(lines, expected.map(|(action, place, status)| (action.to_owned(), place, status)));
        let own = events(&world.api, &format!("/orgs/acme/audit?actor={id}")).await;
        assert_eq!(own.len(), 4, "the admins of the token's organisation see all of it");
        world.end().await;
    }

    async fn a22_a_refusal_of_a_token_for_all_is_in_the_log_of_whom_it_concerned(world: World) {
        let (_, viewer) = token(&world, "auditor", None, "viewer").await;
        viewer.delete(&binding_path("site")).await.expect(403);
        let own = events(&world.api, "/orgs/acme/audit?action=binding.delete").await;
        assert_eq!((own.len(), &own[0]["status"], &own[0]["token_label"]), (1, &json!(403), &json!("auditor")));
        world.end().await;
    }

    async fn a22_a_refusal_where_no_organisation_can_be_is_written_down_too(world: World) {
        let (_, viewer) = token(&world, "auditor", None, "viewer").await;
        let since = later(&world);
        viewer.delete("/orgs/a%00b/installations/1").await.expect(403);
        let expected = ("grant.delete".to_owned(), "/orgs/a%00b/installations/1".to_owned(), 403);
        assert_eq!(done(&world, &since).await, [expected]);
        world.end().await;
    }

    async fn a_replay_of_what_waits_anyway_changes_nothing_and_writes_nothing_down(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.settle().await;
        let delivery = world.last_delivery("push").await.id;
        let since = later(&world);
        for _ in 0..2 {
            world.api.post(&format!("/deliveries/{delivery}/replay")).await.expect(202);
        }
        assert_eq!(done(&world, &since).await.len(), 1);
        world.settle().await;
        world.end().await;
    }

    async fn a08_a_log_is_its_organisations_and_says_nothing_of_others(world: World) {
        world.api.put("/orgs/other", json!({})).await.expect(201);
        let (_, theirs) = token(&world, "theirs", Some("other"), "admin").await;
        let hidden = theirs.get("/orgs/acme/audit").await.expect(404).json();
        assert_eq!(hidden, theirs.get("/orgs/nobody/audit").await.expect(404).json());
        theirs.get("/audit").await.expect(403);
        theirs.delete(&binding_path("site")).await.expect(404);
        theirs.delete("/orgs/nobody/bindings/site").await.expect(404);
        let ours = events(&world.api, "/orgs/acme/audit?limit=100").await;
        assert!(ours.iter().all(|event| event["token_label"] != "theirs"), "{ours:?}");
        let refused: Vec<Value> = events(&theirs, "/orgs/other/audit?action=binding.delete").await;
        let places: Vec<_> = refused.iter().map(|event| event["place"].clone()).collect();
        assert_eq!(places, ["/orgs/nobody/bindings/site", "/orgs/acme/bindings/site"], "theirs alone, there or not");
        world.end().await;
    }

    async fn a01_what_was_bound_is_written_down_whether_it_is_there_or_not(world: World) {
        world.github.create_user("ann");
        world.api.put("/orgs/other", json!({})).await.expect(201);
        let (_, theirs) = token(&world, "theirs", Some("other"), "admin").await;
        world.repository("templates", &[("a", "1")]).await;
        for (name, repo) in [("there", "templates"), ("nowhere", "no-such")] {
            let body = json!({"github_owner": "octo", "github_repo": repo});
            theirs.put(&format!("/orgs/other/bindings/{name}"), body).await.expect(201);
        }
        world.settle().await;
        let mut events = events(&theirs, "/orgs/other/audit?action=binding.put").await;
        for event in &mut events {
            let detail = event["detail"].as_str().expect("what was bound");
            assert!(detail.contains("/octo/"), "{detail}");
            for field in ["id", "place", "detail", "request_id"] {
                event[field].take();
            }
        }
        assert_eq!((events.len(), &events[0]), (2, &events[1]), "in the same words");
        world.end().await;
    }

    async fn the_log_is_filtered_and_paged(world: World) {
        for name in ["a", "b", "c"] {
            world.api.put(&format!("/orgs/{name}"), json!({})).await.expect(201);
        }
        let first = world.api.get("/audit?action=organization.put&limit=3").await.expect(200);
        let second = world.api.get(&first.next_page().expect("another page")).await.expect(200);
        let places = |page: &Value| page.as_array().unwrap().iter().map(|event| event["place"].clone()).collect::<Vec<_>>();
        assert_eq!(places(&first.json()), ["/orgs/c", "/orgs/b", "/orgs/a"]);
        assert_eq!((places(&second.json()), second.next_page()), (vec![json!("/orgs/acme")], None));
        assert!(events(&world.api, "/audit?actor=process").await.is_empty());
        assert!(events(&world.api, "/audit?since=2999-01-01T00:00:00Z").await.is_empty());
        for bad in ["action=binding.paint", "actor=nobody", "since=yesterday", "limit=0", "who=1", "cursor=x"] {
            world.api.get(&format!("/audit?{bad}")).await.expect(400);
        }
        world.end().await;
    }

    async fn i8_a_flood_of_refusals_does_not_fill_the_log(world: World) {
        let (id, viewer) = token(&world, "noisy", Some("acme"), "viewer").await;
        for _ in 0..110 {
            viewer.get("/tokens").await.expect(403);
        }
        assert_eq!(world.count(&format!("audit_events WHERE token_id = {id}")).await, 100);
        world.clock.advance(Duration::from_secs(60));
        viewer.get("/tokens").await.expect(403);
        assert_eq!(world.count(&format!("audit_events WHERE token_id = {id}")).await, 101);
        world.end().await;
    }

    async fn it_is_kept_for_a_year(world: World) {
        let before = world.count("audit_events").await;
        assert!(before > 0);
        world.clock.advance(Duration::from_secs(364 * 86_400));
        world.api.put("/orgs/later", json!({})).await.expect(201);
        housekeeping::once(&world.context).await.unwrap();
        assert_eq!(world.count("audit_events").await, before + 1);
        world.clock.advance(Duration::from_secs(2 * 86_400));
        housekeeping::once(&world.context).await.unwrap();
        let mut conn = world.context.db.read().await.unwrap();
        let left = audit::list(&AuditFilter::default(), 10, &mut conn).await.unwrap();
        assert_eq!(left.iter().map(|event| event.place.as_str()).collect::<Vec<_>>(), ["/orgs/later"]);
        assert_eq!(left[0].action, Action::OrganizationPut.as_str());
        drop(conn);
        world.end().await;
    }
}
