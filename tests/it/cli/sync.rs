//! Asking for syncs, and waiting for them.

use std::time::Duration;

use serde_json::json;

use super::{run, run_beside_workers};
use crate::support::{World, stories};

stories! {
    async fn a_sync_is_waited_for(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        // Another head, of which no push told, is believed at once only when the last look is long ago.
        world.clock.advance(Duration::from_secs(600));
        world.github.lose_all(true);
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.github.lose_all(false);
        let sync = ["sync", "acme/site", "--wait", "-o", "json"];
        let synced = run_beside_workers(&world, &sync).await.expect(0).json();
        assert_eq!(synced[0]["place"], "acme/site");
        assert_eq!(synced[0]["state"], "completed");
        assert_eq!(synced[0]["commit_sha"], pushed.after.to_string());
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn a_sync_that_fails_says_why_and_is_a_failure(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.bind("good", "templates", json!({})).await;
        world.bind("bad", "templates", json!({"root_path": "/nowhere"})).await;
        let said = world.binding("bad").await["last_sync_error"].clone();
        let sync = ["sync", "--all", "--wait", "-o", "json"];
        let synced = run_beside_workers(&world, &sync).await.expect(1);
        synced.says("1 of 2 were not synced");
        let one = |place: &str| {
            let all = synced.json();
            let all = all.as_array().expect("a list").iter();
            all.clone().find(|one| one["place"] == place).expect(place).clone()
        };
        assert_eq!((one("acme/bad")["state"].clone(), one("acme/bad")["error"].clone()), (json!("discarded"), said));
        assert_eq!((one("acme/good")["state"].clone(), one("acme/good")["error"].clone()), (json!("completed"), json!(null)));
        world.end().await;
    }

    async fn what_nobody_does_is_not_waited_for_any_longer(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let sync = ["sync", "--org", "acme", "--wait", "--timeout", "200ms"];
        let late = run(&world, &sync).await.expect(1);
        late.says("not yet: job");
        late.says("available");
        let again = run(&world, &["sync", "acme/site"]).await.expect(0);
        again.says("was waiting already");
        world.settle().await;
        world.end().await;
    }

    async fn a_job_is_called_off_and_done_again(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        run(&world, &["sync", "acme/site"]).await.expect(0);
        let waits = run(&world, &["jobs", "--binding", "acme/site", "-o", "json"]).await.expect(0).json();
        let id = waits[0]["id"].to_string();
        let cancelled = run(&world, &["cancel", &id, "-o", "json"]).await.expect(0).json();
        assert_eq!(cancelled[0]["state"], "cancelled");
        let twice = run(&world, &["cancel", &id]).await.expect(1);
        twice.says("nothing to cancel");
        let again = run(&world, &["retry", &id, "-o", "json"]).await.expect(0).json();
        assert_ne!(again[0]["id"].to_string(), id);
        world.settle().await;
        let done = run(&world, &["job", &again[0]["id"].to_string(), "-o", "json"]).await.expect(0).json();
        assert_eq!(done["state"], "completed");
        world.end().await;
    }
}
