//! What is served against what GitHub has now.

use std::time::Duration;

use serde_json::json;

use super::run;
use crate::support::{World, stories};

stories! {
    async fn what_is_served_is_compared_with_what_github_has(world: World) {
        let repo = world.repository("templates", &[("a", "1"), ("css/b", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.bind("css", "templates", json!({"root_path": "/css"})).await;
        run(&world, &["diff", "acme/site"]).await.expect(0).says("acme/site: the same");
        // Another head, of which no push told, is believed at once only when the last look is long ago.
        world.clock.advance(Duration::from_secs(600));
        world.github.lose_all(true);
        let pushed = world.push(repo, &[("a", "2"), ("c", "1")]).await;
        world.github.lose_all(false);
        let jobs = world.jobs().await.len();
        let differs = run(&world, &["diff", "acme/site", "-o", "json"]).await.expect(1).json();
        let expected = json!([{"path": "a", "change": "changed"}, {"path": "c", "change": "added"}]);
        assert_eq!(differs["differences"], expected);
        assert_eq!(differs["github"]["commit_sha"], pushed.after.to_string());
        run(&world, &["diff", "acme/css"]).await.expect(0).says("acme/css: the same");
        assert_eq!(world.jobs().await.len(), jobs, "it only looks");
        assert_eq!(world.files("site").await["a"], "1");

        run(&world, &["diff", "acme/nothing"]).await.expect(2).says("there is no such binding");
        world.put_binding("new", "templates", json!({})).await.expect(201);
        run(&world, &["diff", "acme/new"]).await.expect(2).says("no sync of the binding has succeeded");
        world.settle().await;
        world.revoke(world.installation).await;
        world.settle().await;
        run(&world, &["diff", "acme/site"]).await.expect(2).says("no grant");
        world.end().await;
    }
}
