//! What goes wrong is said in one sentence, with what to check; and no secret is in it.

use tempfile::TempDir;

use super::{Ran, bindery, ran, run};
use crate::support::{ADMIN, Engine, World, stories};

async fn ask(url: &str, token: &str) -> Ran {
    let mut command = bindery(&["orgs"]);
    command.env("BINDERY_URL", url).env("BINDERY_TOKEN", token);
    let ran = ran(command).await.expect(1);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(
        !ran.err.contains(token) && ran.out.is_empty(),
        "{}{}",
        ran.out,
        ran.err
    );
    ran
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_answer_is_told_from_who_refuses() {
    let world = World::on(Engine::Sqlite).await;
    let url = world.api.url("");
    let canary = "a-canary-of-a-token";
    ask(&url, canary)
        .await
        .says("refuses the token of BINDERY_TOKEN");
    ask("http://127.0.0.1:1", canary)
        .await
        .says("nothing listens at http://127.0.0.1:1");
    ask(&format!("{url}/nowhere"), ADMIN)
        .await
        .says("check the path prefix");
    ask(&world.github.url(), canary)
        .await
        .says("not as Bindery's API");
    ask(&url.replace("http:", "https:"), canary)
        .await
        .says("no trusted connection");
    ask("http://nobody.invalid", canary)
        .await
        .says("leads nowhere");
    ask("bindery.example", canary)
        .await
        .says("begins with https://");
    let mut without = bindery(&["orgs"]);
    without.env("BINDERY_URL", &url);
    ran(without)
        .await
        .expect(1)
        .says("no token for the service");
    // GitHub was asked for what it does not have.
    world.discard().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clients_file_says_whom_to_ask_and_is_kept_from_others() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::on(Engine::Sqlite).await;
    let home = TempDir::new().expect("a folder");
    let folder = home.path().join(".config/bindery");
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("client.toml");
    let text = format!("url = \"{}\"\ntoken = \"{ADMIN}\"\n", world.api.url(""));
    std::fs::write(&file, text).expect("a file");
    let with_mode = async |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("a mode");
        let mut command = bindery(&["orgs"]);
        command.env("HOME", home.path());
        ran(command).await
    };
    with_mode(0o600).await.expect(0).says("acme");
    let refused = with_mode(0o640).await.expect(1);
    refused.says("chmod 600");
    assert!(!refused.err.contains(ADMIN), "{}", refused.err);
    world.end().await;
}

stories! {
    async fn what_is_wrong_with_a_command_line_is_said_before_anybody_is_asked(world: World) {
        for (command, words) in [
            (&["get", "site"][..], "acme/docs/site"),
            (&["get", "acme/My_Site"][..], "\"My_Site\" is no name"),
            (&["bind", "acme/site", "octo"][..], "owner/repo@ref"),
            (&["bind", "acme/site", "octo/x@a..b"][..], "not a valid ref name"),
            (&["bindings", "--status", "fine"][..], "pending, succeeded, failed"),
            (&["sync"][..], "PLACE"),
            (&["sync", "acme/site", "--all"][..], "cannot be used with"),
            (&["tokens", "create", "--label", "x", "--role", "king"][..], "viewer, operator, admin"),
            (&["orgs", "--token", "x"][..], "--token"),
            (&["orgs", "--url", "http://x", "--local"][..], "cannot be used with"),
        ] {
            run(&world, command).await.expect(2).says(words);
        }
        run(&world, &["bind", "acme/site", "octo/x", "--host", "ghe.example"]).await.expect(1).says("no GitHub App is configured there");
        run(&world, &["cat", "acme/site", "../x"]).await.expect(1).says("as it is listed");
        world.end().await;
    }
}
