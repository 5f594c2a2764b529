//! `bindery demo` as a process, on repositories that are made for it.

use std::path::Path;
use std::process::{Command, Output};

/// A history with all that a folder can hold: ten commits and the merge of two more.
struct Repository(tempfile::TempDir);

impl Repository {
    fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        repository.git(&["init", "-q", "-b", "main"]);
        repository
    }

    fn with_history() -> Self {
        let repository = Self::new();
        repository.commit("site/index.html", "<h1>0</h1>");
        std::os::unix::fs::symlink("index.html", repository.at("site/home.html")).unwrap();
        repository.executable("site/bin/build.sh", "#!/bin/sh\n");
        for number in 1..9 {
            let deep = format!("site/pages/{}/page {number}.html", number % 3);
            repository.commit(&deep, &format!("{number}\n"));
        }
        repository.git(&["switch", "-q", "-c", "side", "HEAD~2"]);
        repository.commit("readme", "aside");
        repository.commit("site/ünïcode.txt", "\u{fe0f}");
        repository.git(&["switch", "-q", "main"]);
        repository.git(&["merge", "-q", "--no-ff", "-m", "Merge the side", "side"]);
        repository
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(path)
    }

    fn commit(&self, path: &str, text: &str) {
        std::fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        std::fs::write(self.at(path), text).unwrap();
        self.git(&["add", "."]);
        self.git(&["commit", "-q", "-m", &format!("Write {path}")]);
    }

    fn executable(&self, path: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        std::fs::write(self.at(path), text).unwrap();
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.at(path), mode).unwrap();
        self.git(&["add", "."]);
        self.git(&["commit", "-q", "-m", "Build"]);
    }

    fn git(&self, arguments: &[&str]) {
        let output = Command::new("git")
            .arg("-C")
            .arg(self.0.path())
            .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.com"])
            .args(["-c", "commit.gpgsign=false"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

fn demo(repository: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bindery"))
        .args(["demo", "--repo"])
        .arg(repository)
        .args(arguments)
        // It must not care for what is set up here.
        .env("DATABASE_URL", "postgres://nobody@nowhere.invalid/nothing")
        .env("GITHUB_API_URL", "https://nowhere.invalid")
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn what_is_published_is_what_git_has() {
    let repository = Repository::with_history();
    let output = demo(repository.0.path(), &[]);
    let shown = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        shown
            .lines()
            .filter(|line| line.contains("  lost  "))
            .count(),
        1,
        "{shown}"
    );
    for part in [
        "comes again: duplicate, 0 jobs made",
        "renamed by now",
        "11 files, byte for byte",
        "home.html (symlink)",
        "published tree = git rev-parse",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(
        shown.ends_with("verdict: what is published is what git has\n"),
        "{shown}"
    );
}

#[test]
fn a_push_outside_the_folder_needs_no_job() {
    let repository = Repository::new();
    for (path, text) in [("a/1", "1"), ("b/1", "1"), ("b/2", "2"), ("a/2", "2")] {
        repository.commit(path, text);
    }
    let output = demo(repository.0.path(), &["--path", "a", "--commits", "3"]);
    let shown = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(shown.contains("outside_root_path"), "{shown}");
}

#[test]
fn one_commit_is_enough() {
    let repository = Repository::new();
    repository.commit("only", "this");
    let output = demo(repository.0.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn where_there_is_no_repository_it_says_what_to_give() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path(), &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.starts_with("bindery: ") && said.contains("give --repo PATH"),
        "{said}"
    );
}

#[test]
fn nobody_has_to_read_to_the_end() {
    let repository = Repository::new();
    repository.commit("only", "this");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_bindery"))
        .args(["demo", "--repo"])
        .arg(repository.0.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(demo.stdout.take());
    let output = demo.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}
