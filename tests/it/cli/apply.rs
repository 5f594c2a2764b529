//! A file of organisations, projects and bindings: written, changed, and made so.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Ran, run};
use crate::support::{World, stories};

async fn apply(world: &World, file: &str, more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bindings.yaml");
    std::fs::write(&path, file).expect("a file");
    let path = path.display().to_string();
    run(world, &[&["apply", "-f", &path], more].concat()).await
}

stories! {
    async fn what_is_exported_is_so_already(world: World) {
        world.repository("templates", &[("a", "1"), ("template.toml", "")]).await;
        world.bind("site", "templates", json!({"github_ref": "main"})).await;
        world.bind("dashboard-template", "templates", json!({})).await;
        let jobs = world.jobs().await.len();
        let file = run(&world, &["export"]).await.expect(0).out;
        assert!(file.contains("source: octo/templates@main"), "{file}");
        let same = apply(&world, &file, &["--prune"]).await.expect(0);
        same.says("0 to make, 0 to change, 0 to delete; 2 bindings are as they should be");
        assert_eq!(world.jobs().await.len(), jobs, "nothing was asked for");
        world.end().await;
    }

    async fn a_file_is_tried_and_then_applied(world: World) {
        world.repository("templates", &[("a", "1"), ("css/b", "2")]).await;
        world.bind("site", "templates", json!({})).await;
        world.bind("old", "templates", json!({})).await;
        let file = "\
organizations:
  acme:
    title: Acme Inc.
    bindings:
      site: {source: \"octo/templates:/css\"}
    projects:
      docs:
        bindings:
          site: {source: octo/templates@main}
";
        let tried = apply(&world, file, &["--prune", "--dry-run", "-o", "json"]).await.expect(0);
        let steps = tried.json();
        let steps: Vec<_> = steps.as_array().expect("a list").iter().map(|step| format!("{} {}", step["action"], step["place"]).replace('"', "")).collect();
        let expected = ["change acme", "make acme/docs", "change acme/site", "make acme/docs/site", "delete acme/old"];
        assert_eq!(steps, expected);
        assert!(world.binding("old").await["id"].is_number());

        apply(&world, file, &[]).await.expect(0).says("2 to make, 2 to change, 0 to delete");
        world.settle().await;
        assert_eq!(world.files("site").await, BTreeMap::from([("b".to_owned(), "2".to_owned())]));
        assert_eq!(world.api.get("/orgs/acme").await.json()["title"], "Acme Inc.");
        apply(&world, file, &["--prune"]).await.expect(0).says("1 to delete; 2 bindings");
        world.api.get("/orgs/acme/bindings/old").await.expect(404);
        world.settle().await;
        world.end().await;
    }

    async fn a_file_that_is_wrong_is_refused_as_a_whole(world: World) {
        let file = "organizations: {acme: {bindings: {A: {source: octo/x}, b: {source: octo}}}}";
        let refused = apply(&world, file, &[]).await.expect(1);
        refused.says("acme/A: a slug has");
        refused.says("acme/b: what to bind is written");
        let bad = "organizations: {acme: {bindings: {ghost: {source: octo/x, host: ghe.example}, site: {source: octo/y}}}}";
        let partly = apply(&world, bad, &[]).await.expect(1);
        partly.says("acme/ghost: ");
        partly.says("1 of 2 changes could not be made");
        world.settle().await;
        assert_eq!(world.binding("site").await["github_repo"], "y");
        world.end().await;
    }
}
