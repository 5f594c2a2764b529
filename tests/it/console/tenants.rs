//! The token of one organisation sees nothing of another's, on no page.

use reqwest::Method;
use serde_json::json;

use super::{all_pages, audited, lived_in, visitor};
use crate::support::{World, stories};

/// What belongs to `acme` alone, in words and numbers.
fn theirs() -> [&'static str; 6] {
    ["acme", "templates", "octo", "nowhere", "a.txt", "broken"]
}

stories! {
    async fn a08_one_organisation_sees_nothing_of_another(world: World) {
        lived_in(&world).await;
        world.api.put("/orgs/other", json!({})).await.expect(201);
        let other = visitor(&world, Some("other"), "admin").await;
        for path in all_pages(&world).await {
            let page = other.get(&path).await;
            let status = page.answer.status.as_u16();
            let is_list = ["", "/bindings", "/jobs", "/repositories", "/installations", "/audit"].contains(&path.as_str());
            let is_question = path.starts_with("/explain") && !path.contains('-');
            let is_filtered = path.starts_with("/jobs?") || path.starts_with("/audit?");
            let expected = match &path {
                _ if is_list || is_question || is_filtered => &[200][..],
                path if path.starts_with("/deliveries") || path.starts_with("/explain") => &[403, 404],
                _ => &[404],
            };
            assert!(expected.contains(&status), "{path}: {status}");
            // Its own log says what it asked for.
            if path.starts_with("/audit") {
                continue;
            }
            let text = page.text();
            let is_shown = |word: &&str| text.contains(&format!("{word}<")) || text.contains(&format!("/{word}/"));
            let shown: Vec<&str> = theirs().into_iter().filter(is_shown).collect();
            assert!(shown.is_empty(), "{path} shows {shown:?}: {text}");
        }
        world.end().await;
    }

    async fn a08_what_is_not_there_is_refused_like_what_is_not_theirs(world: World) {
        lived_in(&world).await;
        world.api.put("/orgs/other", json!({})).await.expect(201);
        let other = visitor(&world, Some("other"), "viewer").await;
        let job = world.last_job().await.id;
        for (theirs, nothing) in [
            ("/orgs/acme/bindings/site".to_owned(), "/orgs/nobody/bindings/site".to_owned()),
            ("/orgs/acme/bindings/site/files".to_owned(), "/orgs/nobody/bindings/site/files".to_owned()),
            (format!("/jobs/{job}"), "/jobs/999999".to_owned()),
            ("/repositories/1".to_owned(), "/repositories/999999".to_owned()),
            ("/deliveries/1".to_owned(), "/deliveries/999999".to_owned()),
            ("/bindings?organization=acme".to_owned(), "/bindings?organization=nobody".to_owned()),
        ] {
            let one = other.get(&theirs).await.expect(404).text();
            let none = other.get(&nothing).await.expect(404).text();
            assert_eq!(one, none, "{theirs}");
        }
        world.end().await;
    }

    async fn a08_an_organisation_sees_what_is_its_own(world: World) {
        lived_in(&world).await;
        let own = visitor(&world, Some("acme"), "viewer").await;
        let page = own.get("").await.expect(200);
        page.has("/console/orgs/acme/bindings/broken");
        page.lacks("/console/deliveries");
        own.get("/bindings").await.expect(200).has("acme/bindings/site");
        own.get("/orgs/acme/bindings/site").await.expect(200).has("octo/templates");
        own.get("/repositories").await.expect(200).has("octo/templates");
        own.get("/installations").await.expect(200).has(&world.installation.to_string());
        own.get("/explain?q=acme%2Fsite").await.expect(200).has("the binding /orgs/acme/bindings/site");
        own.get("/deliveries").await.expect(403);
        world.end().await;
    }

    async fn a08_without_a_grant_the_names_of_now_are_not_shown(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        let own = visitor(&world, Some("acme"), "admin").await;
        world.revoke(world.installation).await;
        world.github.rename(repo, "moved-on").await;
        world.settle().await;
        own.get("/orgs/acme/bindings/site/files").await.expect(403).has("no grant any more");
        for path in ["/bindings", "/orgs/acme/bindings/site", "/repositories", "/installations", "/jobs", "/explain?q=acme%2Fsite"] {
            own.get(path).await.expect(200).lacks("moved-on");
        }
        own.get("/repositories/1").await.expect(404);
        let global = visitor(&world, None, "viewer").await;
        global.get("/repositories/1").await.expect(200).has("moved-on");
        world.end().await;
    }

    async fn a22_what_is_refused_here_is_written_down_like_at_the_api(world: World) {
        world.api.put("/orgs/other", json!({})).await.expect(201);
        let other = visitor(&world, Some("other"), "viewer").await;
        other.get("/deliveries").await.expect(403);
        other.get("/jobs/1").await.expect(404);
        other.get("/audit").await.expect(403);
        let events = audited(&world).await;
        let expected = [("delivery.read", "/deliveries", 403), ("job.read", "/jobs/1", 404), ("audit.read", "/audit", 403)];
        let refused: Vec<_> = events.iter().filter(|event| event.2 >= 400).map(|event| (event.0.as_str(), event.1.as_str(), event.2)).collect();
        assert_eq!(refused, expected);
        let own = world.api.send(Method::GET, "/orgs/other/audit", None, &[]).await.expect(200).json();
        assert!(own.to_string().contains("delivery.read"), "in its own log: {own}");
        world.end().await;
    }
}
