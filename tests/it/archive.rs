//! Archives: a source of bytes for many files at once, and of nothing else, however they lie.

mod made;
mod memory;

use std::collections::BTreeMap;

use bindery::git::{ObjectKind, Oid, hash_object};
use bindery::github::ids::RepositoryId;
use bindery::simulator::{Change, Fault, Route};
use futures_util::FutureExt as _;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{Either, World, binding_path, logs, stories};
use made::{endless_bomb, endless_noise, huge, tarball};

/// More than are fetched one by one.
pub const MANY: usize = 80;

/// Files whose bytes are nobody else's, and cannot be packed.
pub fn files(repo: &str) -> BTreeMap<String, String> {
    let text = |n: usize| {
        let part = |part| {
            let seed = format!("{repo} {n} {part}");
            hash_object(ObjectKind::Blob, seed.as_bytes()).to_string()
        };
        (0..20).map(part).collect::<String>()
    };
    (0..MANY)
        .map(|n| (format!("d{}/{n}.txt", n % 7), text(n)))
        .collect()
}

fn written(change: Change, files: &BTreeMap<String, String>) -> Change {
    files
        .iter()
        .fold(change, |change, (path, text)| change.write(path, text))
}

/// A repository of many files, which nobody has read yet.
async fn repository(world: &World, name: &str) -> RepositoryId {
    let repo = world.github.create_repository("octo", name).await;
    let files = files(name);
    world
        .github
        .push(repo, "main", |change| written(change, &files))
        .await;
    world.settle().await;
    world.asked();
    repo
}

/// How often an archive was asked for, was handed out, and how many files were asked for by themselves.
fn costs(world: &World) -> (usize, usize, usize) {
    let asked = world.asked();
    let count = |wanted| asked.iter().filter(|route| **route == wanted).count();
    (
        count(Route::Archive),
        count(Route::Codeload),
        count(Route::Blob),
    )
}

stories! {
    async fn c06_c08_every_byte_is_as_it_is_in_git(world: World) {
        let repo = world.github.create_repository("octo", "all").await;
        let bytes: Vec<u8> = (0..70_000_u32).map(|n| (n % 251) as u8).collect();
        let long = format!("{}/{}.txt", "long".repeat(30), "name".repeat(30));
        let mut all = files("all");
        all.insert(long, "a long way".into());
        all.insert("empty".into(), String::new());
        all.insert("dos.txt".into(), "a\r\nb\r\n".into());
        world.github.push(repo, "main", |change| {
            let change = written(change, &all).write("binary", &bytes).executable("run", "#!/bin/sh\n");
            change.symlink("link", "d0/0.txt").submodule("sub", Oid::from_bytes([7; 20]))
        }).await;
        world.settle().await;
        world.asked();
        let binding = world.bind("site", "all", json!({})).await;
        assert_eq!(binding["last_sync_status"], "succeeded", "{binding}");
        assert_eq!(costs(&world), (1, 1, 0));
        let served = world.api.get(&format!("{}/files/binary", binding_path("site"))).await.expect(200);
        assert_eq!(served.bytes, bytes);
        let result = world.last_job().await.result.unwrap().0;
        assert_eq!((&result["downloaded"], &result["archived"]), (&json!(all.len() + 2), &json!(all.len() + 2)));
        for (path, text) in &all {
            let served = world.api.get(&format!("{}/files/{path}", binding_path("site"))).await.expect(200);
            assert_eq!(String::from_utf8_lossy(&served.bytes), *text, "{path}");
        }
        world.end().await;
    }

    async fn c09_what_attributes_change_or_leave_out_is_fetched_as_it_is_in_git(world: World) {
        let repo = world.github.create_repository("octo", "attributes").await;
        let mut all = files("attributes");
        all.insert(".gitattributes".into(), "version export-subst\n*.secret export-ignore\ntests export-ignore\n".into());
        all.insert("version".into(), "$Format:%H$".into());
        all.insert("a.secret".into(), "left out".into());
        all.insert("tests/x".into(), "left out with its folder".into());
        world.github.push(repo, "main", |change| written(change, &all)).await;
        world.settle().await;
        world.asked();
        world.bind("site", "attributes", json!({})).await;
        assert_eq!(costs(&world), (1, 1, 3));
        assert_eq!(world.files("site").await, all);
        world.end().await;
    }

    async fn only_the_root_path_is_taken_of_it(world: World) {
        let repo = world.github.create_repository("octo", "deep").await;
        let below = files("deep");
        world.github.push(repo, "main", |change| {
            let change = change.write("d0/0.txt", "not this one").write("a/bb/d0/0.txt", "nor this one");
            below.iter().fold(change, |change, (path, text)| change.write(format!("a/b/{path}"), text))
        }).await;
        world.settle().await;
        world.asked();
        world.bind("site", "deep", json!({"root_path": "/a/b"})).await;
        assert_eq!(costs(&world), (1, 1, 0));
        assert_eq!(world.files("site").await, below);
        assert_eq!(world.count("blobs").await, MANY as i64);
        world.end().await;
    }

    async fn few_files_are_fetched_one_by_one(world: World) {
        let few: Vec<(String, String)> = files("few").into_iter().take(63).collect();
        let few: Vec<(&str, &str)> = few.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        world.repository("few", &few).await;
        world.asked();
        world.bind("site", "few", json!({})).await;
        assert_eq!(costs(&world), (0, 0, 63));
        world.end().await;
    }

    async fn g10_what_came_before_an_archive_broke_is_kept(world: World) {
        repository(&world, "broken").await;
        world.github.fail(Fault::on(Route::Codeload).cut());
        world.github.fail(Fault::on(Route::Blob).status(502));
        world.bind("site", "broken", json!({})).await;
        let kept = world.count("blobs").await;
        assert!(kept > 0 && kept < MANY as i64, "{kept}");
        world.github.clear_faults();
        world.asked();
        world.pass(std::time::Duration::from_secs(60)).await;
        let (.., blobs) = costs(&world);
        assert!(blobs as i64 <= MANY as i64 - kept, "{blobs} after {kept}");
        assert_eq!(world.files("site").await, files("broken"));
        world.end().await;
    }

    async fn g14_an_archive_that_lies_fails_nothing_and_is_not_believed(either: Either) {
        // Each lie costs as many requests as there are files.
        let world = either.with(&[("GITHUB_REQUESTS_PER_MINUTE", "100000")]).await;
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let away = format!("http://{}/octo.tar.gz", elsewhere.local_addr().expect("its address"));
        let link = |to: &str| Fault::on(Route::Archive).status(302).header("location", to);
        let codeload = || Fault::on(Route::Codeload);
        let forged: Vec<(String, Vec<u8>)> = files("other").into_iter()
            .map(|(path, text)| (format!("top/{path}"), text.into_bytes())).collect();
        let tricks = ["/etc/passwd", "../../d0/0.txt", "top/../d0/0.txt", "top\\d0\\0.txt", "top/C:/d0/0.txt", "top/./d0/0.txt", "d0/0.txt"];
        let tricks = tricks.map(|path| (path.to_owned(), files("tricks")["d0/0.txt"].clone().into_bytes()));
        let cases: Vec<(&str, Fault)> = vec![
            ("none", Fault::on(Route::Archive).status(404)),
            ("failing", Fault::on(Route::Archive).status(502)),
            ("no-link", Fault::on(Route::Archive).status(200).replace(tarball(&forged))),
            ("nowhere", Fault::on(Route::Archive).status(302)),
            ("elsewhere", link(&away)),
            ("user", link(&world.github.url().replace("http://", "http://user:word@"))),
            ("gone", codeload().status(404)),
            ("down", codeload().status(503)),
            ("on", codeload().status(302).header("location", "/_codeload/again")),
            ("noise", codeload().replace("no archive at all")),
            ("nothing", codeload().replace("")),
            ("forged", codeload().replace(tarball(&forged))),
            ("tricks", codeload().replace(tarball(&tricks))),
            ("huge", codeload().replace(huge())),
            ("bomb", endless_bomb(codeload())),
            ("endless", endless_noise(codeload())),
        ];
        for (name, fault) in cases {
            repository(&world, name).await;
            world.github.fail(fault);
            let binding = world.bind(name, name, json!({})).await;
            assert_eq!(binding["last_sync_status"], "succeeded", "{name}: {binding}");
            let (archives, _, blobs) = costs(&world);
            assert_eq!((archives, blobs), (1, MANY), "{name}");
            assert_eq!(world.files(name).await, files(name), "{name}");
            world.github.clear_faults();
        }
        assert!(elsewhere.accept().now_or_never().is_none(), "another server was asked");
        world.end().await;
    }

    async fn a_cut_archive_is_made_up_for(world: World) {
        repository(&world, "cut").await;
        world.github.fail(Fault::on(Route::Codeload).cut());
        world.bind("site", "cut", json!({})).await;
        let (archives, codeloads, blobs) = costs(&world);
        assert_eq!((archives, codeloads), (1, 1));
        assert!(blobs > 0 && blobs < MANY, "{blobs}");
        assert_eq!(world.files("site").await, files("cut"));
        world.end().await;
    }

    async fn g01_a_rate_limit_is_not_met_with_a_flood(world: World) {
        repository(&world, "limited").await;
        world.put_binding("site", "limited", json!({})).await.expect(201);
        world.github.fail(Fault::on(Route::Archive).status(429).header("retry-after", "60"));
        world.settle().await;
        assert_eq!(costs(&world), (1, 0, 0), "nobody asks on");
        world.github.clear_faults();
        world.pass(std::time::Duration::from_secs(62)).await;
        assert_eq!(costs(&world), (1, 1, 0));
        assert_eq!(world.files("site").await, files("limited"));
        world.end().await;
    }

    async fn i7_the_token_of_a_link_is_in_no_log(world: World) {
        logs::listen();
        for (name, fault) in [("good", None), ("bad", Some(Fault::on(Route::Codeload).status(500))), ("half", Some(Fault::on(Route::Codeload).cut()))] {
            repository(&world, name).await;
            if let Some(fault) = fault {
                world.github.fail(fault);
            }
            world.bind(name, name, json!({})).await;
            world.github.clear_faults();
        }
        assert!(!logs::lines_with("the archive is of no more use").is_empty());
        let tokens: Vec<String> = world.github.credentials().into_iter().filter(|it| it.starts_with("AAB")).collect();
        assert_eq!(tokens.len(), 3);
        for token in tokens {
            assert_eq!(logs::lines_with(&token), [""; 0]);
        }
        assert_eq!(logs::lines_with("legacy.tar.gz"), [""; 0]);
        world.end().await;
    }
}
