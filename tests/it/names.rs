//! Names move; what is bound does not.

use std::time::Duration;

use bindery::github::ids::RepositoryId;
use bindery::simulator::{Fault, Guid, Route, Selection};
use serde_json::{Value, json};

use crate::support::{World, stories};
use crate::webhook::post::Post;

/// `site` on `octo/templates`, with one file `a`.
async fn bound(world: &World) -> RepositoryId {
    let repo = world.repository("templates", &[("a", "1")]).await;
    world.bind("site", "templates", json!({})).await;
    repo
}

/// What the repository of a binding is called now.
async fn name(world: &World, binding: &str) -> String {
    let repository = &world.binding(binding).await["repository"];
    let part = |field: &str| repository[field].as_str().expect("a name").to_owned();
    format!("{}/{}", part("owner"), part("name"))
}

/// What it was called, and how it came by each name.
async fn history(world: &World, binding: &str) -> Vec<String> {
    let binding = world.binding(binding).await;
    let names = binding["repository"]["names"]
        .as_array()
        .expect("names")
        .clone();
    let line = |name: &Value| {
        let text = |field: &str| name[field].as_str().expect("a text").to_owned();
        format!("{}/{} {}", text("owner"), text("name"), text("because"))
    };
    names.iter().map(line).collect()
}

/// The GUID of the one delivery that a verb sent.
fn guid(sent: &[bindery::simulator::Sent]) -> Guid {
    sent.first().expect("a delivery").guid.clone()
}

stories! {
    async fn a_rename_is_followed_without_a_sync(world: World) {
        let repo = bound(&world).await;
        let syncs = world.count("jobs WHERE kind = 'content_sync'").await;
        world.github.rename(repo, "themes").await;
        world.settle().await;
        assert_eq!(name(&world, "site").await, "octo/themes");
        assert_eq!(world.count("jobs WHERE kind = 'content_sync'").await, syncs, "no content moved");
        world.end().await;
    }

    async fn e02_a_push_under_the_new_name_may_come_before_the_rename(world: World) {
        let repo = bound(&world).await;
        world.github.hold_deliveries();
        let renamed = guid(&world.github.rename(repo, "themes").await);
        world.push(repo, &[("a", "2")]).await;
        let mut order = world.github.outbox();
        order.reverse();
        assert_eq!(order.last(), Some(&renamed));
        for guid in &order {
            world.github.deliver(guid).await;
            world.settle().await;
            assert_eq!(world.files("site").await["a"], "2");
        }
        assert_eq!(name(&world, "site").await, "octo/themes");
        world.end().await;
    }

    async fn e03_a_stale_rename_moves_nothing_back(world: World) {
        let repo = bound(&world).await;
        let first = guid(&world.github.rename(repo, "b").await);
        world.settle().await;
        world.github.rename(repo, "c").await;
        world.settle().await;
        world.pass(Duration::from_secs(24 * 3600)).await;
        world.github.redeliver(&first).await;
        // The same body as another delivery, and under another event's name: headers are not signed.
        let stale = Post::of_github(&world, &first);
        let forged = [
            stale.clone().with_new_guid(),
            stale.clone().with_new_guid().with("X-GitHub-Event", "organization"),
            stale.with_new_guid().with("X-GitHub-Event", "installation_repositories"),
        ];
        for post in forged {
            assert_eq!(post.send(&world).await.status, 202);
        }
        world.settle().await;
        assert_eq!(name(&world, "site").await, "octo/c");
        let expected = ["octo/templates first_seen", "octo/b renamed", "octo/c renamed"];
        assert_eq!(history(&world, "site").await, expected);
        world.end().await;
    }

    async fn e03_a_stale_rename_is_not_shown_while_github_is_asked(world: World) {
        let repo = bound(&world).await;
        let first = guid(&world.github.rename(repo, "b").await);
        world.github.rename(repo, "c").await;
        world.settle().await;
        let stale = Post::of_github(&world, &first).with_new_guid();
        assert_eq!(stale.send(&world).await.status, 202);
        world.workers.inbox.drain().await.unwrap();
        assert_eq!(name(&world, "site").await, "octo/c");
        world.settle().await;
        world.end().await;
    }

    async fn a_name_that_was_read_before_another_is_not_written_over_it(world: World) {
        let repo = bound(&world).await;
        world.github.rename(repo, "b").await;
        world.workers.inbox.drain().await.unwrap();
        world.asked();
        world.github.fail(Fault::on(Route::Repository).times(1).delay(Duration::from_millis(500)));
        let (slow, ()) = tokio::join!(world.workers.queue.drain(), async {
            while world.github.count(Route::Repository) == 0 {
                tokio::task::yield_now().await;
            }
            world.clock.advance(Duration::from_secs(1));
            world.github.lose_next(1);
            world.github.rename(repo, "c").await;
            world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
            world.workers.queue.drain().await.unwrap();
            assert_eq!(name(&world, "site").await, "octo/c");
        });
        slow.unwrap();
        assert_eq!(name(&world, "site").await, "octo/c", "the slow answer was true once");
        world.settle().await;
        world.end().await;
    }

    async fn a_chain_of_renames_ends_at_the_last_in_whatever_order_it_arrives(world: World) {
        for (turn, order) in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]].into_iter().enumerate() {
            let first = format!("r{turn}");
            let repo = world.repository(&first, &[("a", "1")]).await;
            world.bind(&first, &first, json!({})).await;
            world.github.hold_deliveries();
            let mut guids = Vec::new();
            for to in ["a", "b", "c"] {
                guids.push(guid(&world.github.rename(repo, &format!("{first}-{to}")).await));
            }
            for index in order {
                world.github.deliver(&guids[index]).await;
                world.settle().await;
            }
            world.github.release_deliveries().await;
            assert_eq!(name(&world, &first).await, format!("octo/{first}-c"), "{order:?}");
        }
        world.end().await;
    }

    async fn the_names_that_a_repository_had_are_shown(world: World) {
        let repo = bound(&world).await;
        world.github.create_user("ann");
        let anns = world.github.install("ann", Selection::All).await;
        world.grant(anns).await;
        world.github.rename(repo, "themes").await;
        world.settle().await;
        world.github.transfer(repo, "ann").await;
        world.settle().await;
        world.github.rename_owner("ann", "anna").await;
        world.settle().await;
        let expected = [
            "octo/templates first_seen",
            "octo/themes renamed",
            "ann/themes transferred",
            "anna/themes owner_renamed",
        ];
        assert_eq!(history(&world, "site").await, expected);
        assert_eq!(world.binding("site").await["github_owner"], "octo", "what was requested stays");
        world.end().await;
    }

    async fn names_swapped_arrive_in_any_order(world: World) {
        let (a, b) = (world.repository("a", &[("x", "a")]).await, world.repository("b", &[("x", "b")]).await);
        world.bind("of-a", "a", json!({})).await;
        world.bind("of-b", "b", json!({})).await;
        world.github.hold_deliveries();
        world.github.rename(a, "c").await;
        world.github.rename(b, "a").await;
        world.github.rename(a, "b").await;
        let mut order = world.github.outbox();
        order.reverse();
        world.github.deliver_in_order(&order).await;
        world.settle().await;
        assert_eq!((name(&world, "of-a").await, name(&world, "of-b").await), ("octo/b".into(), "octo/a".into()));
        assert_eq!((world.files("of-a").await["x"].as_str(), world.files("of-b").await["x"].as_str()), ("a", "b"));
        world.end().await;
    }

    async fn an_unsynced_binding_follows_the_name_that_it_was_given(world: World) {
        // Made for a repository whose branch is not there yet, so that no sync succeeds.
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({"github_ref": "later"})).await;
        world.github.rename(repo, "themes").await;
        world.settle().await;
        let taken = world.repository("templates", &[("a", "another")]).await;
        world.github.create_branch(taken, "later", world.github.head(taken, "main")).await;
        world.settle().await;
        assert_eq!(world.binding("site").await["github_repo_id"], Value::Null, "not adopted");
        world.github.create_branch(repo, "later", world.github.head(repo, "main")).await;
        world.settle().await;
        let binding = world.binding("site").await;
        assert_eq!(binding["github_repo_id"], repo.get());
        assert_eq!((&binding["github_repo"], &binding["repository"]["name"]), (&json!("templates"), &json!("themes")));
        assert_eq!(world.files("site").await["a"], "1");
        assert_eq!(world.put_binding("site", "templates", json!({"github_ref": "later"})).await.status, 200);
        world.end().await;
    }

    async fn an_unsynced_binding_follows_a_rename_of_the_owner(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({"github_ref": "later"})).await;
        world.github.rename_owner("octo", "octopus").await;
        world.settle().await;
        world.github.create_branch(repo, "later", world.github.head(repo, "main")).await;
        world.settle().await;
        let binding = world.binding("site").await;
        assert_eq!(binding["github_repo_id"], repo.get());
        assert_eq!(binding["repository"]["owner"], "octopus");
        world.end().await;
    }

    async fn e32_types_that_differ_from_event_to_event_are_read(world: World) {
        let repo = bound(&world).await;
        let sent = world.github.rename(repo, "themes").await;
        let body = world.github.raw(&guid(&sent)).1;
        let mut payload: Value = serde_json::from_slice(&body).unwrap();
        for field in ["created_at", "updated_at", "pushed_at"] {
            payload["repository"][field] = json!(1_700_000_000);
        }
        payload["never_heard_of"] = json!({"deep": [1, "2", null]});
        for absent in ["sender", "organization"] {
            payload.as_object_mut().unwrap().remove(absent);
        }
        assert_eq!(Post::new("repository", payload.to_string()).send(&world).await.status, 202);
        world.settle().await;
        assert_eq!(world.last_delivery("repository").await.reason, None, "processed");
        world.end().await;
    }

    async fn e19_two_pushes_in_reverse_order_end_at_the_newest(world: World) {
        let repo = bound(&world).await;
        world.github.hold_deliveries();
        world.push(repo, &[("a", "2")]).await;
        world.push(repo, &[("a", "3")]).await;
        let mut order = world.github.outbox();
        order.reverse();
        for guid in &order {
            world.github.deliver(guid).await;
            world.settle().await;
            assert_eq!(world.files("site").await["a"], "3");
        }
        world.end().await;
    }
}

stories! {
    async fn what_never_synced_follows_a_rename_that_nobody_told_of(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("known", "templates", json!({})).await;
        world.bind("site", "templates", json!({"github_ref": "later"})).await;
        assert_eq!(world.binding("site").await["access"], "ref_missing");
        world.github.omit_all(true);
        world.github.rename(repo, "themes").await;
        world.github.omit_all(false);
        world.tick().await;
        world.settle().await;
        world.github.create_branch(repo, "later", world.github.head(repo, "main")).await;
        world.settle().await;
        assert_eq!(world.binding("site").await["github_repo_id"], repo.get());
        world.end().await;
    }
}
