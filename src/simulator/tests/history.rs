use std::path::Path;
use std::process::Command;

use crate::git::{EntryMode, Oid};
use crate::github::ids::RepositoryId;
use crate::simulator::{Change, Selection};

use super::Story;

async fn repository(story: &Story) -> RepositoryId {
    story.github.create_organization("octo");
    story.github.install("octo", Selection::All).await;
    story.github.create_repository("octo", "templates").await
}

fn git(at: &Path, arguments: &[&str]) -> String {
    let run = Command::new("git")
        .arg("-C")
        .arg(at)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
    String::from_utf8(run.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn shas_are_gits_own() {
    let story = Story::begin().await;
    let repository = repository(&story).await;
    let message = "Begin\n\nWith a body.\n";
    let pushed = story
        .github
        .push(repository, "main", |files| {
            files
                .write("lib.rs", "1")
                .write("lib/a", "2")
                .write("lib-x", "3")
                .executable("run", "#!")
                .symlink("to", "lib.rs")
                .message(message)
        })
        .await;

    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    git(at, &["init", "-q", "-b", "main"]);
    std::fs::create_dir(at.join("lib")).unwrap();
    for (path, content) in [
        ("lib.rs", "1"),
        ("lib/a", "2"),
        ("lib-x", "3"),
        ("run", "#!"),
    ] {
        std::fs::write(at.join(path), content).unwrap();
    }
    std::os::unix::fs::symlink("lib.rs", at.join("to")).unwrap();
    git(at, &["add", "."]);
    git(at, &["update-index", "--chmod=+x", "run"]);
    let tree = git(at, &["write-tree"]);
    assert_eq!(
        story
            .github
            .tree_at(repository, pushed.after, "")
            .unwrap()
            .to_string(),
        tree
    );

    std::fs::write(at.join("message"), message).unwrap();
    let who = "octocat";
    let email = "octocat@users.noreply.github.com";
    let date = format!("{} +0000", story.clock.now().timestamp());
    let made = Command::new("git")
        .current_dir(at)
        .args(["commit-tree", &tree, "-F", "message"])
        .envs([("GIT_AUTHOR_NAME", who), ("GIT_COMMITTER_NAME", who)])
        .envs([("GIT_AUTHOR_EMAIL", email), ("GIT_COMMITTER_EMAIL", email)])
        .envs([("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)])
        .output()
        .unwrap();
    let commit = String::from_utf8(made.stdout).unwrap();
    assert_eq!(pushed.after.to_string(), commit.trim());
}

#[tokio::test]
async fn edits_apply_in_their_order_and_leave_no_empty_directories() {
    let story = Story::begin().await;
    let repository = repository(&story).await;
    let files_after = async |change: Change| {
        let pushed = story
            .github
            .push_commits(repository, "main", vec![change])
            .await;
        let files = story.github.files_at(repository, pushed.after, "");
        files.into_keys().collect::<Vec<_>>()
    };
    let first = Change::new()
        .write("a/b/c", "1")
        .write("a/d", "2")
        .write("e", "3");
    assert_eq!(files_after(first).await, ["a/b/c", "a/d", "e"]);
    assert_eq!(
        files_after(Change::new().remove("a/b/c")).await,
        ["a/d", "e"]
    );
    let swapped = Change::new()
        .remove("a")
        .write("a", "now a file")
        .write("e/f", "now a directory");
    assert_eq!(files_after(swapped).await, ["a", "e/f"]);
    let hostile = Change::new()
        .clear()
        .write(".git/config", "x")
        .write("../up", "y");
    assert_eq!(files_after(hostile).await, ["../up", ".git/config"]);
    let none: [&str; 0] = [];
    assert_eq!(files_after(Change::new().clear()).await, none);
}

#[tokio::test]
async fn the_truth_is_told_by_path() {
    let story = Story::begin().await;
    let repository = repository(&story).await;
    let module: Oid = "ce013625030ba8dba906f756967f9e9ca394464a".parse().unwrap();
    let pushed = story
        .github
        .push(repository, "main", |files| {
            files
                .write("themes/a.html", "<a>")
                .submodule("themes/mod", module)
        })
        .await;
    let files = story.github.files_at(repository, pushed.after, "/themes/");
    assert_eq!(files["a.html"], (EntryMode::File, b"<a>".to_vec()));
    assert_eq!(files["mod"], (EntryMode::Submodule, Vec::new()));
    assert_eq!(
        story
            .github
            .tree_at(repository, pushed.after, "themes/a.html"),
        None
    );
    assert_eq!(story.github.head(repository, "main"), pushed.after);
}

#[tokio::test]
async fn a_push_lists_what_really_changed() {
    let story = Story::begin().await;
    let repository = repository(&story).await;
    let first = story
        .github
        .push(repository, "main", |files| {
            files
                .write("keep", "1")
                .write("dir/change", "1")
                .write("drop", "1")
        })
        .await;
    let payload = story.last_payload("push");
    assert_eq!(payload["created"], true);
    assert_eq!(payload["before"], "0".repeat(40));
    let changes = vec![
        Change::new().write("dir/change", "2").message("One"),
        Change::new().remove("drop").write("dir/new", "1"),
    ];
    let second = story.github.push_commits(repository, "main", changes).await;
    let payload = story.last_payload("push");
    assert_eq!(payload["before"], first.after.to_string());
    assert_eq!(payload["after"], second.after.to_string());
    assert_eq!(payload["forced"], false);
    let commits = payload["commits"].as_array().unwrap();
    assert_eq!(commits.len(), 2);
    assert_eq!(commits[0]["modified"], serde_json::json!(["dir/change"]));
    assert_eq!(commits[0]["message"], "One");
    assert_eq!(commits[1]["added"], serde_json::json!(["dir/new"]));
    assert_eq!(commits[1]["removed"], serde_json::json!(["drop"]));
    assert_eq!(payload["head_commit"], commits[1]);
    assert!(
        payload["repository"]["created_at"].is_i64(),
        "an integer, in a push only"
    );
    assert_eq!(payload["repository"]["owner"]["name"], "octo");

    story
        .github
        .force_push(repository, "main", first.after)
        .await;
    let payload = story.last_payload("push");
    assert_eq!(
        (&payload["forced"], &payload["commits"]),
        (&true.into(), &serde_json::json!([]))
    );
    story.github.delete_branch(repository, "main").await;
    let payload = story.last_payload("push");
    assert_eq!(
        (&payload["deleted"], &payload["head_commit"]),
        (&true.into(), &().into())
    );
}

#[tokio::test]
async fn only_commits_that_nobody_had_are_distinct() {
    let story = Story::begin().await;
    let repository = repository(&story).await;
    let base = story
        .github
        .push(repository, "main", |files| files.write("a", "1"))
        .await;
    story
        .github
        .create_branch(repository, "work", base.after)
        .await;
    let made = story.last_payload("push");
    assert_eq!(
        made["commits"],
        serde_json::json!([]),
        "a branch at a known commit brings none"
    );
    assert_eq!(made["base_ref"], "refs/heads/main");
    let work = story
        .github
        .push(repository, "work", |files| files.write("a", "2"))
        .await;
    assert_eq!(story.last_payload("push")["commits"][0]["distinct"], true);
    story
        .github
        .push_existing(repository, "main", work.after)
        .await;
    let merged = story.last_payload("push");
    assert_eq!(merged["commits"][0]["distinct"], false);
}

#[tokio::test]
async fn a_large_repository_is_no_burden() {
    let story = Story::begin().await;
    let repository = repository(&story).await;
    let begun = std::time::Instant::now();
    let many = (0..5_000).fold(Change::new(), |files, n| {
        files.write(format!("d{}/e{}/f{n}", n % 7, n % 50), n.to_string())
    });
    story
        .github
        .push_commits(repository, "main", vec![many])
        .await;
    let payload = story.last_payload("push");
    assert_eq!(
        payload["commits"][0]["added"].as_array().unwrap().len(),
        3_000,
        "GitHub lists no more"
    );
    for n in 0..100 {
        story
            .github
            .push(repository, "main", |files| {
                files.write("d0/e0/f0", format!("v{n}"))
            })
            .await;
    }
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}
