//! Can we read what is bound? Each way to lose access, and each way back.

use std::time::Duration;

use bindery::github::ids::RepositoryId;
use bindery::simulator::{Fault, Route, Selection};
use serde_json::{Value, json};

use crate::support::{World, stories};
use crate::webhook::post::Post;

/// `site` on `octo/templates`, with one file `a`: pushed so long ago that GitHub's API is of one mind about
/// it, and nobody waits before another head is believed of which no push told.
async fn bound(world: &World) -> RepositoryId {
    let repo = world.repository("templates", &[("a", "1")]).await;
    world.bind("site", "templates", json!({})).await;
    world.clock.advance(Duration::from_secs(600));
    world.asked();
    repo
}

async fn access(world: &World) -> String {
    let binding = world.binding("site").await;
    binding["access"].as_str().expect("a word").to_owned()
}

async fn syncs(world: &World) -> i64 {
    world.count("jobs WHERE kind = 'content_sync'").await
}

/// What GitHub is given time to be asked for again.
async fn minutes(world: &World, minutes: u32) {
    for _ in 0..minutes {
        world.pass(Duration::from_secs(60)).await;
    }
}

stories! {
    async fn e08_a_repository_given_to_an_account_without_the_app_is_lost_and_not_gone(world: World) {
        let repo = bound(&world).await;
        world.github.create_user("ann");
        let sent = world.github.transfer(repo, "ann").await;
        assert_eq!(sent.len(), 1, "the loser hears only that it was removed");
        world.settle().await;
        let before = syncs(&world).await;
        minutes(&world, 10).await;
        assert_eq!(access(&world).await, "access_lost");
        assert_eq!(syncs(&world).await, before, "no storm");
        assert_eq!(world.files("site").await["a"], "1", "its content stays");
        world.end().await;
    }

    async fn e07_a_repository_comes_back_from_where_the_app_was_not(world: World) {
        let repo = bound(&world).await;
        world.github.create_user("ann");
        world.github.transfer(repo, "ann").await;
        world.settle().await;
        world.push(repo, &[("a", "away")]).await;
        world.github.transfer(repo, "octo").await;
        world.settle().await;
        assert_eq!(access(&world).await, "reachable");
        assert_eq!(world.files("site").await["a"], "away", "it caught up by itself");
        world.end().await;
    }

    async fn e07_a_transfer_from_installation_to_installation_and_back(world: World) {
        let repo = bound(&world).await;
        world.github.create_user("ann");
        let anns = world.github.install("ann", Selection::All).await;
        world.grant(anns).await;
        for (owner, installation) in [("ann", anns), ("octo", world.installation)] {
            world.github.transfer(repo, owner).await;
            world.settle().await;
            let binding = world.binding("site").await;
            assert_eq!(binding["github_installation_id"], installation.get());
            assert_eq!((&binding["access"], &binding["repository"]["owner"]), (&json!("reachable"), &json!(owner)));
        }
        world.end().await;
    }

    async fn e10_a_deleted_repository_is_gone_after_three_confirmations(world: World) {
        let repo = bound(&world).await;
        world.github.delete_repository(repo).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        let mut seen = vec![access(&world).await];
        for _ in 0..2 {
            minutes(&world, 1).await;
            seen.push(access(&world).await);
        }
        assert_eq!(seen, ["access_lost", "access_lost", "gone"]);
        let asked = world.asked();
        let lists = asked.iter().filter(|route| **route == Route::InstallationRepositories).count();
        assert_eq!(lists, 3, "each time the installation's own list was read: {asked:?}");
        assert_eq!(world.files("site").await["a"], "1");
        world.end().await;
    }

    async fn g15_a_404_by_mistake_is_not_believed(world: World) {
        let repo = bound(&world).await;
        let mistake = Fault::on(Route::Repository).status(404);
        world.github.fail(mistake);
        world.push(repo, &[("a", "2")]).await;
        minutes(&world, 5).await;
        assert_eq!(access(&world).await, "access_lost");
        world.github.clear_faults();
        minutes(&world, 20).await;
        assert_eq!(access(&world).await, "reachable");
        assert_eq!(world.files("site").await["a"], "2", "it caught up by itself");
        world.end().await;
    }

    async fn e11_what_was_pushed_while_suspended_is_caught_up_with_one_sync_each(world: World) {
        let repo = bound(&world).await;
        world.bind("second", "templates", json!({"root_path": "/"})).await;
        world.github.suspend(world.installation).await;
        world.settle().await;
        assert_eq!(access(&world).await, "suspended");
        world.push(repo, &[("a", "2")]).await;
        world.push(repo, &[("a", "3")]).await;
        world.settle().await;
        let before = syncs(&world).await;
        world.github.unsuspend(world.installation).await;
        world.settle().await;
        assert_eq!(access(&world).await, "reachable");
        assert_eq!((&world.files("site").await["a"][..], &world.files("second").await["a"][..]), ("3", "3"));
        assert_eq!(syncs(&world).await, before + 2);
        world.end().await;
    }

    async fn e13_a_permission_taken_away_is_named_and_given_back_is_caught_up(world: World) {
        let repo = bound(&world).await;
        world.github.accept_permissions(world.installation, &[("metadata", "read")]).await;
        world.github.revoke_tokens(world.installation);
        world.settle().await;
        assert_eq!(access(&world).await, "access_lost");
        assert!(world.push(repo, &[("a", "2")]).await.sent.is_empty(), "without it there are no pushes");
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        let error = world.binding("site").await["last_sync_error"].clone();
        assert!(error.as_str().unwrap().contains("contents"), "{error}");
        let all = [("contents", "read"), ("metadata", "read"), ("members", "read")];
        world.github.accept_permissions(world.installation, &all).await;
        world.settle().await;
        assert_eq!(access(&world).await, "reachable");
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn an_uninstalled_app_keeps_the_content_and_comes_back_under_another_id(world: World) {
        let repo = bound(&world).await;
        world.github.uninstall(world.installation).await;
        world.settle().await;
        assert_eq!(access(&world).await, "access_lost");
        world.push(repo, &[("a", "2")]).await;
        let again = world.github.reinstall(world.installation).await;
        world.grant(again).await;
        world.settle().await;
        let binding = world.binding("site").await;
        assert_eq!((&binding["access"], &binding["github_installation_id"]), (&json!("reachable"), &json!(again)));
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn a_repository_left_out_of_the_selection_is_lost_and_comes_back_with_it(world: World) {
        let repo = bound(&world).await;
        let other = world.repository("other", &[("a", "x")]).await;
        world.github.select(world.installation, Selection::selected([other])).await;
        world.settle().await;
        minutes(&world, 5).await;
        assert_eq!(access(&world).await, "access_lost", "narrowed, and not gone");
        world.push(repo, &[("a", "2")]).await;
        world.github.select(world.installation, Selection::selected([other, repo])).await;
        world.settle().await;
        assert_eq!(access(&world).await, "reachable");
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn a_narrowing_that_nobody_could_look_into_is_remembered(world: World) {
        bound(&world).await;
        let other = world.repository("other", &[("a", "x")]).await;
        world.github.accept_permissions(world.installation, &[("metadata", "read")]).await;
        world.settle().await;
        world.github.select(world.installation, Selection::selected([other])).await;
        world.settle().await;
        let all = [("contents", "read"), ("metadata", "read")];
        world.github.accept_permissions(world.installation, &all).await;
        minutes(&world, 5).await;
        assert_eq!(access(&world).await, "access_lost", "taken out, and not gone");
        // What goes after that has been looked into is gone.
        world.bind("second", "other", json!({})).await;
        world.github.delete_repository(other).await;
        world.heal().await;
        minutes(&world, 5).await;
        assert_eq!(world.binding("second").await["access"], "gone");
        world.end().await;
    }

    async fn a_removal_that_nobody_could_look_into_is_remembered(world: World) {
        let repo = bound(&world).await;
        world.github.create_user("zed");
        world.github.accept_permissions(world.installation, &[("metadata", "read")]).await;
        world.settle().await;
        world.github.transfer(repo, "zed").await;
        world.settle().await;
        assert_eq!(access(&world).await, "access_lost");
        let all = [("contents", "read"), ("metadata", "read")];
        world.github.accept_permissions(world.installation, &all).await;
        minutes(&world, 5).await;
        assert_eq!(access(&world).await, "access_lost", "taken out, and not gone");
        let zeds = world.github.install("zed", Selection::All).await;
        world.grant(zeds).await;
        world.settle().await;
        assert_eq!(access(&world).await, "reachable");
        world.end().await;
    }

    async fn e26_what_was_public_and_is_private_goes_on_where_it_is_allowed_and_says_so(world: World) {
        let repo = world.github.create_repository("octo", "templates").await;
        world.github.publicize(repo).await;
        world.push(repo, &[("a", "1")]).await;
        world.settle().await;
        world.bind("site", "templates", json!({})).await;
        assert_eq!(world.binding("site").await["repository"]["visibility"], "public");
        world.github.privatize(repo).await;
        world.settle().await;
        assert_eq!(world.binding("site").await["repository"]["visibility"], "private");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let anonymous = client.get(world.api.url("/orgs/acme/bindings/site/files/a")).send().await.unwrap();
        assert_eq!(anonymous.status(), 401, "nothing is served without a token, public or not");
        world.end().await;
    }

    async fn a_public_repository_that_the_app_was_taken_off_is_not_read_any_more(world: World) {
        let repo = world.github.create_repository("octo", "templates").await;
        world.github.publicize(repo).await;
        world.push(repo, &[("a", "1")]).await;
        world.settle().await;
        world.bind("site", "templates", json!({})).await;
        let other = world.repository("other", &[("a", "x")]).await;
        world.github.select(world.installation, Selection::selected([other])).await;
        world.settle().await;
        assert_eq!(access(&world).await, "access_lost");
        world.push(repo, &[("a", "2")]).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        minutes(&world, 3).await;
        assert_eq!(access(&world).await, "access_lost", "although every token reads it");
        assert_eq!(world.files("site").await["a"], "1");
        world.end().await;
    }

    async fn a_public_repository_that_may_have_been_taken_off_is_not_read_before_github_was_asked(world: World) {
        let repo = bound(&world).await;
        let other = world.repository("other", &[("a", "x")]).await;
        world.github.publicize(repo).await;
        world.github.select(world.installation, Selection::selected([repo, other])).await;
        world.settle().await;
        world.github.select(world.installation, Selection::selected([other])).await;
        world.push(repo, &[("a", "2")]).await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.github.fail(Fault::on(Route::RepositoryInstallation).status(502));
        world.github.fail(Fault::on(Route::AppInstallation).status(502));
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "1");
        world.github.clear_faults();
        world.pass(Duration::from_secs(900)).await;
        assert_eq!((access(&world).await, &*world.files("site").await["a"]), ("access_lost".into(), "1"));
        world.end().await;
    }

    async fn what_was_missing_before_it_was_read_is_not_missing(world: World) {
        bound(&world).await;
        let other = world.repository("other", &[("a", "x")]).await;
        world.github.select(world.installation, Selection::selected([other])).await;
        world.workers.inbox.drain().await.unwrap();
        world.asked();
        world.github.fail(Fault::on(Route::Repository).times(1).delay(Duration::from_millis(500)));
        let (slow, ()) = tokio::join!(world.workers.queue.drain(), async {
            while world.github.count(Route::Repository) == 0 {
                tokio::task::yield_now().await;
            }
            world.clock.advance(Duration::from_secs(1));
            world.github.lose_next(10);
            world.github.select(world.installation, Selection::All).await;
            world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
            world.workers.queue.drain().await.unwrap();
            assert_eq!(access(&world).await, "reachable");
        });
        slow.unwrap();
        assert_eq!(access(&world).await, "reachable", "the slow 404 was true once");
        world.settle().await;
        world.end().await;
    }

    async fn a_stale_removal_or_suspension_changes_nothing(world: World) {
        bound(&world).await;
        let other = world.repository("other", &[("a", "x")]).await;
        let mut stale = world.github.select(world.installation, Selection::selected([other])).await;
        stale.extend(world.github.select(world.installation, Selection::All).await);
        stale.extend(world.github.suspend(world.installation).await);
        stale.extend(world.github.unsuspend(world.installation).await);
        world.settle().await;
        assert_eq!(access(&world).await, "reachable");
        world.pass(Duration::from_secs(24 * 3600)).await;
        for sent in &stale {
            let (headers, body) = world.github.raw(&sent.guid);
            let headers: Vec<_> = headers
                .into_iter()
                .map(|(name, value)| match name.as_str() {
                    name if name.eq_ignore_ascii_case("x-github-delivery") => (name.to_owned(), format!("again-{value}")),
                    _ => (name, value),
                })
                .collect();
            assert_eq!(world.deliver_raw(&headers, body).await.status, 202);
            world.settle().await;
            assert_eq!(access(&world).await, "reachable", "after {} {:?}", sent.event, sent.action);
        }
        world.end().await;
    }

    async fn e15_a_default_branch_renamed_or_replaced_is_followed(world: World) {
        let repo = bound(&world).await;
        world.github.rename_branch(repo, "main", "trunk").await;
        world.settle().await;
        assert_eq!(world.binding("site").await["repository"]["default_branch"], "trunk");
        world.github.push(repo, "next", |change| change.write("a", "next")).await;
        world.github.set_default_branch(repo, "next").await;
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "next");
        assert_eq!(world.binding("site").await["github_ref"], Value::Null);
        world.end().await;
    }

    async fn e17_a_branch_that_is_created_is_synced_in_full(world: World) {
        let repo = world.repository("templates", &[("a", "1"), ("b", "1")]).await;
        let binding = world.bind("site", "templates", json!({"github_ref": "later"})).await;
        assert_eq!(binding["access"], "ref_missing");
        world.github.create_branch(repo, "later", world.github.head(repo, "main")).await;
        world.settle().await;
        assert_eq!(access(&world).await, "reachable");
        assert_eq!(world.files("site").await.len(), 2);
        world.end().await;
    }
}

stories! {
    async fn from_an_installation_without_a_grant_to_one_with_it_a_binding_catches_up(world: World) {
        let repo = bound(&world).await;
        for owner in ["ann", "ben"] {
            world.github.create_user(owner);
        }
        world.github.install("ann", Selection::All).await;
        let bens = world.github.install("ben", Selection::All).await;
        world.grant(bens).await;
        world.github.transfer(repo, "ann").await;
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        assert_eq!(access(&world).await, "not_granted");
        world.github.transfer(repo, "ben").await;
        world.settle().await;
        let binding = world.binding("site").await;
        assert_eq!((&binding["access"], &binding["last_sync_status"]), (&json!("reachable"), &json!("succeeded")));
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn a_sync_finds_the_granted_installation_although_the_event_was_lost(world: World) {
        let repo = bound(&world).await;
        for owner in ["ann", "ben"] {
            world.github.create_user(owner);
        }
        world.github.install("ann", Selection::All).await;
        let bens = world.github.install("ben", Selection::All).await;
        world.grant(bens).await;
        world.github.transfer(repo, "ann").await;
        world.settle().await;
        world.github.omit_all(true);
        world.github.transfer(repo, "ben").await;
        world.push(repo, &[("a", "2")]).await;
        world.github.omit_all(false);
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        assert_eq!(access(&world).await, "reachable");
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn a_public_repository_that_was_taken_out_and_made_private_is_not_called_gone(world: World) {
        let repo = world.github.create_repository("octo", "templates").await;
        world.github.publicize(repo).await;
        world.push(repo, &[("a", "1")]).await;
        world.settle().await;
        world.bind("site", "templates", json!({})).await;
        let other = world.repository("other", &[("a", "x")]).await;
        world.github.select(world.installation, Selection::selected([other])).await;
        world.settle().await;
        world.github.privatize(repo).await;
        for _ in 0..3 {
            world.tick().await;
            minutes(&world, 5).await;
        }
        assert_eq!(access(&world).await, "access_lost");
        world.end().await;
    }

    async fn an_unsuspension_first_noticed_by_another_event_lets_everything_catch_up(world: World) {
        let repo = bound(&world).await;
        let other = world.repository("other", &[("a", "1")]).await;
        world.bind("second", "other", json!({})).await;
        world.github.suspend(world.installation).await;
        world.settle().await;
        for name in ["site", "second"] {
            world.api.post(&format!("/orgs/acme/bindings/{name}/sync")).await.expect(202);
        }
        world.settle().await;
        assert_eq!(world.binding("second").await["last_sync_status"], "failed");
        world.github.omit_next(1);
        world.github.unsuspend(world.installation).await;
        world.github.lose_all(true);
        world.push(other, &[("a", "2")]).await;
        world.github.lose_all(false);
        world.github.rename(repo, "themes").await;
        world.settle().await;
        assert_eq!(world.binding("second").await["access"], "reachable");
        assert_eq!(world.files("second").await["a"], "2");
        world.end().await;
    }

    async fn a_replayed_narrowing_is_not_believed_once_everything_is_selected(world: World) {
        let repo = bound(&world).await;
        let other = world.repository("other", &[("a", "x")]).await;
        let narrowed = world.github.select(world.installation, Selection::selected([other])).await;
        world.github.select(world.installation, Selection::All).await;
        world.settle().await;
        world.github.delete_repository(repo).await;
        let replayed = Post::of_github(&world, &narrowed[0].guid).with_new_guid();
        assert_eq!(replayed.send(&world).await.status, 202);
        minutes(&world, 5).await;
        assert_eq!(access(&world).await, "gone");
        world.end().await;
    }
}
