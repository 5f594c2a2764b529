//! Signing in with a token, and how that ends.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{Browser, audited, token};
use crate::support::{ADMIN, Api, World, stories};

stories! {
    async fn one_signs_in_with_a_token_and_has_a_cookie_that_no_script_reads(world: World) {
        let (_, token) = token(&world, "ada", None, "viewer").await;
        let page = Browser::new(&world).sign_in(&token, "").await.expect(303);
        assert_eq!(page.location(), "/console");
        let cookie = page.answer.header("set-cookie").to_owned();
        for attribute in ["; HttpOnly", "; SameSite=Strict", "; Path=/;", "; Max-Age=43200"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains(&token), "{cookie}");
        let browser = Browser::signed_in(&world, &token).await;
        let page = browser.get("").await.expect(200);
        page.has("ada");
        let secret = browser.cookie.as_deref().and_then(|cookie| cookie.split_once('=')).expect("a cookie").1;
        page.lacks(secret);
        assert_eq!(world.count(&format!("console_sessions WHERE CAST(hash AS TEXT) LIKE '%{secret}%'")).await, 0);
        assert_eq!(audited(&world).await.last(), Some(&("session.create".to_owned(), "/console".to_owned(), 303)));
        world.end().await;
    }

    async fn whoever_is_not_signed_in_is_led_to_where_one_is_and_back(world: World) {
        let stranger = Browser::new(&world);
        for (path, next) in [("", "%2Fconsole"), ("/jobs?state=completed", "%2Fconsole%2Fjobs%3Fstate%3Dcompleted"), ("/nowhere", "%2Fconsole%2Fnowhere")] {
            let page = stranger.get(path).await.expect(303);
            assert_eq!(page.location(), format!("/console/sign-in?next={next}"));
            assert_eq!(page.answer.header("www-authenticate"), "", "no browser asks for a password");
        }
        let page = stranger.sign_in(ADMIN, "/console/jobs?state=completed").await.expect(303);
        assert_eq!(page.location(), "/console/jobs?state=completed");
        world.end().await;
    }

    async fn signing_in_leads_nowhere_else(world: World) {
        for next in ["//evil.example", "https://evil.example/console", "/console.evil", "/orgs", "/console\\evil", "/console\r\nx: y", "javascript:alert(1)"] {
            let page = Browser::new(&world).sign_in(ADMIN, next).await.expect(303);
            assert_eq!(page.location(), "/console", "{next}");
        }
        world.end().await;
    }

    async fn a17_wrong_tokens_are_refused_here_as_often_as_at_the_api(world: World) {
        let stranger = Browser::new(&world);
        for number in 0..100 {
            let page = stranger.sign_in(&format!("wrong {number}"), "").await.expect(401);
            page.has("not known");
            assert_eq!(page.answer.header("set-cookie"), "");
        }
        stranger.sign_in("wrong", "").await.expect(429).has("Wait a minute");
        world.api.with_token("wrong").get("/jobs").await.expect(429);
        stranger.sign_in(ADMIN, "").await.expect(303);
        assert_eq!(world.count("audit_events WHERE status = 401 OR status = 429").await, 0, "strangers write nothing");
        world.end().await;
    }

    async fn a17_made_up_sessions_are_counted_like_made_up_tokens(world: World) {
        let mut stranger = Browser::new(&world);
        stranger.cookie = Some(format!("bindery={}", "A".repeat(43)));
        for _ in 0..100 {
            stranger.get("").await.expect(303);
        }
        stranger.get("").await.expect(429);
        world.end().await;
    }

    async fn the_api_takes_no_cookie(world: World) {
        let browser = Browser::signed_in(&world, ADMIN).await;
        for path in ["/orgs", "/orgs/acme/bindings", "/jobs", "/deliveries", "/explain?delivery=x", "/healing", "/tokens", "/audit"] {
            Api::answer(browser.request(Method::GET, path)).await.expect(401);
        }
        let put = browser.request(Method::PUT, "/orgs/mine").json(&json!({}));
        Api::answer(put).await.expect(401);
        world.end().await;
    }

    async fn the_console_takes_no_bearer_token(world: World) {
        let page = world.api.get("/console/jobs").await;
        assert!(page.status == 200 && String::from_utf8_lossy(&page.bytes).contains("Sign in"), "led to where one signs in");
        world.end().await;
    }

    async fn a_session_ends_with_its_token(world: World) {
        let (id, token) = token(&world, "brief", None, "viewer").await;
        let browser = Browser::signed_in(&world, &token).await;
        browser.get("/jobs").await.expect(200);
        world.api.delete(&format!("/tokens/{id}")).await.expect(204);
        browser.get("/jobs").await.expect(303);
        world.end().await;
    }

    async fn a_session_ends_when_its_token_expires(world: World) {
        let at = world.clock.now() + Duration::from_secs(3_600);
        let body = json!({"label": "brief", "role": "viewer", "expires_at": at.to_rfc3339()});
        let made = world.api.send(Method::POST, "/tokens", Some(body), &[]).await.expect(201).json();
        let browser = Browser::signed_in(&world, made["token"].as_str().expect("a token")).await;
        world.pass(Duration::from_secs(3_599)).await;
        browser.get("/jobs").await.expect(200);
        world.pass(Duration::from_secs(1)).await;
        browser.get("/jobs").await.expect(303);
        world.end().await;
    }

    async fn a_session_ends_after_twelve_hours(world: World) {
        let browser = Browser::signed_in(&world, ADMIN).await;
        world.pass(Duration::from_secs(12 * 3_600 - 1)).await;
        browser.get("/jobs").await.expect(200);
        world.pass(Duration::from_secs(1)).await;
        browser.get("/jobs").await.expect(303);
        world.pass(Duration::from_secs(1)).await;
        bindery::housekeeping::once(&world.context).await.expect("what ended is deleted");
        assert_eq!(world.count("console_sessions").await, 0);
        world.end().await;
    }

    async fn whoever_signs_out_is_out_wherever_the_cookie_was_copied_to(world: World) {
        let browser = Browser::signed_in(&world, ADMIN).await;
        let page = browser.press("/sign-out").await.expect(303);
        assert_eq!(page.location(), "/console/sign-in");
        assert!(page.answer.header("set-cookie").contains("Max-Age=0"));
        browser.get("/jobs").await.expect(303);
        assert_eq!(world.count("console_sessions").await, 0);
        assert_eq!(audited(&world).await.last(), Some(&("session.end".to_owned(), "/console".to_owned(), 303)));
        world.end().await;
    }

    async fn without_the_setting_there_is_no_console(either: crate::support::Either) {
        let world = either.with(&[("BINDERY_CONSOLE", "false")]).await;
        for path in ["/console", "/console/sign-in"] {
            world.api.get(path).await.expect(404);
        }
        world.end().await;
    }
}
