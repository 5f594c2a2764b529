//! What a tree may hold, and how it is listed and served.

use std::time::Duration;

use bindery::git::Oid;
use bindery::simulator::Route;
use futures_util::FutureExt as _;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{Engine, World, stories};

stories! {
    async fn g24_a_truncated_listing_is_walked(world: World) {
        let repo = world.github.create_repository("octo", "big").await;
        world.github.push(repo, "main", |change| {
            (0..60).fold(change, |change, n| change.write(format!("d{}/e{}/{n}", n % 3, n % 7), n.to_string()))
        }).await;
        world.settle().await;
        world.github.set_tree_limit(25);
        let binding = world.bind("site", "big", json!({})).await;
        assert_eq!(binding["last_sync_status"], "succeeded", "{binding}");
        assert_eq!(world.files("site").await.len(), 60);
        world.end().await;
    }

    async fn c06_c08_symlinks_and_submodules_are_listed_and_not_followed(world: World) {
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let modules = format!(
            "[submodule \"sub\"]\n\tpath = sub\n\turl = http://{}/x\n[submodule \"run\"]\n\tpath = run\n\turl = ext::sh -c true\n",
            elsewhere.local_addr().expect("its address")
        );
        let repo = world.github.create_repository("octo", "links").await;
        world.github.push(repo, "main", |change| {
            let change = change.write("a", "1").executable("run", "2").write(".gitmodules", &modules);
            change.symlink("link", "/etc/passwd").symlink("up", "..").submodule("sub", Oid::from_bytes([7; 20]))
        }).await;
        world.settle().await;
        world.bind("site", "links", json!({})).await;
        let blobs = world.asked().into_iter().filter(|route| *route == Route::Blob).count();
        assert_eq!(blobs, 3, "not even where a link leads to is read");
        assert!(elsewhere.accept().now_or_never().is_none(), "nobody else was asked");
        let listing = world.api.get("/orgs/acme/bindings/site/files").await.expect(200).json();
        let modes: Vec<(&str, &str, bool)> = listing["files"].as_array().unwrap().iter()
            .map(|file| (file["path"].as_str().unwrap(), file["mode"].as_str().unwrap(), file["skipped"].is_null()))
            .collect();
        let expected = [
            (".gitmodules", "100644", true), ("a", "100644", true), ("link", "120000", false),
            ("run", "100755", true), ("sub", "160000", false), ("up", "120000", false),
        ];
        assert_eq!(modes, expected);
        for path in ["link", "up", "sub", "link/passwd"] {
            world.api.get(&format!("/orgs/acme/bindings/site/files/{path}")).await.expect(404);
        }
        world.end().await;
    }

    async fn c09_a_pointer_of_lfs_is_a_text_and_leads_nowhere(world: World) {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
        let settings = "[lfs]\n\turl = http://169.254.169.254/lfs\n";
        let files = [(".lfsconfig", settings), (".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n"), ("big.bin", pointer)];
        world.repository("large", &files).await;
        world.asked();
        let binding = world.bind("site", "large", json!({})).await;
        assert_eq!(binding["last_sync_status"], "succeeded", "{binding}");
        assert_eq!(world.files("site").await, files.map(|(path, text)| (path.to_owned(), text.to_owned())).into());
        let once: std::collections::BTreeSet<String> = world.asked().iter().map(|route| format!("{route:?}")).collect();
        assert_eq!(once, ["Blob", "Commit", "Repository", "RepositoryInstallation", "Tree"].map(str::to_owned).into());
        world.end().await;
    }

    async fn c01_c02_a_dangerous_name_refuses_the_tree(world: World) {
        let repo = world.repository("templates", &[("a", "good")]).await;
        world.bind("site", "templates", json!({})).await;
        for name in [".git/config", "x/.GIT/y", "..", "a\\b", "git~1/x", "C:x"] {
            world.github.push(repo, "main", |change| change.write("a", "evil").write(name, "x")).await;
            world.settle().await;
            let binding = world.binding("site").await;
            assert!(binding["last_sync_error"].as_str().unwrap_or_default().contains("refused"), "{name}: {binding}");
            assert_eq!(world.files("site").await["a"], "good", "{name}");
            world.github.push(repo, "main", |change| change.clear().write("a", "good")).await;
            world.settle().await;
        }
        world.end().await;
    }

    async fn c13_a_file_becomes_a_folder_and_back(world: World) {
        let repo = world.repository("templates", &[("x", "file")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.push(repo, "main", |change| change.remove("x").write("x/y", "folder")).await;
        world.settle().await;
        assert_eq!(world.files("site").await, [("x/y".into(), "folder".into())].into());
        world.github.push(repo, "main", |change| change.remove("x/y").write("x", "file")).await;
        world.settle().await;
        assert_eq!(world.files("site").await, [("x".into(), "file".into())].into());
        world.end().await;
    }

    async fn c18_an_empty_tree_is_published_when_github_says_so(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.github.push(repo, "main", |change| change.remove("a")).await;
        world.settle().await;
        assert_eq!(world.files("site").await.len(), 0);
        assert_eq!(world.binding("site").await["last_sync_status"], "succeeded");
        world.end().await;
    }

    async fn c15_markup_is_served_so_that_it_cannot_run(world: World) {
        let text = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>1</script>";
        let names = ["x.html", "x.svg", "x.js", "x.css"];
        world.repository("templates", &names.map(|name| (name, text))).await;
        world.bind("site", "templates", json!({})).await;
        for name in names {
            let answer = world.api.get(&format!("/orgs/acme/bindings/site/files/{name}")).await.expect(200);
            assert_eq!(answer.bytes, text.as_bytes());
            assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8", "{name}");
            assert!(answer.header("content-disposition").starts_with("attachment"), "{name}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("content-security-policy"), "sandbox; default-src 'none'");
        }
        world.end().await;
    }

    async fn replaced_content_and_unused_blobs_are_collected_after_the_grace(world: World) {
        let repo = world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.push(repo, &[("a", "2")]).await;
        world.settle().await;
        bindery::housekeeping::once(&world.context).await.unwrap();
        assert_eq!((world.count("contents").await, world.count("blobs").await), (2, 2));
        world.clock.advance(Duration::from_secs(3 * 3600 + 1));
        bindery::housekeeping::once(&world.context).await.unwrap();
        assert_eq!((world.count("contents").await, world.count("blobs").await), (1, 1));
        assert_eq!(world.files("site").await["a"], "2");
        world.end().await;
    }

    async fn a_deleted_binding_takes_its_content_with_it(world: World) {
        world.repository("templates", &[("a", "1")]).await;
        world.bind("site", "templates", json!({})).await;
        world.api.delete("/orgs/acme/bindings/site").await.expect(204);
        assert_eq!((world.count("contents").await, world.count("content_files").await), (0, 0));
        world.api.get("/orgs/acme/bindings/site").await.expect(404);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c10_too_many_and_too_large_files_are_refused_with_the_limit() {
    let limits = [
        ("BINDERY_SYNC_MAX_FILES", "3"),
        ("BINDERY_SYNC_MAX_FILE", "1KiB"),
        ("BINDERY_SYNC_MAX_TOTAL", "2KiB"),
    ];
    let world = World::with(Engine::Sqlite, &limits).await;
    let big = "x".repeat(1025);
    let (large, half) = (big.as_str(), &big[..1000]);
    let cases: [(&str, &[(&str, &str)]); 3] = [
        ("many", &[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")]),
        ("file", &[("a", large)]),
        ("total", &[("a", half), ("b", half), ("c", half)]),
    ];
    for (name, files) in cases {
        world.repository(name, files).await;
        let binding = world.bind(name, name, json!({})).await;
        let error = binding["last_sync_error"].as_str().unwrap_or_default();
        assert!(
            error.contains("too_large") && error.contains("BINDERY_SYNC_MAX"),
            "{name}: {binding}"
        );
    }
    world.end().await;
}
