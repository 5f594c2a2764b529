//! Lists and single things, as people and as programs read them.

use serde_json::{Value, json};

use super::{remote, run};
use crate::support::{World, stories};

/// Each command, and the path of the API that it shows.
const LISTS: [(&[&str], &str); 8] = [
    (&["orgs"], "/orgs?limit=100"),
    (
        &["projects", "--org", "acme"],
        "/orgs/acme/projects?limit=100",
    ),
    (&["grants"], "/orgs/acme/installations"),
    (&["tokens"], "/tokens?limit=100"),
    (&["deliveries"], "/deliveries?limit=100"),
    (&["jobs"], "/jobs?limit=100"),
    (&["audit"], "/audit?limit=100"),
    (&["healing"], "/healing?limit=100"),
];

stories! {
    async fn programs_get_what_the_api_gives(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.api.put("/orgs/acme/projects/docs", json!({})).await.expect(201);
        world.heal().await;
        run(&world, &["tokens", "create", "--label", "ci", "--role", "viewer"]).await.expect(0);
        for (command, path) in LISTS {
            let expected = world.api.get(path).await.expect(200).json();
            let rows = expected.as_array().expect("a list");
            assert!(!rows.is_empty(), "{path}");
            let of = async |format: &str| run(&world, &[command, &["-o", format]].concat()).await.expect(0).out;
            let json: Value = serde_json::from_str(&of("json").await).expect("JSON");
            assert_eq!(json, expected, "{command:?}");
            let lines = of("jsonl").await;
            let lines = lines.lines().map(|line| serde_json::from_str(line).expect("JSON"));
            assert_eq!(lines.collect::<Vec<Value>>(), *rows, "{command:?}");
            let yaml = of("yaml").await;
            let yaml: Value = serde_saphyr::from_str(&yaml).expect("YAML");
            assert_eq!(yaml, expected, "{command:?}");
            let table = of("table").await;
            assert_eq!(table.lines().count(), rows.len() + 1, "{table}");
            assert!(!table.contains('\u{1b}'), "no colour but on a terminal: {table}");
        }
        world.end().await;
    }

    async fn a_list_is_followed_to_its_end_or_its_limit(world: World) {
        for number in 0..130 {
            world.api.put(&format!("/orgs/org-{number}"), json!({})).await.expect(201);
        }
        let all = run(&world, &["orgs", "-o", "jsonl"]).await.expect(0);
        assert_eq!(all.out.lines().count(), 131);
        for limit in ["1", "100", "120"] {
            let some = run(&world, &["orgs", "-o", "jsonl", "--limit", limit]).await.expect(0);
            assert_eq!(some.out.lines().count().to_string(), limit);
        }
        // Nobody reads: no failure, and not a word.
        let mut child = remote(&world, &["orgs", "-o", "jsonl"]).spawn().expect("the binary starts");
        drop(child.stdout.take());
        let ended = child.wait_with_output().await.expect("it ends");
        assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
        world.end().await;
    }

    async fn a_delivery_is_found_shown_and_replayed(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let pushed = world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        let (guid, sha) = (pushed.delivery.expect("a delivery").as_str().to_owned(), pushed.after.to_string());
        for filter in [["--guid", guid.as_str()], ["--sha", sha.as_str()]] {
            let found = run(&world, &[&["deliveries", "-o", "json"][..], &filter].concat()).await.expect(0);
            assert_eq!(found.json()[0]["guid"], guid, "{filter:?}");
            assert_eq!(found.json().as_array().map(Vec::len), Some(1), "{filter:?}");
        }
        let shown = run(&world, &["delivery", &guid]).await.expect(0);
        for words in ["push", "processed", "matched_by_id", "by the current secret"] {
            shown.says(words);
        }
        run(&world, &["replay", &guid]).await.expect(0).says("will be processed again");
        assert_eq!(world.count("deliveries WHERE state = 'received'").await, 1);
        world.settle().await;
        let jobs = run(&world, &["jobs", "--binding", "acme/site", "-o", "json"]).await.expect(0).json();
        let job = jobs[0]["id"].to_string();
        run(&world, &["job", &job]).await.expect(0).says(&format!("delivery {guid}"));
        run(&world, &["delivery", "nobody"]).await.expect(1).says("there is no such delivery");
        run(&world, &["job", "99999"]).await.expect(1).says("job 99999: there is no such job");
        world.end().await;
    }

    async fn tenants_are_made_changed_and_deleted(world: World) {
        run(&world, &["orgs", "put", "newcomer", "--title", "New"]).await.expect(0);
        run(&world, &["orgs", "put", "newcomer"]).await.expect(0).says("New");
        run(&world, &["projects", "put", "newcomer", "docs"]).await.expect(0).says("newcomer/docs");
        run(&world, &["orgs", "delete", "newcomer"]).await.expect(1).says("still has projects");
        run(&world, &["projects", "delete", "newcomer", "docs"]).await.expect(0);
        let installation = world.installation.to_string();
        run(&world, &["grants", "put", "newcomer", &installation]).await.expect(1).says("another organisation has");
        run(&world, &["grants", "delete", "acme", &installation]).await.expect(0);
        run(&world, &["grants", "put", "newcomer", &installation]).await.expect(0);
        run(&world, &["orgs", "delete", "newcomer"]).await.expect(0);
        run(&world, &["orgs", "delete", "newcomer"]).await.expect(1).says("there is no such organisation");
        world.end().await;
    }
}
