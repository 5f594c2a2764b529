use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::simulator::Selection;
use crate::simulator::disk::{DiskError, DiskRepository};

use super::Story;

fn git(at: &Path, arguments: &[&str]) {
    let run = Command::new("git")
        .arg("-C")
        .arg(at)
        .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.com"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
}

/// Three commits over one file, two directories and a file that comes and goes.
fn small_repository(at: &Path) {
    git(at, &["init", "-q", "-b", "main"]);
    std::fs::create_dir_all(at.join("themes/dark")).unwrap();
    for (n, file) in ["themes/a.html", "themes/dark/b.html", "readme"]
        .iter()
        .enumerate()
    {
        std::fs::write(at.join(file), format!("{n}\n")).unwrap();
        git(at, &["add", "."]);
        git(at, &["commit", "-q", "-m", &format!("Commit {n}")]);
    }
}

#[tokio::test]
async fn a_real_history_can_be_replayed() {
    let folder = tempfile::tempdir().unwrap();
    small_repository(folder.path());
    let disk = DiskRepository::open(folder.path(), 2).await.unwrap();
    let [first, second] = disk.commits() else {
        panic!("{disk:?}")
    };
    let story = Story::begin().await;
    story.github.create_organization("octo");
    story.github.install("octo", Selection::All).await;
    let repository = story.github.create_repository("octo", "templates").await;
    story.github.import(repository, &disk);
    story.github.push_existing(repository, "main", *first).await;
    let themes = story.github.files_at(repository, *first, "themes");
    assert_eq!(themes["dark/b.html"].1, b"1\n");
    story
        .github
        .push_existing(repository, "main", *second)
        .await;
    let payload = story.last_payload("push");
    assert_eq!(payload["commits"][0]["added"], json!(["readme"]));
    assert_eq!(payload["commits"].as_array().unwrap().len(), 1);
    assert_eq!(payload["head_commit"]["author"]["email"], "ann@example.com");
    assert_eq!(payload["forced"], false);
}

#[tokio::test]
async fn a_shallow_clone_gives_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let origin = folder.path().join("origin");
    std::fs::create_dir(&origin).unwrap();
    small_repository(&origin);
    let url = format!("file://{}", origin.display());
    git(
        folder.path(),
        &["clone", "-q", "--depth", "2", &url, "clone"],
    );
    let disk = DiskRepository::open(folder.path().join("clone"), 50)
        .await
        .unwrap();
    let whole = DiskRepository::open(&origin, 50).await.unwrap();
    assert_eq!(disk.commits(), &whole.commits()[1..]);
}

#[tokio::test]
async fn what_is_no_repository_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let open = async || DiskRepository::open(folder.path(), 5).await;
    assert!(matches!(
        open().await,
        Err(DiskError::NotARepository { .. })
    ));
    git(folder.path(), &["init", "-q"]);
    assert!(matches!(open().await, Err(DiskError::NoCommits(_))));
}

#[tokio::test]
async fn thousands_of_files_take_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    git(at, &["init", "-q", "-b", "main"]);
    for n in 0..3_000 {
        let directory = at.join(format!("d{}", n % 40));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(format!("f{n}")), n.to_string()).unwrap();
    }
    git(at, &["add", "."]);
    git(at, &["commit", "-q", "-m", "All"]);
    let begun = std::time::Instant::now();
    let disk = DiskRepository::open(at, 1).await.unwrap();
    assert_eq!(disk.len(), 1 + 1 + 40 + 3_000);
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}
