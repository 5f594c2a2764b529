//! Forms that nobody who is signed in meant to send.

use super::browser::fields;
use super::{Browser, audited, lived_in, visitor};
use crate::support::{ADMIN, World, stories};

const SYNC: &str = "/console/orgs/acme/bindings/site/sync";
const FROM_HERE: (&str, &str) = ("sec-fetch-site", "same-origin");

stories! {
    async fn a_form_without_the_sessions_own_key_is_refused(world: World) {
        lived_in(&world).await;
        let browser = Browser::signed_in(&world, ADMIN).await;
        let others = Browser::signed_in(&world, ADMIN).await.key().await;
        let jobs = world.jobs().await.len();
        for form in [fields(&[("key", "")]), fields(&[("key", "x")]), fields(&[("key", &others)])] {
            let page = browser.send_form(SYNC, form, &[FROM_HERE]).await.expect(403);
            page.has("was not sent from a page of yours");
        }
        browser.send_form(SYNC, String::new(), &[FROM_HERE]).await.expect(400);
        assert_eq!(world.jobs().await.len(), jobs, "nothing was done");
        let refused = ("binding.sync".to_owned(), "/orgs/acme/bindings/site/sync".to_owned(), 403);
        assert_eq!(audited(&world).await.iter().filter(|event| **event == refused).count(), 3);
        world.end().await;
    }

    async fn a_form_of_another_sites_page_is_refused_though_it_has_the_key(world: World) {
        lived_in(&world).await;
        let browser = Browser::signed_in(&world, ADMIN).await;
        let form = fields(&[("key", &browser.key().await)]);
        let jobs = world.jobs().await.len();
        let own = world.api.url("");
        for headers in [
            &[("sec-fetch-site", "cross-site"), ("origin", own.as_str())][..],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[],
        ] {
            browser.send_form(SYNC, form.clone(), headers).await.expect(403);
        }
        assert_eq!(world.jobs().await.len(), jobs, "nothing was done");
        browser.send_form(SYNC, form.clone(), &[("origin", own.as_str())]).await.expect(303);
        world.settle().await;
        assert_eq!(world.jobs().await.len(), jobs + 1);
        world.end().await;
    }

    async fn nobody_is_made_to_sign_in_by_another_sites_page(world: World) {
        let stranger = Browser::new(&world);
        let form = fields(&[("token", ADMIN)]);
        for headers in [&[("sec-fetch-site", "cross-site")][..], &[]] {
            let page = stranger.send_form("/console/sign-in", form.clone(), headers).await.expect(403);
            assert_eq!(page.answer.header("set-cookie"), "");
        }
        world.end().await;
    }

    async fn a_form_of_nobodys_leads_to_where_one_signs_in(world: World) {
        lived_in(&world).await;
        let jobs = world.jobs().await.len();
        let stranger = Browser::new(&world);
        let page = stranger.send_form(SYNC, fields(&[("key", "x")]), &[FROM_HERE]).await.expect(303);
        assert_eq!(page.location(), "/console/sign-in");
        assert_eq!(world.jobs().await.len(), jobs);
        world.end().await;
    }

    async fn a_viewer_does_nothing_and_is_offered_nothing(world: World) {
        lived_in(&world).await;
        let delivery = world.last_delivery("push").await.id;
        let job = world.last_job().await.id;
        let viewer = visitor(&world, None, "viewer").await;
        let jobs = world.jobs().await.len();
        let buttons = [
            "/orgs/acme/bindings/site/sync".to_owned(),
            format!("/deliveries/{delivery}/replay"),
            format!("/jobs/{job}/retry"),
            format!("/jobs/{job}/cancel"),
        ];
        for button in &buttons {
            viewer.press(button).await.expect(403).has("needs the role operator");
        }
        for page in ["/orgs/acme/bindings/site", &format!("/deliveries/{delivery}"), &format!("/jobs/{job}")] {
            let page = viewer.get(page).await.expect(200);
            assert_eq!(page.text().matches("<form method=\"post\"").count(), 1, "to sign out");
        }
        viewer.get("/audit").await.expect(403).has("needs the role admin");
        viewer.get("").await.expect(200).lacks("/console/audit");
        assert_eq!(world.jobs().await.len(), jobs);
        world.end().await;
    }
}
