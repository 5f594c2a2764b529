//! What every page has, and what none may have.

use std::collections::BTreeSet;

use super::{Browser, all_pages, lived_in};
use crate::support::{ADMIN, World, stories};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The values of an attribute, wherever it is.
fn values<'p>(page: &'p str, attribute: &str) -> Vec<&'p str> {
    let begin = format!(" {attribute}=\"");
    let rest = page.split(begin.as_str()).skip(1);
    rest.filter_map(|rest| rest.split('"').next()).collect()
}

/// Each tag as it is written, with its attributes.
fn tags<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let begin = format!("<{name}");
    let rest = page.split(begin.as_str()).skip(1);
    let is_whole = |rest: &&str| rest.starts_with([' ', '>']);
    rest.filter(is_whole)
        .filter_map(|rest| rest.split('>').next())
        .collect()
}

/// What is wrong with a page, for who reads it with other eyes and for who would load something into it.
fn faults(page: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut wants = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned());
        }
    };
    wants(
        page.starts_with("<!DOCTYPE html><html lang=\"en\">"),
        "a language",
    );
    wants(tags(page, "h1").len() == 1, "one h1");
    wants(!tags(page, "title").is_empty(), "a title");
    wants(
        tags(page, "main")
            .iter()
            .any(|tag| tag.contains(" id=\"content\"")),
        "a main landmark",
    );
    wants(
        page.contains("href=\"#content\""),
        "a way past the navigation",
    );
    wants(
        !page.contains(" style=") && !page.contains("<style"),
        "no style of its own",
    );
    wants(
        tags(page, "script")
            .iter()
            .all(|tag| tag.contains(" src=\"")),
        "no script of its own",
    );
    wants(
        !page.contains(" onclick=") && !page.contains("javascript:"),
        "no script in an attribute",
    );
    wants(
        tags(page, "img").iter().all(|tag| tag.contains(" alt=\"")),
        "a text for each picture",
    );
    wants(
        tags(page, "th").iter().all(|tag| tag.contains(" scope=\"")),
        "a scope for each heading",
    );
    wants(
        tags(page, "table").len() == tags(page, "caption").len(),
        "a caption for each table",
    );
    let fields = tags(page, "input").len() + tags(page, "select").len();
    let hidden = tags(page, "input")
        .iter()
        .filter(|tag| tag.contains("type=\"hidden\""))
        .count();
    wants(
        tags(page, "label").len() == fields - hidden,
        "a label for each field",
    );
    let ids = values(page, "id");
    wants(
        ids.iter().collect::<BTreeSet<_>>().len() == ids.len(),
        "each id once",
    );
    faults
}

/// Links and parts that lead to another host: to GitHub, by a link that does not tell from where.
fn leads_away(page: &str) -> Vec<String> {
    let mut away = Vec::new();
    for attribute in ["src", "action"] {
        let elsewhere = values(page, attribute)
            .into_iter()
            .filter(|to| !to.starts_with('/') || to.starts_with("//"));
        away.extend(elsewhere.map(ToOwned::to_owned));
    }
    for attributes in tags(page, "a").into_iter().chain(tags(page, "link")) {
        let to = values(attributes, "href")
            .into_iter()
            .next()
            .unwrap_or_default();
        let is_here = to.starts_with('#') || to.starts_with('/') && !to.starts_with("//");
        let is_quiet = attributes.contains("rel=\"noreferrer noopener\"");
        let is_github =
            to.starts_with("https://127.0.0.1") || to.starts_with("https://github.com/");
        if !(is_here || is_github && is_quiet) {
            away.push(attributes.to_owned());
        }
    }
    away
}

stories! {
    async fn every_page_is_whole_and_leads_nowhere_else(world: World) {
        lived_in(&world).await;
        let admin = Browser::signed_in(&world, ADMIN).await;
        let mut pages = all_pages(&world).await;
        pages.extend(["/nowhere", "/jobs/0", "/jobs?state=none"].map(ToOwned::to_owned));
        for path in pages {
            let page = admin.get(&path).await;
            assert!(page.answer.status == 200 || [400, 404].contains(&page.answer.status.as_u16()) , "{path}: {}", page.answer.status);
            assert_eq!(page.answer.header("content-type"), "text/html; charset=utf-8", "{path}");
            assert_eq!(faults(&page.text()), Vec::<String>::new(), "{path}: {}", page.text());
            assert_eq!(leads_away(&page.text()), Vec::<String>::new(), "{path}");
        }
        let page = Browser::new(&world).get("/sign-in").await.expect(200);
        assert_eq!(faults(&page.text()), Vec::<String>::new());
        world.end().await;
    }

    async fn every_answer_says_what_a_browser_may_do_with_it(world: World) {
        lived_in(&world).await;
        let admin = Browser::signed_in(&world, ADMIN).await;
        let stranger = Browser::new(&world);
        let style = values(&admin.get("").await.text(), "href").into_iter().find(|to| to.ends_with(".css")).map(ToOwned::to_owned);
        let style = style.expect("a style");
        let style = style.trim_start_matches("/console");
        for (browser, path, status) in [
            (&admin, "", 200),
            (&admin, "/nowhere", 404),
            (&admin, "/jobs?limit=0", 400),
            (&admin, style, 200),
            (&admin, "/assets/other.css", 404),
            (&admin, "/sign-out", 405),
            (&admin, "/sign-in", 303),
            (&stranger, "", 303),
            (&stranger, "/sign-in", 200),
        ] {
            let page = browser.get(path).await.expect(status);
            for (name, value) in [
                ("content-security-policy", POLICY),
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "same-origin"),
            ] {
                assert_eq!(page.answer.header(name), value, "{path}");
            }
            let kept = match path == style {
                true => "public, max-age=31536000, immutable",
                false => "no-store",
            };
            assert_eq!(page.answer.header("cache-control"), kept, "{path}");
        }
        world.end().await;
    }

    async fn lists_are_turned_page_by_page(world: World) {
        lived_in(&world).await;
        let admin = Browser::signed_in(&world, ADMIN).await;
        let mut seen = Vec::new();
        let mut next = Some("/jobs?state=completed&limit=1".to_owned());
        while let Some(path) = next {
            let page = admin.get(&path).await.expect(200).text();
            let job = page.split("/console/jobs/").nth(1).and_then(|rest| rest.split('"').next()).map(ToOwned::to_owned);
            seen.extend(job);
            next = tags(&page, "a").into_iter().find(|tag| tag.contains("rel=\"next\"")).map(|tag| {
                let to = values(tag, "href")[0].replace("&amp;", "&");
                to.trim_start_matches("/console").to_owned()
            });
        }
        let jobs = world.jobs().await;
        let completed = jobs.iter().filter(|job| job.state.as_str() == "completed");
        let expected: Vec<String> = completed.map(|job| job.id.to_string()).collect();
        assert!(expected.len() > 1);
        assert_eq!(seen, expected);
        world.end().await;
    }

    async fn a_file_is_shown_as_text(world: World) {
        world.repository("templates", &[("page.html", "<h1>not ours</h1><script>alert(1)</script>")]).await;
        world.bind("site", "templates", serde_json::json!({})).await;
        let admin = Browser::signed_in(&world, ADMIN).await;
        let page = admin.get("/orgs/acme/bindings/site/files/page.html").await.expect(200);
        page.has("&lt;script&gt;alert(1)&lt;/script&gt;");
        page.lacks("<script>alert");
        admin.get("/orgs/acme/bindings/site/files/other").await.expect(404);
        world.end().await;
    }
}
