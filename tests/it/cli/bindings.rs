//! What is bound where, and what it serves.

use serde_json::json;

use super::{run, run_beside_workers};
use crate::support::{World, stories};

stories! {
    async fn a_binding_is_made_shown_read_and_undone(world: World) {
        world.repository("templates", &[("a", "1"), ("css/b c+d.css", "body {}")]).await;
        let bind = ["bind", "acme/docs/site", "octo/templates@main:/css", "--create", "-o", "json"];
        let made = run(&world, &bind).await.expect(0);
        assert_eq!(made.json()["last_sync_status"], "pending");
        assert_eq!(made.json()["project"], "docs");
        world.settle().await;

        let list = run(&world, &["bindings"]).await.expect(0);
        let lines: Vec<&str> = list.out.lines().collect();
        assert!(lines[0].starts_with(" place") || lines[0].starts_with("place"), "{}", list.out);
        for words in ["acme/docs/site", "octo/templates@main:/css", "succeeded", "reachable"] {
            assert!(lines[1].contains(words), "{words}: {}", list.out);
        }
        let place = "/orgs/acme/projects/docs/bindings/site";
        let shown = run(&world, &["get", place, "-o", "json"]).await.expect(0);
        assert_eq!(shown.json(), world.api.get(place).await.expect(200).json());
        run(&world, &["files", "acme/docs/site"]).await.expect(0).says("b c+d.css");
        let file = run(&world, &["cat", "acme/docs/site", "b c+d.css"]).await.expect(0);
        assert_eq!((file.out.as_str(), file.err.as_str()), ("body {}", ""));
        run(&world, &["cat", "acme/docs/site", "a"]).await.expect(1).says("there is no such file");

        run(&world, &["unbind", "acme/docs/site"]).await.expect(0);
        let gone = run(&world, &["get", "acme/docs/site"]).await.expect(1);
        assert_eq!(gone.err, "bindery: acme/docs/site: there is no such binding\n");
        assert_eq!(gone.out, "");
        world.end().await;
    }

    async fn what_is_not_there_is_made_only_when_that_is_asked(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        let refused = run(&world, &["bind", "acme/docs/site", "octo/templates"]).await.expect(1);
        refused.says("acme/docs/site: there is no such project (--create makes it)");
        run(&world, &["orgs", "put", "acme", "--title", "Acme Inc."]).await.expect(0);
        let bind = ["bind", "acme/docs/site", "octo/templates", "--create", "--wait"];
        run_beside_workers(&world, &bind).await.expect(0).says("succeeded");
        let org = world.api.get("/orgs/acme").await.expect(200).json();
        assert_eq!(org["title"], "Acme Inc.", "what was there is left as it was");
        world.end().await;
    }

    async fn bytes_come_as_they_are(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        let bytes: &[u8] = b"\0\xff\r\n\x1b[2J";
        world.github.push(repo, "main", |change| change.write("bin", bytes)).await;
        world.bind("site", "templates", json!({})).await;
        let file = run(&world, &["cat", "acme/site", "/bin"]).await.expect(0);
        assert_eq!(file.bytes, bytes);
        world.end().await;
    }
}
