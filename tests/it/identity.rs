//! The repository is its id. Names are decoration.

use bindery::simulator::Route;
use serde_json::json;

use crate::support::{World, stories};

stories! {
    async fn e01_a_renamed_repository_goes_on_by_its_id(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.rename(repo, "themes").await;
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(world.decisions().await, [("enqueued".into(), "matched_by_id".into())]);
        let binding = world.binding("site").await;
        assert_eq!(binding["github_repo"], "templates", "what was requested stays");
        assert_eq!(binding["repository"]["name"], "themes", "what it is called now is shown");
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn a_rename_whose_event_never_came_heals_at_the_next_sync(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.lose_next(1);
        world.github.rename(repo, "themes").await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(world.binding("site").await["repository"]["name"], "themes");
        world.end().await;
    }

    async fn an_unsynced_binding_is_matched_by_name_without_case(world: World) {
        world.bind("site", "Templates", json!({})).await;
        assert_eq!(world.binding("site").await["last_sync_status"], "failed", "there is no such repository yet");
        let repo = world.repository("templates", &[("a", "1")]).await;
        assert_eq!(world.decisions().await, [("joined".into(), "matched_by_name".into())], "the name's appearance had asked for a sync already");
        assert_eq!(world.binding("site").await["github_repo_id"], repo.get());
        world.end().await;
    }

    async fn a_synced_binding_is_never_matched_by_name(world: World) {
        let first = world.repository("templates", &[("a", "first")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.rename(first, "old-templates").await;
        let second = world.repository("templates", &[("a", "second")]).await;
        let job = world.last_job().await.id;
        world.push(second, &[("a", "third")]).await;
        world.settle().await;
        assert_eq!(world.last_job().await.id, job, "no job was made");
        let expected = format!("other_repository: bound to repository {first}");
        assert_eq!(world.decisions().await, [("skipped".into(), expected)]);
        assert_eq!(world.files("site").await["a"], "first");
        world.end().await;
    }

    async fn e05_a_repository_made_anew_at_the_old_name_is_not_adopted(world: World) {
        let first = world.repository("templates", &[("a", "first")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.delete_repository(first).await;
        let second = world.repository("templates", &[("a", "second")]).await;
        world.push(second, &[("a", "third")]).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(world.binding("site").await["access"], "access_lost", "one 404 is no proof");
        for _ in 0..2 {
            world.pass(std::time::Duration::from_secs(60)).await;
        }
        let binding = world.binding("site").await;
        assert_eq!(binding["github_repo_id"], first.get());
        assert_eq!(binding["access"], "gone");
        assert_eq!(binding["last_sync_status"], "failed");
        assert_eq!(world.files("site").await["a"], "first", "last good content");
        world.end().await;
    }

    async fn e27_a_fork_of_the_same_name_has_no_effect(world: World) {
        world.repository("templates", &[("a", "ours")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.create_user("ann");
        world.github.install("ann", bindery::simulator::Selection::All).await;
        let fork = world.github.create_repository("ann", "templates").await;
        world.push(fork, &[("a", "theirs")]).await;
        world.settle().await;
        assert_eq!(world.last_delivery("push").await.reason.as_deref(), Some("no_binding"));
        assert_eq!(world.files("site").await["a"], "ours");
        world.end().await;
    }

    async fn e07_a_transfer_goes_on_through_the_new_installation(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.create_user("ann");
        let anns = world.github.install("ann", bindery::simulator::Selection::All).await;
        world.grant(anns).await;
        world.github.transfer(repo, "ann").await;
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        let binding = world.binding("site").await;
        assert_eq!(binding["github_installation_id"], anns.get());
        assert_eq!(binding["repository"]["owner"], "ann");
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn e34_a_change_of_case_alone_is_the_same_binding(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.rename(repo, "TEMPLATES").await;
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(world.put_binding("site", "Templates", json!({})).await.expect(200).json()["github_repo_id"], repo.get());
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn e34_a_change_of_case_alone_finds_what_has_never_synced_once(world: World) {
        let repo = world.repository("Templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({"github_ref": "later"})).await;
        world.github.rename(repo, "templates").await;
        world.settle().await;
        let delivery = world.last_delivery("repository").await;
        assert_eq!((delivery.state.as_str(), delivery.detail), ("processed", None));
        let decisions = format!("delivery_decisions WHERE delivery_id = {}", delivery.id);
        assert_eq!(world.count(&decisions).await, 1);
        world.github.create_branch(repo, "later", world.github.head(repo, "main")).await;
        world.settle().await;
        assert_eq!(world.binding("site").await["github_repo_id"], repo.get());
        world.end().await;
    }

    async fn g12_an_old_name_redirects_to_the_id_that_is_bound(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.github.rename(repo, "themes").await;
        world.settle().await;
        let binding = world.bind("site", "templates", json!({})).await;
        assert_eq!(binding["github_repo_id"], repo.get());
        assert_eq!(binding["repository"]["name"], "themes");
        world.end().await;
    }

    async fn a_forged_answer_of_another_repository_is_never_published(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let other = world.repository("other", &[("a", "other")]).await;
        let lie = json!({
            "id": other, "name": "other", "owner": {"id": 1, "login": "octo"}, "default_branch": "main", "private": true,
        });
        world.pass(std::time::Duration::from_secs(3600)).await;
        world.github.fail(bindery::simulator::Fault::on(Route::Repository).replace(lie.to_string()));
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "1");
        assert!(world.last_job().await.errors.0[0].error.contains("repository"), "the attempt failed and says why");
        world.github.clear_faults();
        world.pass(std::time::Duration::from_secs(60)).await;
        assert_eq!(world.binding("site").await["last_sync_status"], "succeeded");
        world.end().await;
    }

    async fn the_three_ids_are_never_blanked(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        let synced = world.bind("site", "templates", json!({})).await;
        let ids = ["github_owner_id", "github_repo_id", "github_installation_id"];
        for breakage in 0..4 {
            match breakage {
                0 => drop(world.push(repo, &[("a", "2")]).await),
                1 => drop(world.github.suspend(world.installation).await),
                2 => drop(world.github.unsuspend(world.installation).await),
                _ => drop(world.github.uninstall(world.installation).await),
            }
            world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
            world.pass(std::time::Duration::from_secs(3600)).await;
            let now = world.binding("site").await;
            for id in ids {
                assert_eq!(now[id], synced[id], "{id} after {breakage}");
            }
        }
        assert_eq!(world.binding("site").await["access"], "access_lost");
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn two_repositories_that_swap_names_keep_their_bindings(world: World) {
        let (a, b) = (world.repository("a", &[("x", "a")]).await, world.repository("b", &[("x", "b")]).await);
        world.bind("of-a", "a", json!({})).await;
        world.bind("of-b", "b", json!({})).await;
        world.github.rename(a, "c").await;
        world.github.rename(b, "a").await;
        world.github.rename(a, "b").await;
        world.push(a, &[("x", "a again")]).await;
        world.push(b, &[("x", "b again")]).await;
        world.settle().await;
        assert_eq!((&world.files("of-a").await["x"][..], &world.files("of-b").await["x"][..]), ("a again", "b again"));
        assert_eq!(world.binding("of-a").await["repository"]["name"], "b");
        assert_eq!(world.binding("of-b").await["repository"]["name"], "a");
        world.end().await;
    }

    async fn a_transferred_repository_is_found_by_its_id_although_its_old_name_is_taken(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.clock.advance(std::time::Duration::from_secs(600));
        world.github.create_user("ann");
        let anns = world.github.install("ann", bindery::simulator::Selection::All).await;
        world.grant(anns).await;
        world.github.lose_next(10);
        world.github.transfer(repo, "ann").await;
        let namesake = world.github.create_repository("octo", "templates").await;
        world.push(namesake, &[("a", "another")]).await;
        world.push(repo, &[("a", "2")]).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        let binding = world.binding("site").await;
        assert_eq!(binding["github_installation_id"], anns.get());
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }
}
