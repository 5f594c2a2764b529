//! Who may do what: tokens, roles, and what another tenant sees.

use std::time::Duration;

use bindery::simulator::{Fault, Route, Selection};
use serde_json::{Value, json};

use crate::support::{Api, World, binding_path, stories};

/// A token made through the API, as an admin makes one.
async fn token(world: &World, body: Value) -> Api {
    let answer = world
        .api
        .send(reqwest::Method::POST, "/tokens", Some(body), &[])
        .await
        .expect(201)
        .json();
    world
        .api
        .with_token(answer["token"].as_str().expect("the token, this once"))
}

stories! {
    async fn a08_what_is_another_tenants_does_not_exist(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.api.put("/orgs/other", json!({})).await.expect(201);
        let theirs = token(&world, json!({"label": "theirs", "organization": "other", "role": "admin"})).await;
        let job = world.last_job().await.id;
        let site = binding_path("site");
        let ours = [site.clone(), format!("{site}/files"), format!("/jobs/{job}"), "/orgs/acme".to_owned()];
        for path in ours {
            let absent = path.replace("acme", "nobody").replace(&format!("/jobs/{job}"), "/jobs/987654");
            let (hidden, absent) = (theirs.get(&path).await.expect(404), theirs.get(&absent).await.expect(404));
            assert_eq!(hidden.json(), absent.json(), "{path}");
        }
        theirs.delete(&binding_path("site")).await.expect(404);
        theirs.post(&format!("{}/sync", binding_path("site"))).await.expect(404);
        assert_eq!(theirs.get("/jobs").await.expect(200).json(), json!([]));
        world.end().await;
    }

    async fn a14_a22_roles_say_who_reads_who_syncs_and_who_binds(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let body = json!({"github_owner": "octo", "github_repo": "templates"});
        let expected = [("viewer", [200, 403, 403]), ("operator", [200, 202, 403]), ("admin", [200, 202, 200])];
        for (role, statuses) in expected {
            let api = token(&world, json!({"label": role, "organization": "acme", "role": role})).await;
            let read = api.get(&binding_path("site")).await.status.as_u16();
            let sync = api.post(&format!("{}/sync", binding_path("site"))).await.status.as_u16();
            let bind = api.put(&binding_path("site"), body.clone()).await.status.as_u16();
            assert_eq!([read, sync, bind], statuses, "{role}");
        }
        world.settle().await;
        world.end().await;
    }

    async fn a14_a_token_that_is_missing_expired_or_revoked_is_401(world: World) {
        world.api.with_token("no such token").get("/orgs").await.expect(401);
        let expires = world.clock.now() + Duration::from_secs(60);
        let expiring = token(&world, json!({"label": "brief", "role": "viewer", "expires_at": expires})).await;
        expiring.get("/orgs").await.expect(200);
        world.clock.advance(Duration::from_secs(61));
        expiring.get("/orgs").await.expect(401);
        let revoked = token(&world, json!({"label": "gone", "role": "viewer"})).await;
        let id = world.api.get("/tokens").await.json().as_array().unwrap().last().unwrap()["id"].clone();
        world.api.delete(&format!("/tokens/{id}")).await.expect(204);
        revoked.get("/orgs").await.expect(401);
        world.end().await;
    }

    async fn a16_no_token_is_in_the_database(world: World) {
        let body = json!({"label": "x", "role": "viewer"});
        let answer = world.api.send(reqwest::Method::POST, "/tokens", Some(body), &[]).await.expect(201).json();
        let secret = answer["token"].as_str().unwrap();
        assert_eq!(world.count(&format!("api_tokens WHERE lookup = '{secret}' OR label = '{secret}'")).await, 0);
        assert!(secret.len() > 40);
        let stored = world.count("api_tokens WHERE length(hash) = 32 AND length(salt) = 16").await;
        assert_eq!(stored, 1);
        world.end().await;
    }

    async fn a_repository_is_bound_by_the_organisation_that_has_the_grant(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let path = format!("/orgs/acme/installations/{}", world.installation);
        world.api.put(&path, json!({})).await.expect(200);
        world.api.put("/orgs/other", json!({})).await.expect(201);
        world.api.put(&path.replace("acme", "other"), json!({})).await.expect(409);
        world.api.delete(&path).await.expect(204);
        world.settle().await;
        world.end().await;
    }

    async fn a04_of_twenty_who_ask_for_an_installation_one_gets_it(world: World) {
        world.github.create_user("ann");
        let anns = world.github.install("ann", Selection::All).await;
        for one in 0..20 {
            world.api.put(&format!("/orgs/org-{one}"), json!({})).await.expect(201);
        }
        let paths: Vec<_> = (0..20).map(|one| format!("/orgs/org-{one}/installations/{anns}")).collect();
        let answers = futures_util::future::join_all(paths.iter().map(|path| world.api.put(path, json!({})))).await;
        let count = |status: u16| answers.iter().filter(|answer| answer.status.as_u16() == status).count();
        assert_eq!((count(201), count(409)), (1, 19));
        assert_eq!(world.count(&format!("installation_grants WHERE installation_id = {anns}")).await, 1);
        world.settle().await;
        world.end().await;
    }

    async fn i10_a_grant_that_is_taken_back_ends_reading_and_syncing_at_once(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let files = format!("{}/files", binding_path("site"));
        world.revoke(world.installation).await;
        assert_eq!(world.binding("site").await["access"], "not_granted", "before any job has run");
        assert_eq!(world.api.get(&files).await.expect(403).json()["type"], "/problems/not-granted");
        world.asked();
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(world.asked(), [Route::RepositoryInstallation], "where it is by now, and nothing of it");
        let binding = world.binding("site").await;
        assert_eq!((&binding["access"], &binding["last_sync_status"]), (&json!("not_granted"), &json!("failed")));
        let jobs = world.jobs().await.len();
        world.grant(world.installation).await;
        assert_eq!(world.binding("site").await["access"], "reachable", "before any job has run");
        assert_eq!(world.files("site").await["a"], "1", "what was published was kept");
        world.settle().await;
        assert_eq!(world.jobs().await.len(), jobs + 1);
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn i10_nothing_is_published_once_the_grant_is_gone(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.push(repo, &[("a", "2")]).await;
        world.workers.inbox.drain().await.unwrap();
        world.asked();
        world.github.fail(Fault::on(Route::Blob).times(1).delay(Duration::from_millis(400)));
        let (drained, ()) = tokio::join!(world.workers.queue.drain(), async {
            while world.github.count(Route::Tree) == 0 {
                tokio::task::yield_now().await;
            }
            world.revoke(world.installation).await;
        });
        drained.unwrap();
        world.settle().await;
        assert_eq!(world.count("contents").await, 1);
        world.grant(world.installation).await;
        assert_eq!(world.files("site").await["a"], "1");
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn a_tenant_whose_grant_was_taken_loses_nothing_for_the_one_that_has_it(world: World) {
        // As an Enterprise Server that does not know the path by id.
        let by_id = Fault::on(Route::RepositoryInstallation).path_contains("/repositories/");
        world.github.fail(by_id.status(404));
        world.repository("templates", &[("a", "1")]).await;
        world.revoke(world.installation).await;
        world.api.put("/orgs/other", json!({})).await.expect(201);
        let theirs = format!("/orgs/other/installations/{}", world.installation);
        world.api.put(&theirs, json!({})).await.expect(201);
        let body = json!({"github_owner": "octo", "github_repo": "templates"});
        world.api.put("/orgs/other/bindings/theirs", body).await.expect(201);
        world.settle().await;
        world.api.delete(&theirs).await.expect(204);
        world.grant(world.installation).await;
        world.bind("site", "templates", json!({})).await;
        let refreshes = "jobs WHERE kind = 'repository_refresh'";
        let before = world.count(refreshes).await;
        world.api.post("/orgs/other/bindings/theirs/sync").await.expect(202);
        world.settle().await;
        assert_eq!(world.count(refreshes).await, before, "it was not held to be lost");
        assert_eq!(world.binding("site").await["access"], "reachable");
        world.end().await;
    }

    async fn i10_a_transfer_to_where_there_is_no_grant_ends_reading_too(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.create_user("ann");
        let anns = world.github.install("ann", Selection::All).await;
        world.github.transfer(repo, "ann").await;
        world.push(repo, &[("a", "hers")]).await;
        world.settle().await;
        assert_eq!(world.binding("site").await["access"], "not_granted");
        world.api.get(&format!("{}/files", binding_path("site"))).await.expect(403);
        assert_eq!(world.count("contents").await, 1, "nothing of hers was published");
        world.grant(anns).await;
        world.settle().await;
        assert_eq!(world.binding("site").await["access"], "reachable");
        assert_eq!(world.files("site").await["a"], "hers");
        world.end().await;
    }

    async fn i10_what_a_repository_is_called_later_is_not_told_without_a_grant(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        let ours = world.bind("site", "templates", json!({})).await;
        world.github.create_user("ann");
        let anns = world.github.install("ann", Selection::All).await;
        world.github.transfer(repo, "ann").await;
        world.api.put("/orgs/other", json!({})).await.expect(201);
        world.api.put(&format!("/orgs/other/installations/{anns}"), json!({})).await.expect(201);
        world.github.rename(repo, "secret-plans").await;
        let body = json!({"github_owner": "ann", "github_repo": "secret-plans"});
        world.api.put("/orgs/other/bindings/theirs", body).await.expect(201);
        world.settle().await;
        world.api.post(&format!("{}/sync", binding_path("site"))).await.expect(202);
        world.settle().await;
        let binding = world.binding("site").await;
        assert_eq!((&binding["access"], &binding["repository"]), (&json!("not_granted"), &Value::Null));
        assert_eq!(binding["github_repo_id"], ours["github_repo_id"], "the ids stay");
        assert!(!binding.to_string().contains("secret-plans"), "{binding}");
        world.end().await;
    }

    async fn i10_a_transfer_that_another_sync_has_read_of_is_followed_before_anything_is_read(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.github.publicize(repo).await;
        world.bind("one", "templates", json!({})).await;
        world.bind("two", "templates", json!({})).await;
        world.github.create_user("ann");
        world.github.install("ann", Selection::All).await;
        world.github.lose_next(10);
        world.github.transfer(repo, "ann").await;
        world.push(repo, &[("a", "hers")]).await;
        for name in ["one", "two"] {
            world.api.post(&format!("{}/sync", binding_path(name))).await.expect(202);
        }
        // The first reads who owns it now, and is not told which installation that has.
        world.clock.advance(Duration::from_millis(1));
        world.github.fail(Fault::on(Route::RepositoryInstallation).status(502));
        world.settle().await;
        assert_eq!(world.count("contents").await, 2, "nothing of hers");
        world.github.clear_faults();
        world.pass(Duration::from_secs(900)).await;
        assert_eq!(world.count("contents").await, 2);
        for name in ["one", "two"] {
            assert_eq!(world.binding(name).await["access"], "not_granted", "{name}");
        }
        world.end().await;
    }

    async fn i10_a_public_repository_that_went_elsewhere_is_not_read_through_the_old_grant(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.github.publicize(repo).await;
        world.bind("one", "templates", json!({})).await;
        world.bind("two", "templates", json!({"root_path": "/", "github_ref": "main"})).await;
        world.github.create_user("ann");
        world.github.install("ann", Selection::All).await;
        world.github.lose_next(10);
        world.github.transfer(repo, "ann").await;
        world.push(repo, &[("a", "hers")]).await;
        for name in ["one", "two"] {
            world.api.post(&format!("{}/sync", binding_path(name))).await.expect(202);
        }
        world.settle().await;
        for name in ["one", "two"] {
            assert_eq!(world.binding(name).await["access"], "not_granted", "{name}");
            world.api.get(&format!("{}/files", binding_path(name))).await.expect(403);
        }
        assert_eq!(world.count("contents").await, 2);
        world.end().await;
    }
}
