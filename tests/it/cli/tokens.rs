//! The secret of a token is printed once, and nowhere else.

use super::{bindery, ran, run};
use crate::support::{World, stories};

stories! {
    async fn a_token_is_printed_once_alone_and_never_again(world: World) {
        let create = ["tokens", "create", "--label", "ci", "--role", "operator", "--org", "acme", "--expires-in", "9000d"];
        let made = run(&world, &create).await.expect(0);
        let secret = made.out.trim().to_owned();
        assert_eq!(made.out, format!("{secret}\n"));
        assert!(!made.err.contains(&secret), "{}", made.err);

        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        std::fs::write(&file, &made.out).expect("a file");
        let (file, url) = (file.display().to_string(), world.api.url(""));
        let by_file = ["orgs", "-o", "json", "--url", &url, "--token-file", &file];
        let seen = ran(bindery(&by_file)).await.expect(0).json();
        assert_eq!((seen[0]["slug"].as_str(), seen.as_array().map(Vec::len)), (Some("acme"), Some(1)));
        let refused = ran(bindery(&["orgs", "put", "x", "--url", &url, "--token-file", &file])).await.expect(1);
        refused.says("this needs");

        let list = run(&world, &["tokens", "-o", "json"]).await.expect(0);
        let id = list.json()[0]["id"].to_string();
        for command in [&["tokens"][..], &["audit"], &["tokens", "revoke", &id]] {
            let told = run(&world, command).await.expect(0);
            assert!(!format!("{}{}", told.out, told.err).contains(&secret), "{command:?}");
        }
        let revoked = ran(bindery(&by_file)).await.expect(1);
        revoked.says(&format!("refuses the token of {file}"));
        assert!(!revoked.err.contains(&secret), "{}", revoked.err);
        world.end().await;
    }
}
