//! Script in whatever others may choose is text on every page.

use super::{Browser, all_pages, lived_in, token};
use crate::support::{ADMIN, World, stories};

const SCRIPT: &str = "<script>alert(1)</script>\"'><img src=x>";

/// Everything that is not a number, a state or a slug, in every row that a page could show.
fn everywhere() -> String {
    let script = SCRIPT.replace('\'', "''");
    let json = serde_json::json!([{"at": "2026-01-01T00:00:00Z", "attempt": 1, "error": SCRIPT}])
        .to_string()
        .replace('\'', "''");
    let word = serde_json::json!({"outcome": SCRIPT, "commit": SCRIPT})
        .to_string()
        .replace('\'', "''");
    [
        format!("UPDATE repositories SET owner = '{script}', name = '{script}', default_branch = '{script}', visibility = '{script}'"),
        format!("UPDATE repository_names SET owner = '{script}', name = '{script}'"),
        format!("UPDATE bindings SET github_owner = '{script}', github_repo = '{script}', commit_sha = '{script}' WHERE name = 'site'"),
        format!("UPDATE bindings SET error = '{script}' WHERE name = 'broken'"),
        format!("UPDATE contents SET commit_sha = '{script}', tree_sha = '{script}'"),
        format!("UPDATE content_files SET sha = '{script}'"),
        format!("UPDATE deliveries SET reason = '{script}', detail = '{script}', action = '{script}', git_ref = '{script}', head_sha = '{script}'"),
        format!("UPDATE installations SET account_login = '{script}', repository_selection = '{script}'"),
        format!("UPDATE jobs SET worker = '{script}', errors = '{json}', result = '{word}'"),
        format!("UPDATE job_events SET detail = '{word}'"),
        format!("UPDATE delivery_decisions SET reason = '{script}'"),
        format!("UPDATE audit_events SET place = '{script}', detail = '{script}', source = '{script}', action = '{script}'"),
        format!("UPDATE organizations SET title = '{script}'"),
        format!("UPDATE timers SET error = '{script}'"),
        format!("UPDATE api_tokens SET label = '{script}'"),
    ]
    .join("; ")
}

stories! {
    async fn script_is_text_on_every_page(world: World) {
        let (_, token) = token(&world, "ada", None, "admin").await;
        lived_in(&world).await;
        world.heal().await;
        let pages = all_pages(&world).await;
        world.tamper(&everywhere()).await;
        let admin = Browser::signed_in(&world, &token).await;
        let asked = url::form_urlencoded::byte_serialize(SCRIPT.as_bytes()).collect::<String>();
        let asked = ["explain?q=", "deliveries?event=", "jobs?kind=", "bindings?organization=", "jobs?state="].map(|path| format!("/{path}{asked}"));
        for path in pages.iter().chain(&asked) {
            let page = admin.get(path).await.text();
            for bad in ["<script>alert", "<img src=x", "\"'>"] {
                assert!(!page.contains(bad), "{path}: {page}");
            }
        }
        for path in &pages {
            admin.get(path).await.expect(200).has("&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&gt;&lt;img src=x&gt;");
        }
        world.discard().await;
    }

    async fn script_of_a_push_is_text(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        let branch = "<script>alert(1)<_script>";
        world.github.push(repo, branch, |change| change.write("<b>.txt", b"x").message(SCRIPT)).await;
        world.settle().await;
        world.bind("site", "templates", serde_json::json!({"github_ref": branch})).await;
        let delivery = world.last_delivery("push").await.id;
        let admin = Browser::signed_in(&world, ADMIN).await;
        for (path, text) in [
            (format!("/deliveries/{delivery}"), "&lt;img src=x"),
            ("/deliveries".to_owned(), "&lt;script&gt;alert(1)&lt;_script"),
            ("/orgs/acme/bindings/site".to_owned(), "&lt;script&gt;alert(1)&lt;_script"),
            ("/orgs/acme/bindings/site/files".to_owned(), "&lt;b&gt;.txt"),
            ("/explain?q=acme%2Fsite".to_owned(), "&lt;script&gt;alert(1)&lt;_script"),
        ] {
            let page = admin.get(&path).await.expect(200);
            page.has(text);
            for bad in ["<script>alert", "<img src=x", "<b>"] {
                page.lacks(bad);
            }
        }
        world.end().await;
    }
}
