//! A signed push becomes published content.

use serde_json::json;

use crate::support::{World, stories};

stories! {
    async fn a_new_binding_is_pending_without_ids_until_its_first_sync(world: World) {
        let repo = world.repository("templates", &[("themes/a.html", "one"), ("readme", "x")]).await;
        let pending = world.put_binding("site", "templates", json!({"root_path": "themes"})).await.expect(201).json();
        assert_eq!(pending["last_sync_status"], "pending");
        assert_eq!(pending["access"], "unknown");
        for id in ["github_owner_id", "github_repo_id", "github_installation_id", "commit_sha", "tree_sha"] {
            assert!(pending[id].is_null(), "{id}");
        }
        world.settle().await;
        let synced = world.binding("site").await;
        let head = world.github.head(repo, "main");
        assert_eq!(synced["last_sync_status"], "succeeded");
        assert_eq!(synced["access"], "reachable");
        assert_eq!(synced["github_repo_id"], repo.get());
        assert_eq!(synced["github_installation_id"], world.installation.get());
        assert_eq!(synced["commit_sha"], head.to_string());
        assert_eq!(synced["tree_sha"], json!(world.github.tree_at(repo, head, "themes")));
        assert_eq!(world.files("site").await, [("a.html".into(), "one".into())].into());
        world.end().await;
    }

    async fn a_push_is_published(world: World) {
        let repo = world.repository("templates", &[("a", "one"), ("b/c", "two")]).await;
        world.bind("site", "templates", json!({})).await;
        world.push(repo, &[("a", "changed"), ("d", "new")]).await;
        world.settle().await;
        let expected = [("a", "changed"), ("b/c", "two"), ("d", "new")];
        assert_eq!(world.files("site").await, expected.map(|(path, text)| (path.into(), text.into())).into());
        world.end().await;
    }

    async fn receiving_and_processing_ask_github_nothing(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.asked();
        world.push(repo, &[("a", "2")]).await;
        world.workers.inbox.drain().await.unwrap();
        assert_eq!(world.github.take_requests().len(), 0);
        assert_eq!(world.decisions().await, [("enqueued".into(), "matched_by_id".into())]);
        world.settle().await;
        world.end().await;
    }
}
