//! Several Apps: the one whose delivery it is has signed it, whatever the headers say.

use std::io::Write as _;

use tempfile::NamedTempFile;

use super::post::Post;
use super::{Either, assert_unproven, ledger, row};
use crate::support::{APP_ID, KEY, SECRET, World, stories};

const TARGET: &str = "X-GitHub-Hook-Installation-Target-ID";
const HOST: &str = "X-GitHub-Enterprise-Host";
const GHES: &str = "ghe.example.com";
/// On the Enterprise Server: an App with the number of our first one, and another.
const TWIN_SECRET: &str = "the secret of the App with the same number";
const OTHER: &str = "77";
const OTHER_SECRET: &str = "the secret of the App with another number";

fn settings() -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    for (app, secret) in [
        (APP_ID.to_string(), TWIN_SECRET),
        (OTHER.to_owned(), OTHER_SECRET),
    ] {
        let table = format!(
            "[[github]]\napi_url = 'https://{GHES}/api/v3'\napp_id = {app}\n\
             webhook_secret = '{secret}'\nprivate_key = '''{KEY}'''\n"
        );
        file.write_all(table.as_bytes()).expect("room on the disk");
    }
    file
}

async fn with_three_apps(either: Either) -> World {
    let file = settings();
    let path = file.path().to_str().expect("a path in UTF-8");
    either.with(&[("BINDERY_CONFIG", path)]).await
}

/// The host and the number of the App that a delivery was found to be of.
async fn app(world: &World, post: &Post) -> (String, i64) {
    let row = row(world, post).await.github_app_id;
    let app = world.context.apps.of_row(row).expect("an App");
    (app.host.clone(), app.app_id.get())
}

stories! {
    async fn w53_an_app_does_not_sign_for_another(either: Either) {
        let world = with_three_apps(either).await;
        assert_unproven(&world, &Post::push().with(TARGET, OTHER)).await;
        assert_unproven(&world, &Post::push().signed_with(OTHER_SECRET)).await;
        assert_unproven(&world, &Post::push().with(TARGET, "1")).await;
        assert_unproven(&world, &Post::push().and(TARGET, OTHER)).await;
        assert_unproven(&world, &Post::push().with(TARGET, format!("0{APP_ID}"))).await;
        world.end().await;
    }

    async fn each_apps_secret_proves_its_own_deliveries(either: Either) {
        let world = with_three_apps(either).await;
        let first = Post::push();
        let other = Post::push().with(TARGET, OTHER).signed_with(OTHER_SECRET).with(HOST, GHES);
        let without_target = Post::push().without(TARGET).signed_with(OTHER_SECRET);
        for post in [&first, &other, &without_target] {
            post.send(&world).await.expect(202);
        }
        let host = world.context.apps.first().expect("an App").host.clone();
        assert_eq!(app(&world, &first).await, (host, APP_ID));
        assert_eq!(app(&world, &other).await, (GHES.into(), 77));
        assert_eq!(app(&world, &without_target).await, (GHES.into(), 77));
        world.settle().await;
        world.end().await;
    }

    async fn e30_the_same_number_on_another_host_is_another_app(either: Either) {
        let world = with_three_apps(either).await;
        let twin = Post::push().with(HOST, "GHE.Example.com").signed_with(TWIN_SECRET);
        twin.send(&world).await.expect(202);
        assert_eq!(app(&world, &twin).await, (GHES.into(), APP_ID));
        assert_unproven(&world, &Post::push().with(HOST, GHES)).await;
        world.settle().await;
        world.end().await;
    }

    async fn w55_an_unknown_host_is_refused_and_not_asked(either: Either) {
        let world = with_three_apps(either).await;
        for host in ["evil.example", "", "ghe.example.com.evil.example", "example.com"] {
            assert_unproven(&world, &Post::push().with(HOST, host)).await;
        }
        assert_unproven(&world, &Post::push().with(HOST, GHES).and(HOST, "evil.example")).await;
        world.end().await;
    }

    async fn one_guid_of_two_apps_is_two_deliveries(either: Either) {
        let world = with_three_apps(either).await;
        let first = Post::push();
        let second = first.clone().with(TARGET, OTHER).signed_with(OTHER_SECRET);
        for (post, status) in [(&first, "received"), (&second, "received"), (&second, "duplicate")] {
            assert_eq!(post.send(&world).await.expect(202).json()["status"], status);
        }
        assert_eq!(ledger(&world, first.guid()).await.len(), 2);
        world.settle().await;
        world.end().await;
    }

    async fn w14_no_app_is_proven_by_anothers_secret_in_its_place(either: Either) {
        let world = with_three_apps(either).await;
        let posed = Post::push().with(HOST, GHES).with(TARGET, OTHER).signed_with(SECRET);
        assert_unproven(&world, &posed).await;
        assert_unproven(&world, &posed.signed_with(TWIN_SECRET)).await;
        world.end().await;
    }
}
