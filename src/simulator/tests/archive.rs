use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use flate2::read::GzDecoder;
use tar::Archive;

use crate::simulator::Selection;
use crate::simulator::disk::DiskRepository;

use super::Story;

/// Kind, mode, link and bytes.
type Entry = (u8, u32, Option<Vec<u8>>, Vec<u8>);

/// The entries by their paths.
fn read(tar: impl Read) -> BTreeMap<String, Entry> {
    let mut archive = Archive::new(tar);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let link = entry.link_name_bytes().map(Cow::into_owned);
        let (kind, mode) = (entry.header().entry_type().as_byte(), entry.header().mode());
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (path, (kind, mode.unwrap(), link, bytes))
    });
    entries.collect()
}

fn git(at: &Path, arguments: &[&str]) -> Vec<u8> {
    let run = Command::new("git")
        .arg("-C")
        .arg(at)
        .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.com"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    run.stdout
}

/// All that an archive can have: long ways, links, what attributes leave out and what they put in.
fn repository(at: &Path) {
    git(at, &["init", "-q", "-b", "main"]);
    let long = format!("{}/{}", "folder".repeat(20), "name".repeat(30));
    let files = [
        ("a", "1\n"),
        ("d/e/f", "2\n"),
        (&long, "3\n"),
        ("empty", ""),
        ("version", "$Format:%H$ of it\n"),
        ("x.secret", "4\n"),
        ("tests/left/out", "5\n"),
        (
            ".gitattributes",
            "version export-subst\n*.secret export-ignore\ntests export-ignore\n",
        ),
    ];
    for (path, text) in files {
        let path = at.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::os::unix::fs::symlink("d/e/f", at.join("link")).unwrap();
    std::os::unix::fs::symlink("far/".repeat(40), at.join("far")).unwrap();
    git(at, &["add", "."]);
    git(at, &["update-index", "--chmod=+x", "a"]);
    git(at, &["commit", "-q", "-m", "All"]);
}

#[tokio::test]
async fn an_archive_is_what_git_makes_of_the_same_commit() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let disk = DiskRepository::open(folder.path(), 1).await.unwrap();
    let commit = disk.commits()[0];
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let id = story.github.create_repository("octo", "all").await;
    story.github.import(id, &disk);
    story.github.push_existing(id, "main", commit).await;

    let token = story.token(installation).await;
    let path = format!("/repositories/{id}/tarball/{commit}");
    let link = story.get(&path, &token).await;
    assert_eq!(link.status(), 302);
    let link = link.headers()["location"].to_str().unwrap().to_owned();
    let packed = story.http.get(link).send().await.unwrap();
    let packed = packed.bytes().await.unwrap();
    let prefix = format!("--prefix=octo-all-{}/", &commit.to_string()[..7]);
    let plain = [
        "-c",
        "tar.umask=0002",
        "archive",
        "--format=tar",
        &prefix,
        "HEAD",
    ];
    let by_git = git(folder.path(), &plain);
    assert_eq!(read(GzDecoder::new(&packed[..])), read(&by_git[..]));
    let comment = format!("52 comment={commit}\n");
    let mut whole = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut whole).unwrap();
    assert!(
        whole.starts_with(b"pax_global_header\0") && whole[512..].starts_with(comment.as_bytes())
    );
}

#[tokio::test]
async fn a_private_archive_is_for_who_has_a_fresh_link_and_shows_nothing_else() {
    let story = Story::begin().await;
    story.github.create_organization("octo");
    let installation = story.github.install("octo", Selection::All).await;
    let id = story.github.create_repository("octo", "hidden").await;
    let push = story.github.push(id, "main", |files| files.write("a", "1"));
    push.await;
    let token = story.token(installation).await;
    let path = format!("/repositories/{id}/tarball/main");
    assert_eq!(story.status(&path, "").await, 404);
    let link = story.get(&path, &token).await;
    let link = link.headers()["location"].to_str().unwrap().to_owned();
    let get = async |link: &str, token: Option<&str>| {
        let request = story.http.get(link);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(get(&link, None).await, 200);
    assert_eq!(
        get(&link, Some(&token)).await,
        404,
        "the API's token is told to nobody"
    );
    let (plain, _) = link.split_once('?').unwrap();
    assert_eq!(get(plain, None).await, 404);
    story.clock.advance(Duration::from_secs(300));
    assert_eq!(get(&link, None).await, 404, "old");
    story.github.publicize(id).await;
    assert_eq!(get(plain, None).await, 200);
}
