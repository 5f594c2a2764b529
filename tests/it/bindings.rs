//! `PUT` of a binding, and what its readers see.

use std::time::Duration;

use bindery::ids::BindingId;
use bindery::queue::{self, Cause, Lane, NewJob};
use bindery::{binding, sync};
use diesel_async::AsyncConnection;
use serde_json::{Value, json};

use crate::support::{World, binding_path, stories};

const IDS: [&str; 3] = [
    "github_owner_id",
    "github_repo_id",
    "github_installation_id",
];

/// Far more than anything here takes; only a story that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A push has asked for its job and not yet written it on the binding, when the operator changes that.
async fn change_while_a_push_asks_for_a_sync(world: &World, repo: &str, more: Value) {
    let id = BindingId::new(world.binding("site").await["id"].as_i64().expect("an id"));
    let (asked, is_asked) = tokio::sync::oneshot::channel();
    let push = async {
        let mut conn = world.context.db.write().await.expect("a connection");
        let push = conn.transaction(async |conn| {
            let job = queue::enqueue(sync_of(id), world.clock.now(), conn).await?;
            asked.send(()).expect("the change waits for it");
            if !world.context.db.is_sqlite() {
                world.until_somebody_waits_for_a_lock().await;
            }
            binding::record_job(id, job.id, conn).await
        });
        push.await
    };
    let change = async {
        is_asked.await.expect("the push comes first");
        world.put_binding("site", repo, more).await
    };
    let (push, change) = tokio::join!(push, change);
    push.expect("the push has asked for its sync");
    change.expect(200);
}

fn sync_of(binding: BindingId) -> NewJob {
    NewJob {
        kind: sync::KIND.into(),
        target: binding.get(),
        lane: Lane::Prompt,
        cause: Cause::Timer {
            name: "a push".into(),
        },
        hint: None,
        organization_id: None,
        installation_id: None,
        max_attempts: 1,
    }
}

stories! {
    async fn an_identical_put_changes_nothing(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        let synced = world.bind("site", "templates", json!({})).await;
        let jobs = world.jobs().await.len();
        let again = world.put_binding("site", "Templates", json!({"root_path": "/", "github_ref": null})).await.expect(200);
        assert_eq!(again.json(), synced);
        assert_eq!(world.jobs().await.len(), jobs);
        world.end().await;
    }

    async fn a_put_that_names_what_the_repository_is_called_now_changes_nothing(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.rename(repo, "themes").await;
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        let synced = world.binding("site").await;
        let jobs = world.jobs().await.len();
        let again = world.put_binding("site", "themes", json!({})).await.expect(200).json();
        assert_eq!(again, synced);
        assert_eq!(world.jobs().await.len(), jobs);
        world.end().await;
    }

    async fn a_put_that_names_what_the_repository_was_called_since_changes_nothing(world: World) {
        let repo = world.repository("a", &[("x", "ours")]).await;
        world.bind("site", "a", json!({})).await;
        world.github.rename(repo, "b").await;
        world.settle().await;
        world.put_binding("site", "b", json!({})).await.expect(200);
        world.github.rename(repo, "c").await;
        world.settle().await;
        world.repository("b", &[("x", "another's")]).await;
        let (synced, jobs) = (world.binding("site").await, world.jobs().await.len());
        for name in ["a", "B", "c"] {
            assert_eq!(world.put_binding("site", name, json!({})).await.expect(200).json(), synced, "{name}");
        }
        assert_eq!(world.jobs().await.len(), jobs);
        world.end().await;
    }

    async fn a_change_and_a_push_at_the_same_time_do_not_wait_for_each_other(world: World) {
        world.repository("first", &[("a", "first")]).await;
        world.repository("second", &[("a", "second")]).await;
        world.bind("site", "first", json!({})).await;
        for (name, more) in [("first", json!({"root_path": "b"})), ("second", json!({}))] {
            let change = change_while_a_push_asks_for_a_sync(&world, name, more);
            tokio::time::timeout(PATIENCE, change).await.expect("nobody waits for ever");
            world.settle().await;
        }
        assert_eq!(world.files("site").await["a"], "second");
        world.end().await;
    }

    async fn another_repository_clears_the_ids_and_serves_the_old_content_until_the_first_success(world: World) {
        let first = world.repository("first", &[("a", "first")]).await;
        world.repository("second", &[("a", "second")]).await;
        world.bind("site", "first", json!({})).await;
        let pending = world.put_binding("site", "second", json!({})).await.expect(200).json();
        for field in IDS.into_iter().chain(["commit_sha", "tree_sha", "last_sync_error"]) {
            assert!(pending[field].is_null(), "{field}");
        }
        assert_eq!(pending["last_sync_status"], "pending");
        assert_eq!(world.files("site").await["a"], "first");
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "second");
        // Pushes to the old one are not accepted any more, pushes to the new one are.
        world.push(first, &[("a", "first again")]).await;
        world.settle().await;
        assert_eq!(world.last_delivery("push").await.reason.as_deref(), Some("no_binding"));
        assert_eq!(world.files("site").await["a"], "second");
        world.end().await;
    }

    async fn the_same_tree_of_another_repository_is_published_as_that_ones(world: World) {
        world.repository("first", &[("a", "1")]).await;
        let second = world.repository("second", &[("a", "1")]).await;
        world.bind("site", "first", json!({})).await;
        world.put_binding("site", "second", json!({})).await.expect(200);
        world.settle().await;
        let files = world.api.get(&format!("{}/files", binding_path("site"))).await.expect(200).json();
        assert_eq!(files["github_repo_id"], second.get());
        world.end().await;
    }

    async fn another_root_path_alone_keeps_the_ids(world: World) {
        world.repository("templates", &[("a/x", "1"), ("b/x", "2")]).await;
        let before = world.bind("site", "templates", json!({"root_path": "a"})).await;
        let after = world.put_binding("site", "templates", json!({"root_path": "b"})).await.expect(200).json();
        for id in IDS {
            assert_eq!(after[id], before[id], "{id}");
        }
        assert_eq!(after["last_sync_status"], "pending");
        world.settle().await;
        assert_eq!(world.files("site").await["x"], "2");
        world.end().await;
    }

    async fn a27_twenty_concurrent_first_puts_make_one_row(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        let puts = (0..20).map(|_| world.put_binding("site", "templates", json!({})));
        let statuses: Vec<u16> = futures_util::future::join_all(puts).await.iter().map(|answer| answer.status.as_u16()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 19, "{statuses:?}");
        let syncs = world.count("jobs WHERE kind = 'content_sync'").await;
        assert_eq!((world.count("bindings").await, syncs), (1, 1));
        world.settle().await;
        world.end().await;
    }

    async fn a_sync_begun_before_the_source_changed_publishes_nothing(world: World) {
        world.repository("first", &[("a", "first")]).await;
        world.repository("second", &[("a", "second")]).await;
        world.put_binding("site", "first", json!({})).await.expect(201);
        let slow = bindery::simulator::Fault::on(bindery::simulator::Route::Blob).times(1).delay(Duration::from_millis(400));
        world.github.fail(slow);
        let (_, change) = tokio::join!(world.workers.queue.drain(), async {
            while world.github.count(bindery::simulator::Route::Tree) == 0 {
                tokio::task::yield_now().await;
            }
            world.put_binding("site", "second", json!({})).await
        });
        change.expect(200);
        world.settle().await;
        assert_eq!(world.files("site").await["a"], "second");
        let first = world.jobs().await.into_iter().last().expect("the first job");
        assert_eq!(first.state.as_str(), "completed");
        assert_eq!(world.count("contents").await, 1, "the first source's tree was never published");
        world.end().await;
    }

    async fn unknown_fields_and_bad_values_are_named(world: World) {
        let answer = world.put_binding("site", "templates", json!({"branch": "x"})).await.expect(422).json();
        assert!(answer["detail"].as_str().unwrap().contains("branch") || answer["errors"].to_string().contains("branch"), "{answer}");
        let bad = json!({"github_owner": "a/../b", "github_repo": "x?y", "github_ref": "a..b", "root_path": "../x"});
        let answer = world.api.put(&binding_path("site"), bad).await.expect(422).json();
        let fields: Vec<&str> = answer["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["github_owner", "github_repo", "github_ref", "root_path"]);
        assert_eq!(world.count("bindings").await, 0);
        world.end().await;
    }

    async fn if_match_guards_against_a_lost_update(world: World) {
        world.repository("templates", &[("a/x", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let seen = world.api.get(&binding_path("site")).await.expect(200).header("etag").to_owned();
        world.put_binding("site", "templates", json!({"root_path": "a"})).await.expect(200);
        let body = Some(json!({"github_owner": "octo", "github_repo": "templates"}));
        let late = world.api.send(reqwest::Method::PUT, &binding_path("site"), body, &[("if-match", &seen)]).await;
        late.expect(412);
        world.settle().await;
        world.end().await;
    }

    async fn an_unchanged_binding_is_answered_304(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let etag = world.api.get(&binding_path("site")).await.expect(200).header("etag").to_owned();
        let get = |etag: String| async move {
            world.api.send(reqwest::Method::GET, &binding_path("site"), None, &[("if-none-match", &etag)]).await.status
        };
        assert_eq!(get(etag).await, 304);
    }

    async fn the_projects_override_wins_once_it_has_content(world: World) {
        world.repository("default", &[("a", "default")]).await;
        world.repository("special", &[("a", "special")]).await;
        world.bind("site", "default", json!({})).await;
        world.api.put("/orgs/acme/projects/docs", json!({})).await.expect(201);
        let path = "/orgs/acme/projects/docs/bindings/site";
        let effective = |world: &World| {
            let api = world.api.clone();
            async move { api.get(&format!("{path}/effective")).await.expect(200).json()["source"].clone() }
        };
        world.api.put(path, json!({"github_owner": "octo", "github_repo": "special"})).await.expect(201);
        assert_eq!(effective(&world).await, "organization");
        world.settle().await;
        assert_eq!(effective(&world).await, "project");
        world.end().await;
    }

    async fn the_docverse_aliases_are_the_same_resource(world: World) {
        world.repository("templates", &[("template.toml", "a = 1")]).await;
        let body = json!({"github_owner": "octo", "github_repo": "templates"});
        world.api.put("/orgs/acme/dashboard-template", body).await.expect(201);
        world.settle().await;
        let alias = world.api.get("/orgs/acme/dashboard-template").await.expect(200).json();
        let mut same = world.binding("dashboard-template").await;
        same["self_url"] = alias["self_url"].clone();
        assert_eq!(alias, same);
        assert_eq!(alias["required_files"], json!(["template.toml"]));
        let fields: Vec<String> = match &alias {
            Value::Object(fields) => fields.keys().cloned().collect(),
            _ => panic!("an object"),
        };
        for field in ["self_url", "web_url", "root_path", "last_sync_queue_job_url", "date_created", "date_updated"] {
            assert!(fields.iter().any(|name| name == field), "{field}");
        }
        world.end().await;
    }

    async fn bindings_are_found_by_repository_and_status(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.bind("broken", "nowhere", json!({})).await;
        world.github.rename(repo, "themes").await;
        world.api.post("/orgs/acme/bindings/site/sync").await.expect(202);
        world.settle().await;
        let names = |query: String| {
            let api = world.api.clone();
            async move {
                let list = api.get(&format!("/orgs/acme/bindings?{query}")).await.expect(200).json();
                let bindings = list.as_array().expect("a list").clone();
                bindings.iter().map(|binding| binding["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
            }
        };
        assert_eq!(names(format!("repository={repo}")).await, ["site"]);
        assert_eq!(names("repository=octo/Templates".into()).await, ["site"]);
        assert_eq!(names("repository=octo/themes".into()).await, ["site"]);
        assert_eq!(names("status=failed".into()).await, ["broken"]);
        world.end().await;
    }
}
