//! What the bound refs hold, each asked once an interval.

use std::time::Duration;

use bindery::git::Oid;
use bindery::ids::RepositoryRefId;
use bindery::repository_ref;
use bindery::simulator::{Fault, Route};
use diesel_async::SimpleAsyncConnection;
use serde_json::json;

use super::{INTERVAL, access, an_interval_later, bound, polling, state, syncs};
use crate::support::{Either, World, stories};

/// How often refs were asked for, and how often nothing had changed.
fn looks(world: &World) -> (usize, usize) {
    let requests = world.github.take_requests();
    let looks = requests
        .iter()
        .filter(|request| request.route == Route::Commit);
    let unchanged = looks.clone().filter(|request| request.status == 304);
    (looks.count(), unchanged.count())
}

stories! {
    async fn a_push_of_which_nobody_told_is_found_within_one_interval(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.github.omit_all(true);
        let push = world.push(repo, &[("a", "2")]).await;
        assert_eq!(push.delivery, None);
        an_interval_later(&world).await;
        assert_eq!(world.files("site").await["a"], "2");
        let state = state(&world, "head_poll").await;
        assert_eq!((&state["result"]["moved"], &state["result"]["healed"]), (&json!(1), &json!(1)));
        assert_eq!(state["github_installation_id"], world.installation.get());
        world.end().await;
    }

    async fn e21_four_tags_in_one_push_are_found_within_one_interval(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        let first = world.github.head(repo, "main");
        world.bind("tagged", "templates", json!({"github_ref": "refs/tags/v1"})).await;
        assert_eq!(world.binding("tagged").await["access"], "ref_missing");
        let tags = ["v1", "v2", "v3", "v4"].map(|tag| (tag, first));
        let pushed = world.github.create_tags(repo, &tags).await;
        assert!(pushed.iter().all(|pushed| pushed.sent.is_empty()), "GitHub tells of none");
        an_interval_later(&world).await;
        let tagged = world.binding("tagged").await;
        assert_eq!((&tagged["commit_sha"], &tagged["access"]), (&json!(first.to_string()), &json!("reachable")));
        world.github.delete_tags(repo, &["v1", "v2", "v3", "v4"]).await;
        an_interval_later(&world).await;
        assert_eq!(world.binding("tagged").await["access"], "ref_missing");
        world.end().await;
    }

    async fn f26_a_payload_over_githubs_limit_is_found_within_one_interval(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.github.set_payload_limit(100);
        assert_eq!(world.push(repo, &[("a", "2")]).await.delivery, None);
        an_interval_later(&world).await;
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn the_poll_costs_one_free_request_a_ref_while_nothing_changes(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.bind("beside", "templates", json!({"root_path": "/"})).await;
        let head = world.github.head(repo, "main");
        world.github.create_branch(repo, "x", head).await;
        world.bind("branch", "templates", json!({"github_ref": "x"})).await;
        an_interval_later(&world).await;
        looks(&world);
        let before = syncs(&world).await;
        for _ in 0..4 {
            an_interval_later(&world).await;
            assert_eq!(looks(&world), (2, 2), "three bindings on two refs");
        }
        assert_eq!(syncs(&world).await, before);
        world.end().await;
    }

    async fn a_new_token_makes_nobody_sync(world: Either) {
        let world = polling(world).await;
        bound(&world).await;
        let before = syncs(&world).await;
        world.pass(Duration::from_secs(4000)).await;
        world.heal().await;
        assert_eq!(looks(&world), (1, 0), "ETags go with tokens");
        an_interval_later(&world).await;
        assert_eq!(looks(&world), (1, 1), "and the new one is kept");
        assert_eq!(syncs(&world).await, before);
        world.end().await;
    }

    async fn what_failed_at_this_very_head_is_left_alone(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.bind("strict", "templates", json!({"required_files": ["b"]})).await;
        assert_eq!(world.binding("strict").await["last_sync_status"], "failed");
        let before = syncs(&world).await;
        for _ in 0..3 {
            an_interval_later(&world).await;
        }
        assert_eq!(syncs(&world).await, before, "no storm");
        world.github.omit_all(true);
        world.push(repo, &[("b", "1")]).await;
        an_interval_later(&world).await;
        assert_eq!(world.binding("strict").await["last_sync_status"], "succeeded");
        world.end().await;
    }

    async fn what_failed_at_an_older_head_tries_again_when_another_has_found_the_new_one(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.bind("strict", "templates", json!({"required_files": ["b"]})).await;
        world.bind("lost", "templates", json!({"required_files": ["b"]})).await;
        world.github.omit_all(true);
        world.push(repo, &[("b", "1")]).await;
        // Its sync finds the new head, and no event has told the others of it.
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(world.binding("strict").await["last_sync_status"], "failed");
        an_interval_later(&world).await;
        for name in ["strict", "lost"] {
            assert_eq!(world.binding(name).await["last_sync_status"], "succeeded", "{name}");
        }
        // The same for one that has synced before.
        world.put_binding("strict", "templates", json!({"required_files": ["c"]})).await.expect(200);
        world.settle().await;
        assert_eq!(world.binding("strict").await["last_sync_status"], "failed");
        world.push(repo, &[("c", "1")]).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        an_interval_later(&world).await;
        assert_eq!(world.binding("strict").await["last_sync_status"], "succeeded");
        world.end().await;
    }

    async fn a_binding_that_a_lost_job_left_behind_is_found(world: Either) {
        let world = polling(world).await;
        bound(&world).await;
        let before = syncs(&world).await;
        let old = format!("UPDATE bindings SET commit_sha = '{}'", Oid::ZERO);
        world.context.db.write().await.unwrap().batch_execute(&old).await.unwrap();
        an_interval_later(&world).await;
        assert_eq!(syncs(&world).await, before + 1);
        assert_ne!(world.binding("site").await["commit_sha"], Oid::ZERO.to_string());
        world.end().await;
    }

    async fn a_binding_that_failed_while_nothing_could_be_read_is_found(world: Either) {
        let world = polling(world).await;
        bound(&world).await;
        world.github.omit_all(true);
        world.github.suspend(world.installation).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(access(&world).await, "suspended");
        world.github.unsuspend(world.installation).await;
        // Somebody else has learnt of it already, so that nobody thinks of its bindings any more.
        let known = "UPDATE installations SET suspended_at = NULL";
        world.context.db.write().await.unwrap().batch_execute(known).await.unwrap();
        an_interval_later(&world).await;
        assert_eq!(world.binding("site").await["last_sync_status"], "succeeded");
        world.end().await;
    }

    async fn what_a_block_stopped_in_mid_download_tries_again_once_it_is_lifted(world: Either) {
        let world = polling(world).await;
        let repo = world.repository("templates", &[("x/a", "1"), ("y/b", "1")]).await;
        world.bind("beside", "templates", json!({"root_path": "x"})).await;
        world.bind("blocked", "templates", json!({"root_path": "y"})).await;
        let answer = json!({"message": "Repository access blocked"}).to_string();
        world.github.fail(Fault::on(Route::Blob).status(451).replace(answer));
        world.push(repo, &[("y/b", "2")]).await;
        world.bind("unsynced", "templates", json!({"root_path": "y"})).await;
        for (name, status) in [("beside", "succeeded"), ("blocked", "failed"), ("unsynced", "failed")] {
            assert_eq!(world.binding(name).await["last_sync_status"], status, "{name}");
        }
        world.github.clear_faults();
        an_interval_later(&world).await;
        for name in ["blocked", "unsynced"] {
            assert_eq!(world.binding(name).await["last_sync_status"], "succeeded", "{name}");
            assert_eq!(world.files(name).await["b"], "2");
        }
        world.end().await;
    }

    async fn a_file_too_large_is_not_asked_for_again_at_the_same_head(world: Either) {
        let settings = [("BINDERY_SWEEP_INTERVAL", "off"), ("BINDERY_SYNC_MAX_FILE", "1KiB")];
        let world = world.with(&settings).await;
        world.heal().await;
        let repo = bound(&world).await;
        world.pass(Duration::from_secs(60)).await;
        world.github.fail(Fault::on(Route::Blob).times(1).replace(vec![b'x'; 2048]));
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(world.binding("site").await["last_sync_status"], "failed");
        let before = syncs(&world).await;
        an_interval_later(&world).await;
        assert_eq!(syncs(&world).await, before, "no storm");
        world.bind("beside", "templates", json!({"root_path": "/", "github_ref": "main"})).await;
        world.github.omit_all(true);
        world.push(repo, &[("a", "3")]).await;
        world.api.post("/orgs/acme/bindings/beside/sync").await.expect(202);
        world.settle().await;
        an_interval_later(&world).await;
        assert_eq!(world.files("site").await["a"], "3", "but at another");
        world.end().await;
    }

    async fn a_binding_that_failed_because_its_repository_was_not_shown_once_is_found(world: Either) {
        let world = polling(world).await;
        bound(&world).await;
        for (route, status) in [(Route::Repository, 404), (Route::RepositoryInstallation, 404), (Route::AppInstallation, 502)] {
            world.github.fail(Fault::on(route).status(status));
        }
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(world.binding("site").await["last_sync_status"], "failed");
        // Somebody else has read it meanwhile, so that nobody thinks of its bindings any more.
        let known = "UPDATE repositories SET reachability = 'reachable'";
        world.context.db.write().await.unwrap().batch_execute(known).await.unwrap();
        world.github.clear_faults();
        an_interval_later(&world).await;
        assert_eq!(world.binding("site").await["last_sync_status"], "succeeded");
        world.end().await;
    }

    async fn a_second_push_of_which_nobody_told_is_not_taken_for_a_lagging_api(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.pass(Duration::from_secs(3600)).await;
        world.heal().await;
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        world.github.omit_all(true);
        world.push(repo, &[("a", "3")]).await;
        for _ in 0..19 {
            world.pass(Duration::from_secs(15)).await;
            world.heal().await;
        }
        assert_eq!(world.files("site").await["a"], "3", "within the five minutes of the first");
        world.end().await;
    }

    async fn a_lagging_api_does_not_undo_a_push(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        let old = world.github.head(repo, "main");
        world.pass(Duration::from_secs(3600)).await;
        world.heal().await;
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "2");
        // A replica that has not heard of the push answers the poll, and would answer its sync, too.
        let tree = world.github.tree_at(repo, old, "").unwrap();
        let lie = json!({"sha": old, "commit": {"tree": {"sha": tree}}}).to_string();
        world.github.fail(Fault::on(Route::Commit).replace(lie));
        let before = syncs(&world).await;
        for _ in 0..19 {
            world.pass(Duration::from_secs(15)).await;
            world.heal().await;
            assert_eq!(world.files("site").await["a"], "2");
        }
        assert_eq!(syncs(&world).await, before);
        world.github.clear_faults();
        an_interval_later(&world).await;
        assert_eq!((world.files("site").await["a"].as_str(), syncs(&world).await), ("2", before));
        world.end().await;
    }

    async fn a_push_that_github_was_told_late_of_is_waited_for_and_not_polled_away(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.pass(Duration::from_secs(3600)).await;
        world.github.lag_refs(Duration::from_secs(20));
        world.push(repo, &[("a", "2")]).await;
        for _ in 0..5 {
            world.pass(Duration::from_secs(10)).await;
            world.heal().await;
        }
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn a_push_goes_ahead_of_the_poll(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        for n in 0..10 {
            let name = format!("branch-{n}");
            let head = world.github.head(repo, "main");
            world.github.create_branch(repo, &name, head).await;
            world.put_binding(&name, "templates", json!({"github_ref": name})).await.expect(201);
        }
        world.settle().await;
        world.clock.advance(INTERVAL);
        let now = world.clock.now();
        world.workers.timer.tick(now).await.unwrap();
        world.push(repo, &[("a", "2")]).await;
        world.asked();
        world.settle().await;
        // The push's own sync: the repository, then the ref. A poll would not ask for the repository.
        assert_eq!(world.asked()[..2], [Route::Repository, Route::Commit]);
        world.end().await;
    }

    async fn a_repository_that_is_not_shown_any_more_is_looked_into(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.github.omit_all(true);
        world.github.delete_repository(repo).await;
        an_interval_later(&world).await;
        assert_eq!(access(&world).await, "access_lost");
        for _ in 0..3 {
            world.pass(Duration::from_secs(60)).await;
        }
        assert_eq!(access(&world).await, "gone", "e10: nobody tells an App of it");
        assert_eq!(world.files("site").await["a"], "1");
        world.asked();
        an_interval_later(&world).await;
        assert_eq!(looks(&world).0, 0, "and not polled any more");
        world.end().await;
    }

    async fn g01_a_rate_limit_holds_for_the_poll(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.github.omit_all(true);
        world.push(repo, &[("a", "2")]).await;
        world.clock.advance(INTERVAL);
        world.github.exhaust_rate_limit(world.installation, Duration::from_secs(1200));
        world.heal().await;
        world.asked();
        for _ in 0..3 {
            an_interval_later(&world).await;
        }
        assert!(!world.asked().contains(&Route::Commit));
        world.pass(INTERVAL * 2).await;
        world.heal().await;
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn a_ref_that_github_cannot_answer_for_is_in_nobodys_way(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        let head = world.github.head(repo, "main");
        world.github.create_branch(repo, "poison", head).await;
        world.bind("poison", "templates", json!({"github_ref": "poison"})).await;
        world.github.fail(Fault::on(Route::Commit).path_contains("poison").status(502));
        world.github.omit_all(true);
        for n in ["2", "3"] {
            world.push(repo, &[("a", n)]).await;
            an_interval_later(&world).await;
            assert_eq!(world.files("site").await["a"], n);
        }
        let error = state(&world, "head_poll").await["error"].clone();
        assert!(error.as_str().unwrap().starts_with("1 refs could not be read"), "{error}");
        world.end().await;
    }

    async fn a_place_too_far_ahead_is_given_up(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        an_interval_later(&world).await;
        let far = world.clock.now() + INTERVAL * 100;
        {
            let mut conn = world.context.db.write().await.unwrap();
            repository_ref::poll_at(RepositoryRefId::new(1), far, &mut conn).await.unwrap();
        }
        world.github.omit_all(true);
        world.push(repo, &[("a", "2")]).await;
        world.heal().await;
        an_interval_later(&world).await;
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn a_repository_whose_installation_is_in_doubt_waits_in_its_place(world: Either) {
        let world = polling(world).await;
        bound(&world).await;
        an_interval_later(&world).await;
        let sql = async |sql: &str| world.context.db.write().await.unwrap().batch_execute(sql).await.unwrap();
        sql("UPDATE repositories SET installation_doubted_at = confirmed_at").await;
        // The poll of installations would end the doubt.
        world.github.fail(Fault::on(Route::AppInstallations).status(502));
        looks(&world);
        an_interval_later(&world).await;
        assert_eq!(looks(&world).0, 0);
        sql("UPDATE repositories SET installation_doubted_at = NULL").await;
        world.heal().await;
        assert_eq!(looks(&world).0, 1);
        world.github.clear_faults();
        world.pass(Duration::from_secs(60)).await;
        world.end().await;
    }

    async fn what_nobody_follows_any_more_is_not_polled(world: Either) {
        let world = polling(world).await;
        bound(&world).await;
        an_interval_later(&world).await;
        assert_eq!(world.count("repository_refs WHERE poll_at IS NOT NULL").await, 1);
        world.api.delete("/orgs/acme/bindings/site").await.expect(204);
        looks(&world);
        an_interval_later(&world).await;
        assert_eq!(looks(&world).0, 0);
        assert_eq!(world.count("repository_refs WHERE poll_at IS NOT NULL").await, 0);
        world.bind("site", "templates", json!({})).await;
        looks(&world);
        an_interval_later(&world).await;
        assert_eq!(looks(&world).0, 1, "until somebody does again");
        world.end().await;
    }

    async fn after_a_long_stop_the_refs_are_asked_over_the_interval(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        let head = world.github.head(repo, "main");
        for n in 0..60 {
            let name = format!("branch-{n}");
            world.github.create_branch(repo, &name, head).await;
            world.put_binding(&name, "templates", json!({"github_ref": name})).await.expect(201);
        }
        world.settle().await;
        world.heal().await;
        world.clock.advance(Duration::from_secs(86_400));
        world.settle().await;
        looks(&world);
        let mut steps = Vec::new();
        for _ in 0..20 {
            world.heal().await;
            steps.push(looks(&world).0);
            world.clock.advance(INTERVAL / 20);
        }
        assert!(steps.iter().all(|step| *step <= 10), "{steps:?}");
        let asked: usize = steps.iter().sum();
        assert!(asked >= 61, "each within one interval: {steps:?}");
        world.end().await;
    }

    async fn in_a_day_every_ref_is_asked_once_an_interval(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        let head = world.github.head(repo, "main");
        for n in 0..9 {
            let name = format!("branch-{n}");
            world.github.create_branch(repo, &name, head).await;
            world.put_binding(&name, "templates", json!({"github_ref": name})).await.expect(201);
        }
        world.settle().await;
        world.heal().await;
        world.clock.advance(INTERVAL);
        world.heal().await;
        looks(&world);
        for _ in 0..60 {
            world.clock.advance(INTERVAL / 20);
            world.heal().await;
        }
        let (asked, _) = looks(&world);
        assert!((30..=33).contains(&asked), "ten refs in three intervals: {asked}");
        world.end().await;
    }

    async fn a_tenant_without_a_grant_learns_nothing_from_the_poll(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.api.put("/orgs/other", json!({})).await.expect(201);
        let body = json!({"github_owner": "octo", "github_repo": "templates"});
        world.api.put("/orgs/other/bindings/theirs", body).await.expect(201);
        world.settle().await;
        let jobs = "jobs WHERE organization_id = (SELECT id FROM organizations WHERE slug = 'other')";
        let before = world.count(jobs).await;
        world.github.omit_all(true);
        world.push(repo, &[("a", "2")]).await;
        an_interval_later(&world).await;
        assert_eq!(world.files("site").await["a"], "2");
        assert_eq!(world.count(jobs).await, before);
        world.end().await;
    }
}
