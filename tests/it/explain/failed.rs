//! Pushes that concern a binding and do not arrive until somebody acts.

use std::time::Duration;

use bindery::github::ids::RepositoryId;
use bindery::simulator::{Change, Fault, Pushed, Route, Selection};
use serde_json::{Value, json};

use super::{SITE, ask, bound, by_guid, of_push, on_its_way, verdict};
use crate::support::{Either, World, binding_path, stories};

async fn minutes(world: &World, minutes: u32) {
    for _ in 0..minutes {
        world.pass(Duration::from_secs(60)).await;
    }
}

/// What a commit comes to that `site` cannot publish.
async fn of_commit(
    world: &World,
    repo: RepositoryId,
    write: impl FnOnce(Change) -> Change,
) -> String {
    let pushed = world.github.push(repo, "main", write).await;
    world.settle().await;
    let code = of_push(world, &pushed).await;
    assert_eq!(verdict(world, SITE).await, code);
    code
}

async fn bound_with(world: &World, files: &[(&str, &str)], more: Value) -> RepositoryId {
    let repo = world.repository("templates", files).await;
    world.bind("site", "templates", more).await;
    repo
}

/// What a push comes to whose sync finds the repository out of reach; the binding says the same.
async fn out_of_reach(world: &World, pushed: &Pushed) -> String {
    world.settle().await;
    minutes(world, 5).await;
    let code = of_push(world, pushed).await;
    assert_eq!(verdict(world, SITE).await, code);
    code
}

stories! {
    async fn a_suspended_installation_is_told(world: World) {
        let repo = bound(&world).await;
        let pushed = on_its_way(&world, repo).await;
        world.github.suspend(world.installation).await;
        assert_eq!(out_of_reach(&world, &pushed).await, "suspended");
        world.github.unsuspend(world.installation).await;
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "published", "it was caught up with");
        world.end().await;
    }

    async fn an_app_that_was_uninstalled_is_told(world: World) {
        let repo = bound(&world).await;
        let pushed = on_its_way(&world, repo).await;
        world.github.uninstall(world.installation).await;
        assert_eq!(out_of_reach(&world, &pushed).await, "app_uninstalled");
        world.end().await;
    }

    async fn a_permission_that_is_missing_is_told(world: World) {
        let repo = bound(&world).await;
        let pushed = on_its_way(&world, repo).await;
        world.github.accept_permissions(world.installation, &[("metadata", "read")]).await;
        world.github.revoke_tokens(world.installation);
        assert_eq!(out_of_reach(&world, &pushed).await, "permission_missing");
        world.end().await;
    }

    async fn a_repository_that_is_not_selected_is_told(world: World) {
        let repo = bound(&world).await;
        let other = world.repository("other", &[("a", "x")]).await;
        let pushed = on_its_way(&world, repo).await;
        world.github.select(world.installation, Selection::selected([other])).await;
        assert_eq!(out_of_reach(&world, &pushed).await, "access_lost");
        world.end().await;
    }

    async fn a_name_that_leads_nowhere_is_told(world: World) {
        world.bind("site", "nothing", json!({})).await;
        assert_eq!(verdict(&world, SITE).await, "not_granted", "in the same words as what others have");
        world.end().await;
    }

    async fn a_repository_that_is_gone_is_told(world: World) {
        let repo = bound(&world).await;
        let pushed = on_its_way(&world, repo).await;
        world.github.delete_repository(repo).await;
        assert_eq!(out_of_reach(&world, &pushed).await, "repository_gone");
        world.end().await;
    }

    async fn a_repository_that_github_blocks_is_told(world: World) {
        let repo = bound(&world).await;
        let words = json!({"message": "Repository access blocked"}).to_string();
        world.github.fail(Fault::on(Route::Commit).times(1).status(451).replace(words));
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "blocked");
        let answer = ask(&world, &by_guid(&pushed)).await;
        assert!(answer["verdict"]["says"].as_str().unwrap().contains("Repository access blocked"), "{answer}");
        world.end().await;
    }

    async fn a_grant_that_was_taken_back_is_told_whatever_is_kept(world: World) {
        let repo = bound(&world).await;
        let served = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        let pushed = world.push(repo, &[("a", "3")]).await;
        world.workers.inbox.drain().await.unwrap();
        world.revoke(world.installation).await;
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "not_granted");
        assert_eq!(of_push(&world, &served).await, "not_granted", "it is kept, and not served");
        world.end().await;
    }

    async fn a_branch_that_went_is_told(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        let head = world.github.head(repo, "main");
        world.github.create_branch(repo, "next", head).await;
        world.settle().await;
        world.bind("site", "templates", json!({"github_ref": "next"})).await;
        let pushed = world.github.push(repo, "next", |change| change.write("a", "2")).await;
        world.workers.inbox.drain().await.unwrap();
        let deleted = world.github.delete_branch(repo, "next").await;
        world.settle().await;
        assert_eq!(of_push(&world, &pushed).await, "ref_missing");
        assert_eq!(verdict(&world, &by_guid(&deleted)).await, "ref_missing");
        world.end().await;
    }

    async fn a_root_path_that_went_is_told(world: World) {
        let repo = bound_with(&world, &[("docs/a", "1"), ("b", "1")], json!({"root_path": "docs"})).await;
        assert_eq!(of_commit(&world, repo, |change| change.remove("docs/a")).await, "root_path_missing");
        assert_eq!(of_commit(&world, repo, |change| change.write("docs", "a file")).await, "root_path_missing");
        world.end().await;
    }

    async fn a_required_file_is_told(world: World) {
        let repo = world.repository("templates", &[("template.toml", "a = 1"), ("x", "1")]).await;
        let source = json!({"github_owner": "octo", "github_repo": "templates"});
        world.api.put("/orgs/acme/dashboard-template", source).await.expect(201);
        world.settle().await;
        for (write, code) in [
            (Change::new().write("template.toml", "a = = 1"), "required_file_invalid"),
            (Change::new().remove("template.toml"), "required_file_missing"),
        ] {
            let pushed = world.github.push(repo, "main", |_| write).await;
            world.settle().await;
            assert_eq!(of_push(&world, &pushed).await, code);
            assert_eq!(verdict(&world, "binding=/orgs/acme/dashboard-template").await, code);
        }
        world.end().await;
    }

    async fn too_much_is_told(either: Either) {
        let limits = [("BINDERY_SYNC_MAX_FILE", "1KiB"), ("BINDERY_SYNC_MAX_TOTAL", "2KiB"), ("BINDERY_SYNC_MAX_FILES", "9")];
        let world = either.with(&limits).await;
        let repo = bound_with(&world, &[("a", "1")], json!({})).await;
        let much = "x".repeat(1000);
        assert_eq!(of_commit(&world, repo, |change| change.write("a", "x".repeat(2000))).await, "too_large");
        let three = |change: Change| ["a", "b", "c"].into_iter().fold(change, |change, path| change.write(path, &much));
        assert_eq!(of_commit(&world, repo, three).await, "too_large");
        let ten = |change: Change| (0..10).fold(change.clear(), |change, n| change.write(n.to_string(), "x"));
        assert_eq!(of_commit(&world, repo, ten).await, "too_large");
        world.end().await;
    }

    async fn a_path_that_could_escape_is_told(world: World) {
        let repo = bound_with(&world, &[("a", "1")], json!({})).await;
        assert_eq!(of_commit(&world, repo, |change| change.write(".git/config", "x")).await, "tree_refused");
        world.end().await;
    }

    async fn a_sync_that_was_given_up_is_told(world: World) {
        let repo = bound(&world).await;
        world.github.fail(Fault::on(Route::Tree).replace("{\"sha\": 5}"));
        let pushed = world.push(repo, &[("a", "2")]).await;
        for _ in 0..12 {
            world.pass(Duration::from_secs(900)).await;
        }
        assert_eq!(of_push(&world, &pushed).await, "gave_up");
        assert_eq!(verdict(&world, SITE).await, "gave_up");
        world.end().await;
    }

    async fn a_binding_that_was_pointed_elsewhere_is_told(world: World) {
        let repo = bound(&world).await;
        world.repository("themes", &[("a", "another")]).await;
        let pushed = on_its_way(&world, repo).await;
        let body = json!({"github_owner": "octo", "github_repo": "themes"});
        world.api.put(&binding_path("site"), body).await.expect(200);
        world.settle().await;
        assert_eq!(verdict(&world, &by_guid(&pushed)).await, "binding_changed");
        assert_eq!(verdict(&world, SITE).await, "up_to_date");
        world.end().await;
    }

    async fn a_sync_that_is_not_there_any_more_is_told(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.put_binding("site", "templates", json!({})).await.expect(201);
        // By hand: nothing here calls the sync off of a binding that is there.
        world.tamper("DELETE FROM jobs").await;
        assert_eq!(verdict(&world, SITE).await, "called_off");
        world.discard().await;
    }
}
