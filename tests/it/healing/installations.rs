//! The installations, what they cover and what that is called, once an interval.

use std::time::Duration;

use bindery::simulator::{Fault, Route, Selection};
use serde_json::json;

use super::{access, an_interval_later, bound, name, polling, state, sweeping, syncs};
use crate::support::{Either, stories};

stories! {
    async fn names_of_which_nobody_told_are_read_within_one_interval(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.github.omit_all(true);
        world.github.rename(repo, "themes").await;
        an_interval_later(&world).await;
        assert_eq!(name(&world).await, "octo/themes");
        world.github.create_user("ann");
        let anns = world.github.install("ann", Selection::All).await;
        world.grant(anns).await;
        world.github.transfer(repo, "ann").await;
        world.push(repo, &[("a", "2")]).await;
        an_interval_later(&world).await;
        assert_eq!(name(&world).await, "ann/themes");
        let binding = world.binding("site").await;
        assert_eq!((&binding["github_installation_id"], &binding["access"]), (&json!(anns), &json!("reachable")));
        an_interval_later(&world).await;
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn e14_an_owner_renamed_with_only_installation_target(world: Either) {
        let world = sweeping(world).await;
        bound(&world).await;
        world.github.unsubscribe("organization");
        assert_eq!(world.github.rename_owner("octo", "octopus").await.len(), 1);
        world.settle().await;
        assert_eq!(name(&world).await, "octopus/templates");
        world.end().await;
    }

    async fn e14_an_owner_renamed_with_only_organization(world: Either) {
        let world = sweeping(world).await;
        bound(&world).await;
        let permissions = [("contents", "read"), ("metadata", "read"), ("members", "read")];
        world.github.accept_permissions(world.installation, &permissions).await;
        world.github.unsubscribe("installation_target");
        assert_eq!(world.github.rename_owner("octo", "octopus").await.len(), 1);
        world.settle().await;
        assert_eq!(name(&world).await, "octopus/templates");
        world.end().await;
    }

    async fn e14_an_owner_renamed_with_neither(world: Either) {
        let world = polling(world).await;
        bound(&world).await;
        world.github.unsubscribe("organization");
        world.github.unsubscribe("installation_target");
        assert_eq!(world.github.rename_owner("octo", "octopus").await.len(), 0);
        an_interval_later(&world).await;
        assert_eq!(name(&world).await, "octopus/templates");
        assert_eq!(state(&world, "installation_poll").await["result"]["news"], 1);
        world.end().await;
    }

    async fn access_lost_and_regained_unheard_of_is_seen_within_one_interval(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.github.omit_all(true);
        world.github.suspend(world.installation).await;
        an_interval_later(&world).await;
        assert_eq!(access(&world).await, "suspended");
        world.github.unsuspend(world.installation).await;
        world.push(repo, &[("a", "2")]).await;
        an_interval_later(&world).await;
        assert_eq!((access(&world).await, &*world.files("site").await["a"]), ("reachable".into(), "2"));
        world.github.select(world.installation, Selection::Selected([].into())).await;
        an_interval_later(&world).await;
        assert_eq!(access(&world).await, "access_lost");
        world.github.add_to_selection(world.installation, repo).await;
        an_interval_later(&world).await;
        assert_eq!(access(&world).await, "reachable");
        world.end().await;
    }

    async fn an_app_uninstalled_and_installed_again_unheard_of_is_seen_within_one_interval(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.github.omit_all(true);
        world.github.uninstall(world.installation).await;
        an_interval_later(&world).await;
        assert_eq!(access(&world).await, "access_lost");
        assert_eq!(state(&world, "installation_poll").await["result"]["unlisted"], 1);
        let again = world.github.reinstall(world.installation).await;
        world.grant(again).await;
        world.push(repo, &[("a", "2")]).await;
        an_interval_later(&world).await;
        let binding = world.binding("site").await;
        assert_eq!((&binding["access"], &binding["github_installation_id"]), (&json!("reachable"), &json!(again)));
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn what_moved_on_before_its_installation_ended_unheard_of_is_where_it_is_within_one_interval(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.github.omit_all(true);
        world.github.create_user("ann");
        let anns = world.github.install("ann", Selection::All).await;
        world.grant(anns).await;
        world.github.suspend(anns).await;
        world.github.transfer(repo, "ann").await;
        world.github.uninstall(world.installation).await;
        an_interval_later(&world).await;
        assert_eq!(access(&world).await, "suspended", "at its new owner's");
        world.end().await;
    }

    async fn what_never_synced_finds_the_installation_that_was_made_for_it(world: Either) {
        let world = polling(world).await;
        world.github.create_user("ann");
        let repo = world.github.create_repository("ann", "hers").await;
        world.push(repo, &[("a", "1")]).await;
        let body = json!({"github_owner": "ann", "github_repo": "hers"});
        world.api.put("/orgs/acme/bindings/site", body).await.expect(201);
        world.settle().await;
        world.github.omit_all(true);
        let anns = world.github.install("ann", Selection::All).await;
        world.api.put(&format!("/orgs/acme/installations/{anns}"), json!({})).await.expect(201);
        an_interval_later(&world).await;
        assert_eq!(world.binding("site").await["github_repo_id"], repo.get());
        world.end().await;
    }

    async fn what_never_synced_waits_for_the_permission_that_is_missing(world: Either) {
        let world = polling(world).await;
        world.github.create_user("ann");
        let repo = world.github.create_repository("ann", "hers").await;
        world.push(repo, &[("a", "1")]).await;
        let anns = world.github.install("ann", Selection::All).await;
        world.grant(anns).await;
        world.github.accept_permissions(anns, &[("metadata", "read")]).await;
        let body = json!({"github_owner": "ann", "github_repo": "hers"});
        world.api.put("/orgs/acme/bindings/site", body).await.expect(201);
        world.settle().await;
        assert_eq!(access(&world).await, "access_lost");
        let before = syncs(&world).await;
        for _ in 0..3 {
            an_interval_later(&world).await;
        }
        assert_eq!(syncs(&world).await, before, "no storm");
        world.github.omit_all(true);
        world.github.accept_permissions(anns, &[("contents", "read"), ("metadata", "read")]).await;
        an_interval_later(&world).await;
        assert_eq!(world.binding("site").await["github_repo_id"], repo.get());
        world.end().await;
    }

    async fn an_installation_that_nobody_here_asked_for_is_left_alone(world: Either) {
        let world = polling(world).await;
        bound(&world).await;
        world.github.create_user("stranger");
        world.github.install("stranger", Selection::All).await;
        world.settle().await;
        an_interval_later(&world).await;
        world.asked();
        an_interval_later(&world).await;
        let asked = world.asked();
        let listings = asked.iter().filter(|route| **route == Route::InstallationRepositories);
        assert_eq!(listings.count(), 1, "octo's: {asked:?}");
        world.end().await;
    }

    async fn a_hundred_installations_are_read_page_by_page(world: Either) {
        let world = polling(world).await;
        bound(&world).await;
        for n in 0..105 {
            let login = format!("user-{n}");
            world.github.create_user(&login);
            world.github.install(&login, Selection::All).await;
        }
        world.settle().await;
        world.github.omit_all(true);
        world.github.suspend(world.installation).await;
        world.asked();
        an_interval_later(&world).await;
        assert_eq!(access(&world).await, "suspended");
        let pages = world.asked().iter().filter(|route| **route == Route::AppInstallations).count();
        assert_eq!(pages, 2);
        world.end().await;
    }

    async fn a_name_that_github_cannot_answer_for_is_in_nobodys_way(world: Either) {
        let world = polling(world).await;
        world.github.create_user("ann");
        let mut all = Vec::new();
        for name in ["hers", "his"] {
            let repo = world.github.create_repository("ann", name).await;
            world.push(repo, &[("a", "1")]).await;
            let body = json!({"github_owner": "ann", "github_repo": name});
            world.api.put(&format!("/orgs/acme/bindings/{name}"), body).await.expect(201);
            world.settle().await;
            // What is listed is not called what the binding goes by.
            world.github.rename(repo, &format!("{name}-now")).await;
            all.push(repo);
        }
        let anns = world.github.install("ann", Selection::Selected([].into())).await;
        world.grant(anns).await;
        world.settle().await;
        world.github.omit_all(true);
        for repo in all {
            world.github.add_to_selection(anns, repo).await;
        }
        world.github.fail(Fault::anywhere().path_contains("ann/hers/installation").status(502));
        an_interval_later(&world).await;
        assert_eq!(world.binding("his").await["access"], "reachable");
        let error = state(&world, "installation_poll").await["error"].clone();
        assert!(error.as_str().unwrap().starts_with("1 repositories and names"), "{error}");
        world.end().await;
    }

    async fn what_was_taken_out_is_found_where_an_installation_covers_it_by_now(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.github.select(world.installation, Selection::Selected([].into())).await;
        world.settle().await;
        assert_eq!(access(&world).await, "access_lost");
        let refreshes = "jobs WHERE kind = 'repository_refresh'";
        let before = world.count(refreshes).await;
        an_interval_later(&world).await;
        assert_eq!(world.count(refreshes).await, before, "nobody covers it");
        world.github.omit_all(true);
        world.github.create_user("ann");
        world.github.install("ann", Selection::All).await;
        world.github.transfer(repo, "ann").await;
        an_interval_later(&world).await;
        assert_eq!(access(&world).await, "not_granted", "ann's, whom nobody here has a grant of");
        world.end().await;
    }

    async fn what_waits_to_be_looked_for_again_is_not_asked_for_twice(world: Either) {
        let world = polling(world).await;
        let repo = bound(&world).await;
        world.github.omit_all(true);
        world.github.delete_repository(repo).await;
        world.pass(Duration::from_secs(300)).await;
        world.heal().await;
        let waiting = "jobs WHERE kind = 'repository_refresh' AND finalized_at IS NULL";
        assert_eq!(world.count(waiting).await, 1);
        assert_eq!(state(&world, "installation_poll").await["result"]["sought"], 0);
        for _ in 0..3 {
            world.pass(Duration::from_secs(60)).await;
        }
        assert_eq!(access(&world).await, "gone");
        world.end().await;
    }
}
