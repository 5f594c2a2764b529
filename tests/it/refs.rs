//! Branches and tags, default branches, deletions, and the path filter.

use std::time::Duration;

use bindery::github::ids::RepositoryId;
use bindery::simulator::Change;
use serde_json::{Value, json};

use crate::support::{World, stories};

/// `site` on `/src` of a repository that has something beside it.
async fn bound_below(world: &World) -> RepositoryId {
    let files = [("docs/a", "1"), ("src/x", "1")];
    let repo = world.repository("templates", &files).await;
    world
        .bind("site", "templates", json!({"root_path": "src"}))
        .await;
    repo
}

/// So many commits, none of which touches `/src`.
fn beside(commits: usize) -> Vec<Change> {
    let commit = |n: usize| Change::new().write("docs/a", format!("{commits}.{n}"));
    (0..commits).map(commit).collect()
}

/// One commit that touches so many files, none of them below `/src`.
fn files_beside(files: usize) -> Change {
    let write = |change: Change, n| change.write(format!("docs/{n}"), format!("{files}"));
    (0..files).fold(Change::new(), write)
}

stories! {
    async fn e24_a_tag_named_like_a_branch_is_another_ref(world: World) {
        let repo = world.repository("templates", &[("a", "main")]).await;
        let head = world.github.head(repo, "main");
        world.github.create_branch(repo, "x", head).await;
        world.github.create_tag(repo, "x", head).await;
        world.settle().await;
        world.bind("branch", "templates", json!({"github_ref": "x"})).await;
        world.bind("tag", "templates", json!({"github_ref": "refs/tags/x"})).await;
        world.github.push(repo, "x", |change| change.write("a", "branch moved")).await;
        world.settle().await;
        assert_eq!(world.files("branch").await["a"], "branch moved");
        assert_eq!(world.files("tag").await["a"], "main");
        let expected = [("enqueued", "matched_by_id"), ("skipped", "other_ref")];
        assert_eq!(world.decisions().await, expected.map(|(verdict, why)| (verdict.into(), why.into())));
        world.end().await;
    }

    async fn a_moved_tag_is_synced_although_its_push_lists_no_commit(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        let first = world.github.head(repo, "main");
        world.github.create_annotated_tag(repo, "v1", first).await;
        world.settle().await;
        let binding = world.bind("site", "templates", json!({"github_ref": "refs/tags/v1"})).await;
        assert_eq!(binding["commit_sha"], first.to_string(), "an annotated tag is its commit");
        assert_eq!(binding["github_ref"], "refs/tags/v1");
        let second = world.push(repo, &[("a", "2")]).await.after;
        world.github.move_tag(repo, "v1", second).await;
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn e16_a_deleted_branch_keeps_its_content_and_comes_back(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        let head = world.github.head(repo, "main");
        world.github.create_branch(repo, "x", head).await;
        world.settle().await;
        world.bind("site", "templates", json!({"github_ref": "x"})).await;
        world.github.delete_branch(repo, "x").await;
        world.settle().await;
        let missing = world.binding("site").await;
        assert_eq!((&missing["access"], &missing["last_sync_status"]), (&json!("ref_missing"), &json!("failed")));
        assert_eq!(missing["last_sync_error"], "octo/templates has no branch x: push it, or bind another ref");
        assert_eq!(world.files("site").await["a"], "1");
        world.github.create_branch(repo, "x", head).await;
        world.settle().await;
        let back = world.binding("site").await;
        assert_eq!((&back["access"], &back["last_sync_status"]), (&json!("reachable"), &json!("succeeded")));
        world.end().await;
    }

    async fn a_stale_deletion_changes_nothing(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        let head = world.github.head(repo, "main");
        world.github.create_branch(repo, "x", head).await;
        world.settle().await;
        world.bind("site", "templates", json!({"github_ref": "x"})).await;
        world.github.hold_deliveries();
        world.github.delete_branch(repo, "x").await;
        world.github.create_branch(repo, "x", head).await;
        world.github.release_deliveries().await;
        world.settle().await;
        assert_eq!(world.binding("site").await["access"], "reachable");
        world.end().await;
    }

    async fn e18_a_force_push_to_an_ancestor_publishes_the_older_tree(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        let first = world.github.head(repo, "main");
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        world.bind("site", "templates", json!({})).await;
        world.github.force_push(repo, "main", first).await;
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "1");
        assert_eq!(world.binding("site").await["commit_sha"], first.to_string());
        world.end().await;
    }

    async fn e15_the_default_branch_is_followed(world: World) {
        let repo = world.repository("templates", &[("a", "main")]).await;
        let head = world.github.head(repo, "main");
        world.github.create_branch(repo, "trunk", head).await;
        world.settle().await;
        let binding = world.bind("site", "templates", json!({})).await;
        assert!(binding["github_ref"].is_null());
        world.github.set_default_branch(repo, "trunk").await;
        world.github.push(repo, "trunk", |change| change.write("a", "trunk")).await;
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "trunk");
        world.push(repo, &[("a", "main again")]).await;
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "trunk");
        assert_eq!(world.last_delivery("push").await.reason.as_deref(), Some("other_ref"));
        world.end().await;
    }

    async fn e29_a_push_outside_the_root_path_is_ignored_with_its_reason(world: World) {
        let repo = world.repository("templates", &[("docs/a", "1"), ("src/x", "1")]).await;
        world.bind("site", "templates", json!({"root_path": "docs"})).await;
        let job = world.last_job().await.id;
        let push = world.push(repo, &[("src/x", "2")]).await;
        world.settle().await;
        let delivery = world.last_delivery("push").await;
        assert_eq!(delivery.reason.as_deref(), Some("outside_root_path"));
        assert_eq!(delivery.head_sha, Some(push.after.to_string()));
        assert_eq!(delivery.repository_github_id, Some(repo));
        assert_eq!(world.last_job().await.id, job);
        world.end().await;
    }

    async fn e29_a_push_that_concerns_nobody_is_found_by_its_commit_and_says_why(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        let unbound = world.repository("unbound", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let jobs = world.jobs().await.len();
        let other_branch = world.github.push(repo, "next", |change| change.write("a", "2")).await;
        let nobodys = world.push(unbound, &[("a", "2")]).await;
        world.settle().await;
        for (repo, push, reason) in [(repo, other_branch, "other_ref"), (unbound, nobodys, "no_binding")] {
            let found = format!("/deliveries?repository={repo}&sha={}", push.after);
            let found = world.api.get(&found).await.expect(200).json();
            let [delivery] = found.as_array().unwrap().as_slice() else { panic!("one delivery: {found}") };
            assert_eq!((&delivery["state"], &delivery["reason"]), (&json!("ignored"), &json!(reason)));
        }
        assert_eq!(world.jobs().await.len(), jobs);
        world.end().await;
    }

    async fn e22_a_push_of_more_commits_than_github_lists_is_never_skipped(world: World) {
        let repo = bound_below(&world).await;
        let mut commits = beside(2048);
        commits.push(Change::new().write("src/x", "2"));
        world.github.push_commits(repo, "main", commits).await;
        world.settle().await;
        assert_eq!(world.decisions().await, [("enqueued".into(), "matched_by_id".into())]);
        assert_eq!(world.files("site").await["x"], "2", "in the commit that is not listed");
        world.github.push_commits(repo, "main", beside(2048)).await;
        world.settle().await;
        assert_eq!(world.decisions().await[0].0, "enqueued", "there might have been more");
        world.github.push_commits(repo, "main", beside(2047)).await;
        world.settle().await;
        assert_eq!(world.decisions().await, [("skipped".into(), "outside_root_path".into())]);
        world.end().await;
    }

    async fn e22_a_commit_of_more_files_than_github_lists_is_never_skipped(world: World) {
        let repo = bound_below(&world).await;
        world.github.push(repo, "main", |_| files_beside(3000).write("src/x", "2")).await;
        world.settle().await;
        assert_eq!(world.decisions().await, [("enqueued".into(), "matched_by_id".into())]);
        assert_eq!(world.files("site").await["x"], "2", "the file that is not listed");
        world.github.push(repo, "main", |_| files_beside(2999)).await;
        world.settle().await;
        assert_eq!(world.decisions().await, [("skipped".into(), "outside_root_path".into())]);
        world.end().await;
    }

    async fn the_path_filter_does_not_trust_a_push_after_a_lost_one(world: World) {
        let repo = world.repository("templates", &[("docs/a", "1"), ("src/x", "1")]).await;
        world.bind("site", "templates", json!({"root_path": "docs"})).await;
        world.github.lose_next(1);
        world.push(repo, &[("docs/a", "2")]).await;
        world.push(repo, &[("src/x", "2")]).await;
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn a_push_without_commits_always_syncs(world: World) {
        let repo = world.repository("templates", &[("docs/a", "1")]).await;
        let first = world.github.head(repo, "main");
        let second = world.push(repo, &[("docs/a", "2")]).await.after;
        world.github.create_tag(repo, "v1", first).await;
        world.settle().await;
        world.bind("site", "templates", json!({"root_path": "docs", "github_ref": "refs/tags/v1"})).await;
        let moved = world.github.move_tag(repo, "v1", second).await;
        let payload: Value = serde_json::from_slice(&world.github.raw(&moved.delivery.unwrap()).1).unwrap();
        assert_eq!((&payload["commits"], &payload["before"]), (&json!([]), &json!(first)), "it begins where the last sync ended");
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn commits_that_another_branch_had_before_are_synced(world: World) {
        let repo = world.repository("templates", &[("docs/a", "1")]).await;
        let first = world.github.head(repo, "main");
        let second = world.push(repo, &[("docs/a", "2")]).await.after;
        world.settle().await;
        world.github.create_branch(repo, "x", first).await;
        world.settle().await;
        world.bind("site", "templates", json!({"root_path": "docs", "github_ref": "x"})).await;
        world.github.push_existing(repo, "x", second).await;
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn g23_a_ref_that_lags_behind_its_push_is_waited_for(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.clock.advance(Duration::from_secs(3600));
        world.github.lag_refs(Duration::from_secs(5));
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        let job = world.last_job().await;
        assert_eq!((job.state.as_str(), job.attempt), ("available", 0), "snoozed, and not counted");
        assert_eq!(world.files("site").await["a"], "1");
        world.pass(Duration::from_secs(1)).await;
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn g23_a_ref_that_lags_for_six_minutes_is_taken_as_it_is(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.clock.advance(Duration::from_secs(3600));
        world.github.lag_refs(Duration::from_secs(360));
        world.push(repo, &[("a", "2")]).await;
        for _ in 0..21 {
            world.pass(Duration::from_secs(15)).await;
        }
        let job = world.last_job().await;
        let result = job.result.expect("a result").0;
        assert_eq!((job.state.as_str(), &result["api_stale"]), ("completed", &json!(true)));
        world.end().await;
    }

    async fn g23_a_create_event_after_its_push_undoes_nothing_while_the_api_lags(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({"github_ref": "x"})).await;
        world.clock.advance(Duration::from_secs(3600));
        world.github.hold_deliveries();
        let sent = world.github.create_branch(repo, "x", world.github.head(repo, "main")).await.sent;
        for event in ["push", "create"] {
            let sent = sent.iter().find(|sent| sent.event == event).expect("both events");
            world.github.deliver(&sent.guid).await;
            world.settle().await;
            let binding = world.binding("site").await;
            assert_eq!((&binding["access"], &binding["last_sync_status"]), (&json!("reachable"), &json!("succeeded")), "{event}");
            world.clock.advance(Duration::from_secs(1));
            world.github.lag_refs(Duration::from_secs(10));
        }
        assert_eq!((world.last_job().await.state.as_str(), world.last_job().await.attempt), ("available", 0));
        for _ in 0..3 {
            world.pass(Duration::from_secs(8)).await;
        }
        assert_eq!(world.last_job().await.result.expect("a result").0["outcome"], "unchanged");
        world.github.release_deliveries().await;
        world.settle().await;
        world.end().await;
    }

    async fn g23_an_operators_sync_after_a_push_undoes_nothing_while_the_api_lags(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.clock.advance(Duration::from_secs(3600));
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        world.github.lag_refs(Duration::from_secs(20));
        for _ in 0..4 {
            world.clock.advance(Duration::from_secs(1));
            world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
            world.settle().await;
            assert_eq!(world.files("site").await["a"], "2");
        }
        let job = world.last_job().await;
        assert_eq!((job.state.as_str(), job.attempt), ("available", 0), "snoozed, and not counted");
        for _ in 0..3 {
            world.pass(Duration::from_secs(16)).await;
        }
        assert_eq!(world.last_job().await.state.as_str(), "completed");
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn g23_a_branch_that_was_deleted_does_not_come_back_while_the_api_lags(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.github.create_branch(repo, "x", world.github.head(repo, "main")).await;
        world.settle().await;
        world.bind("site", "templates", json!({"github_ref": "x"})).await;
        world.clock.advance(Duration::from_secs(3600));
        world.github.delete_branch(repo, "x").await;
        world.settle().await;
        world.github.lag_refs(Duration::from_secs(10));
        world.clock.advance(Duration::from_secs(1));
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        for _ in 0..3 {
            world.settle().await;
            assert_eq!(world.binding("site").await["access"], "ref_missing");
            world.clock.advance(Duration::from_secs(8));
        }
        world.settle().await;
        world.end().await;
    }

    async fn g23_a_head_that_no_push_has_left_behind_is_believed_at_once(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.clock.advance(Duration::from_secs(3600));
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        world.github.omit_all(true);
        world.push(repo, &[("a", "3")]).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "3");
        world.end().await;
    }

    async fn g23_a_head_that_the_push_before_the_last_left_behind_is_not_believed(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.clock.advance(Duration::from_secs(3600));
        for text in ["2", "3"] {
            world.push(repo, &[("a", text)]).await;
            world.settle().await;
        }
        world.github.lag_refs(Duration::from_secs(20));
        world.clock.advance(Duration::from_secs(1));
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        for _ in 0..3 {
            world.settle().await;
            assert_eq!(world.files("site").await["a"], "3", "the API still says 1");
            world.clock.advance(Duration::from_secs(8));
        }
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(world.files("site").await["a"], "3");
        world.end().await;
    }

    async fn an_empty_repository_has_no_such_ref(world: World) {
        world.github.create_repository("octo", "empty").await;
        let binding = world.bind("site", "empty", json!({})).await;
        assert_eq!((&binding["access"], &binding["last_sync_status"]), (&json!("ref_missing"), &json!("failed")));
        world.end().await;
    }

    async fn g23_a_head_that_lagged_for_one_binding_is_not_believed_for_another(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.bind("other", "templates", json!({})).await;
        world.clock.advance(Duration::from_secs(3600));
        world.github.lag_refs(Duration::from_secs(3));
        world.github.hold_deliveries();
        world.push(repo, &[("a", "2")]).await;
        world.clock.advance(Duration::from_secs(1));
        world.github.release_deliveries().await;
        world.workers.inbox.drain().await.unwrap();
        world.clock.advance(Duration::from_millis(1));
        // A forced sync, which knows of no push, reads the old head in between.
        world.put_binding("third", "templates", json!({})).await.expect(201);
        world.settle().await;
        for _ in 0..5 {
            world.pass(Duration::from_secs(2)).await;
        }
        assert_eq!(world.files("site").await["a"], "2");
        assert_eq!(world.files("other").await["a"], "2");
        world.api.post("/orgs/acme/bindings/third/sync").await.expect(202);
        world.settle().await;
        world.end().await;
    }

    async fn a_deleted_branch_is_not_replaced_by_one_that_reads_like_it(world: World) {
        let repo = world.repository("templates", &[("a", "ours")]).await;
        let ours = world.github.head(repo, "main");
        world.github.create_branch(repo, "x", ours).await;
        world.github.create_branch(repo, "heads/x", ours).await;
        world.github.push(repo, "heads/x", |change| change.write("a", "theirs")).await;
        world.settle().await;
        world.bind("site", "templates", json!({"github_ref": "x"})).await;
        world.github.delete_branch(repo, "x").await;
        world.settle().await;
        assert_eq!(world.binding("site").await["access"], "ref_missing");
        assert_eq!(world.files("site").await["a"], "ours");
        world.end().await;
    }

    async fn a_ref_that_came_back_clears_what_was_found_although_the_sync_fails(world: World) {
        let repo = world.repository("templates", &[("template.toml", "a = 1")]).await;
        let head = world.github.head(repo, "main");
        world.github.create_branch(repo, "x", head).await;
        world.settle().await;
        let body = json!({"github_owner": "octo", "github_repo": "templates", "github_ref": "x"});
        world.api.put("/orgs/acme/dashboard-template", body).await.expect(201);
        world.settle().await;
        world.github.delete_branch(repo, "x").await;
        world.settle().await;
        assert_eq!(world.binding("dashboard-template").await["access"], "ref_missing");
        let broken = world.push(repo, &[("template.toml", "a = = 1")]).await.after;
        world.github.create_branch(repo, "x", broken).await;
        world.settle().await;
        let back = world.binding("dashboard-template").await;
        assert_eq!((&back["access"], &back["last_sync_status"]), (&json!("reachable"), &json!("failed")));
        world.end().await;
    }
}
