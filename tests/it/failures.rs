//! What goes wrong at GitHub: the last good content survives all of it.

use std::time::Duration;

use bindery::simulator::{Fault, Route};
use serde_json::json;

use crate::support::{World, stories};

async fn bound(world: &World) -> bindery::github::ids::RepositoryId {
    let repo = world.repository("templates", &[("a", "good")]).await;
    world.bind("site", "templates", json!({})).await;
    repo
}

stories! {
    async fn f19_an_outage_uses_up_no_attempts(world: World) {
        let repo = bound(&world).await;
        world.github.fail(Fault::anywhere().status(502));
        world.push(repo, &[("a", "new")]).await;
        for _ in 0..20 {
            world.pass(Duration::from_secs(900)).await;
        }
        let job = world.last_job().await;
        assert_eq!((job.state.as_str(), job.attempt), ("retryable", 0));
        assert!(job.deferrals > 12, "more often than attempts are allowed");
        assert_eq!(world.files("site").await["a"], "good");
        assert_eq!(world.binding("site").await["access"], "reachable", "an outage is not a loss of access");
        world.github.clear_faults();
        world.pass(Duration::from_secs(900)).await;
        assert_eq!(world.files("site").await["a"], "new");
        world.end().await;
    }

    async fn g06_a_cut_answer_is_retried_and_then_given_up_for_people_to_see(world: World) {
        let repo = bound(&world).await;
        world.github.fail(Fault::on(Route::Tree).replace("{\"sha\": 5}"));
        world.push(repo, &[("a", "new")]).await;
        for _ in 0..12 {
            world.pass(Duration::from_secs(900)).await;
        }
        let job = world.last_job().await;
        assert_eq!((job.state.as_str(), job.attempt, job.errors.0.len()), ("discarded", 12, 12));
        let binding = world.binding("site").await;
        assert_eq!(binding["last_sync_status"], "failed");
        assert!(!binding["last_sync_error"].as_str().unwrap().is_empty());
        assert_eq!(world.files("site").await["a"], "good");
        world.github.clear_faults();
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "new", "re-drivable");
        world.end().await;
    }

    async fn a_blob_that_is_not_its_sha_is_refused(world: World) {
        let repo = bound(&world).await;
        world.github.fail(Fault::on(Route::Blob).times(1).replace("forged"));
        world.push(repo, &[("a", "new")]).await;
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "good");
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(world.files("site").await["a"], "new");
        world.end().await;
    }

    async fn a_listing_that_lacks_a_file_is_not_believed(world: World) {
        let repo = bound(&world).await;
        let commit = world.push(repo, &[("a", "new"), ("b", "too")]).await.after;
        let tree = world.github.tree_at(repo, commit, "").unwrap();
        let cut = json!({"sha": tree, "truncated": false, "tree": []});
        world.github.fail(Fault::on(Route::Tree).times(1).replace(cut.to_string()));
        world.settle().await;
        assert_eq!(world.files("site").await, [("a".into(), "good".into())].into());
        assert!(world.last_job().await.errors.0[0].error.contains("does not add up"));
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(world.files("site").await.len(), 2);
        world.end().await;
    }

    async fn g01_f20_a_rate_limit_pauses_its_installation_and_no_other(world: World) {
        let repo = bound(&world).await;
        world.github.create_user("ann");
        let installed = world.github.install("ann", bindery::simulator::Selection::All).await;
        world.grant(installed).await;
        let anns = world.github.create_repository("ann", "hers").await;
        world.push(anns, &[("a", "1")]).await;
        world.api.put("/orgs/acme/bindings/hers", json!({"github_owner": "ann", "github_repo": "hers"})).await.expect(201);
        world.settle().await;
        world.github.exhaust_rate_limit(world.installation, Duration::from_secs(120));
        world.push(repo, &[("a", "new")]).await;
        world.settle().await;
        world.asked();
        world.push(anns, &[("a", "2")]).await;
        world.push(repo, &[("a", "newer")]).await;
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(world.files("hers").await["a"], "2");
        let of_octo = |request: &bindery::simulator::Request| request.installation == Some(world.installation);
        assert_eq!(world.github.take_requests().into_iter().filter(of_octo).count(), 0);
        let job = world.jobs().await.into_iter().find(|job| job.finalized_at.is_none()).expect("octo's job");
        assert_eq!(job.attempt, 0, "not counted");
        world.pass(Duration::from_secs(62)).await;
        assert_eq!(world.files("site").await["a"], "newer");
        world.end().await;
    }

    async fn e11_a_suspended_installation_shows_and_keeps_its_content(world: World) {
        let repo = bound(&world).await;
        world.clock.advance(Duration::from_secs(600));
        world.github.suspend(world.installation).await;
        world.push(repo, &[("a", "new")]).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        let binding = world.binding("site").await;
        assert_eq!((&binding["access"], &binding["last_sync_status"]), (&json!("suspended"), &json!("failed")));
        assert_eq!(world.files("site").await["a"], "good");
        world.github.unsuspend(world.installation).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(world.binding("site").await["access"], "reachable");
        assert_eq!(world.files("site").await["a"], "new");
        world.end().await;
    }

    async fn a_reinstalled_app_is_found_by_the_next_sync(world: World) {
        let repo = bound(&world).await;
        world.github.uninstall(world.installation).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(world.binding("site").await["access"], "access_lost");
        let again = world.github.reinstall(world.installation).await;
        world.grant(again).await;
        world.push(repo, &[("a", "new")]).await;
        world.settle().await;
        let binding = world.binding("site").await;
        assert_eq!(binding["github_installation_id"], again.get());
        assert_eq!((&binding["access"], &world.files("site").await["a"]), (&json!("reachable"), &"new".to_owned()));
        world.end().await;
    }

    async fn g17_f28_a_token_revoked_in_mid_sync_is_minted_again_once(world: World) {
        let repo = bound(&world).await;
        world.asked();
        world.github.revoke_tokens(world.installation);
        world.push(repo, &[("a", "new")]).await;
        world.settle().await;
        assert_eq!(world.github.count(Route::AccessToken), 1);
        assert_eq!(world.files("site").await["a"], "new");
        world.end().await;
    }

    async fn g10_connections_that_break_change_no_binding(world: World) {
        let repo = bound(&world).await;
        world.github.fail(Fault::anywhere().cut());
        world.push(repo, &[("a", "new")]).await;
        for _ in 0..20 {
            world.pass(Duration::from_secs(900)).await;
        }
        let job = world.last_job().await;
        assert_eq!((job.state.as_str(), job.attempt), ("retryable", 0));
        let binding = world.binding("site").await;
        assert_eq!((&binding["access"], &binding["last_sync_status"]), (&json!("reachable"), &json!("succeeded")));
        assert_eq!(world.files("site").await["a"], "good");
        world.github.clear_faults();
        world.pass(Duration::from_secs(900)).await;
        assert_eq!(world.files("site").await["a"], "new");
        world.end().await;
    }

    async fn g31_an_empty_a_locked_and_a_blocked_repository_are_told_apart(world: World) {
        world.github.create_repository("octo", "empty").await;
        let empty = world.bind("empty", "empty", json!({})).await;
        assert_eq!((&empty["access"], &empty["last_sync_status"]), (&json!("ref_missing"), &json!("failed")));
        let repo = bound(&world).await;
        for (status, words) in [(403, "Repository is locked for migration"), (451, "Repository access blocked")] {
            let answer = json!({ "message": words }).to_string();
            world.github.fail(Fault::on(Route::Commit).times(1).status(status).replace(answer));
            world.push(repo, &[("a", words)]).await;
            world.settle().await;
            let binding = world.binding("site").await;
            assert!(binding["last_sync_error"].as_str().unwrap_or_default().contains(words), "{binding}");
            assert_eq!(binding["last_sync_status"], "failed");
            assert_eq!(world.files("site").await["a"], "good");
        }
        world.push(repo, &[("a", "new")]).await;
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "new");
        world.end().await;
    }

    async fn a_missing_required_file_keeps_the_last_good_content(world: World) {
        let repo = world.repository("templates", &[("template.toml", "a = 1"), ("x", "1")]).await;
        let path = "/orgs/acme/dashboard-template";
        world.api.put(path, json!({"github_owner": "octo", "github_repo": "templates"})).await.expect(201);
        world.settle().await;
        assert_eq!(world.binding("dashboard-template").await["last_sync_status"], "succeeded");
        world.push(repo, &[("template.toml", "a = = 1"), ("x", "2")]).await;
        world.settle().await;
        let error = world.binding("dashboard-template").await["last_sync_error"].clone();
        assert!(error.as_str().unwrap().contains("template.toml is not valid TOML"), "{error}");
        world.github.push(repo, "main", |change| change.remove("template.toml")).await;
        world.settle().await;
        let error = world.binding("dashboard-template").await["last_sync_error"].clone();
        assert!(error.as_str().unwrap().contains("template.toml is missing"), "{error}");
        assert_eq!(world.files("dashboard-template").await["x"], "1");
        world.end().await;
    }

    async fn c18_a_root_path_that_is_gone_is_named_and_empties_nothing(world: World) {
        let repo = world.repository("templates", &[("docs/a", "1"), ("b", "1")]).await;
        world.bind("site", "templates", json!({"root_path": "docs"})).await;
        world.github.push(repo, "main", |change| change.remove("docs/a")).await;
        world.settle().await;
        let binding = world.binding("site").await;
        assert!(binding["last_sync_error"].as_str().unwrap().contains("no /docs"), "{binding}");
        assert_eq!(world.files("site").await["a"], "1");
        world.end().await;
    }

    async fn f28_an_app_uninstalled_in_mid_sync_shows_it(world: World) {
        let repo = bound(&world).await;
        world.push(repo, &[("a", "new")]).await;
        world.workers.inbox.drain().await.unwrap();
        world.asked();
        world.github.fail(Fault::on(Route::Commit).times(1).delay(Duration::from_millis(400)));
        let (drained, _) = tokio::join!(world.workers.queue.drain(), async {
            while world.github.count(Route::Repository) == 0 {
                tokio::task::yield_now().await;
            }
            world.github.uninstall(world.installation).await
        });
        drained.unwrap();
        world.pass(Duration::from_secs(60)).await;
        let binding = world.binding("site").await;
        assert_eq!(binding["access"], "access_lost", "{binding}");
        assert_eq!(world.files("site").await["a"], "good");
        world.end().await;
    }

    async fn f19_after_an_outage_of_hours_it_goes_on_within_a_minute(world: World) {
        let repo = bound(&world).await;
        world.github.fail(Fault::anywhere().status(503));
        world.push(repo, &[("a", "new")]).await;
        for _ in 0..100 {
            world.pass(Duration::from_secs(45)).await;
        }
        world.github.clear_faults();
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(world.files("site").await["a"], "new");
        world.end().await;
    }

    async fn a_repository_lost_between_two_attempts_shows_it(world: World) {
        let repo = bound(&world).await;
        world.github.fail(Fault::on(Route::Tree).times(1).status(502));
        world.push(repo, &[("a", "new")]).await;
        world.settle().await;
        world.github.delete_repository(repo).await;
        world.pass(Duration::from_secs(60)).await;
        let binding = world.binding("site").await;
        assert_eq!((&binding["access"], &binding["last_sync_status"]), (&json!("access_lost"), &json!("failed")));
        for _ in 0..2 {
            world.pass(Duration::from_secs(60)).await;
        }
        assert_eq!(world.binding("site").await["access"], "gone");
        world.end().await;
    }
}
