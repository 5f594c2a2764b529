//! What git itself says of the repository: the other side of every comparison.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::binding::RootPath;
use crate::git::{EntryMode, Oid};

/// The `git` command, in one repository.
#[derive(Debug)]
pub(super) struct Git(PathBuf);

/// One line of `git ls-tree`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) mode: EntryMode,
    pub(super) oid: Oid,
    pub(super) path: String,
}

impl Git {
    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Every path that differs between two commits.
    pub(super) async fn changed(&self, before: Oid, after: Oid) -> anyhow::Result<Vec<String>> {
        let (before, after) = (before.to_string(), after.to_string());
        let said = self
            .ask(&["diff-tree", "-r", "-z", "--name-only", &before, &after])
            .await?;
        Ok(texts(&said))
    }

    /// The first line of a commit's message.
    pub(super) async fn subject(&self, commit: Oid) -> anyhow::Result<String> {
        let said = self
            .ask(&[
                "log",
                "-1",
                "--no-show-signature",
                "--format=%s",
                &commit.to_string(),
            ])
            .await?;
        Ok(String::from_utf8_lossy(&said).trim().to_owned())
    }

    /// The tree under a path of a commit; `None` where there is no folder.
    pub(super) async fn tree(&self, commit: Oid, root: &RootPath) -> anyhow::Result<Option<Oid>> {
        let path = root.as_str().trim_matches('/');
        let spec = match path {
            "" => format!("{commit}^{{tree}}"),
            path => format!("{commit}:{path}"),
        };
        let said = self.ask(&["rev-parse", "--verify", "--quiet", &spec]).await;
        Ok(match said {
            Ok(said) => Some(String::from_utf8_lossy(&said).trim().parse()?),
            Err(_) => None,
        })
    }

    /// All that is below a tree, or a commit's.
    pub(super) async fn list(&self, tree: Oid) -> anyhow::Result<Vec<Listed>> {
        let said = self
            .ask(&["ls-tree", "-r", "-z", "--full-tree", &tree.to_string()])
            .await?;
        texts(&said).iter().map(|line| listed(line)).collect()
    }

    /// The paths of the files of a commit: not of its symlinks and submodules.
    pub(super) async fn files(&self, commit: Oid) -> anyhow::Result<Vec<String>> {
        let listed = self.list(commit).await?.into_iter();
        let files = listed.filter(|entry| entry.mode.is_file());
        Ok(files.map(|entry| entry.path).collect())
    }

    /// The bytes of blobs, as `git cat-file` gives them.
    pub(super) async fn blobs(&self, oids: &[Oid]) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut child = self
            .command(&["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start git")?;
        let mut stdin = child.stdin.take().context("git takes no input")?;
        let asked: String = oids.iter().map(|oid| format!("{oid}\n")).collect();
        let ask = async move {
            stdin.write_all(asked.as_bytes()).await?;
            // Dropping it says that there is no more.
            drop(stdin);
            Ok::<_, std::io::Error>(())
        };
        let (_, output) = tokio::try_join!(ask, child.wait_with_output())?;
        let mut rest = output.stdout.as_slice();
        oids.iter().map(|oid| take_blob(*oid, &mut rest)).collect()
    }

    async fn ask(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let output = self.command(arguments).output().await;
        let output = output.context("cannot start git")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`git {}` failed: {}", arguments.join(" "), said.trim());
        }
        Ok(output.stdout)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(&self.0)
            .args(arguments)
            // A caller that is itself a git hook has these set, to another repository.
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

/// What `-z` separates.
fn texts(said: &[u8]) -> Vec<String> {
    said.split(|byte| *byte == 0)
        .filter(|text| !text.is_empty())
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect()
}

/// `<mode> <kind> <sha>\t<path>`
fn listed(line: &str) -> anyhow::Result<Listed> {
    let read = || {
        let (head, path) = line.split_once('\t')?;
        let mut words = head.split(' ');
        Some(Listed {
            mode: words.next()?.parse().ok()?,
            oid: words.nth(1)?.parse().ok()?,
            path: path.to_owned(),
        })
    };
    read().with_context(|| format!("git ls-tree said {line:?}"))
}

/// One answer of `cat-file --batch`: `<sha> blob <size>`, the bytes, an end of line.
fn take_blob(oid: Oid, rest: &mut &[u8]) -> anyhow::Result<Vec<u8>> {
    let end = rest.iter().position(|byte| *byte == b'\n');
    let (head, bytes) = rest.split_at(end.with_context(|| format!("git has no {oid}"))?);
    let head = String::from_utf8_lossy(head);
    let size: usize = head
        .strip_prefix(&format!("{oid} blob "))
        .and_then(|size| size.parse().ok())
        .with_context(|| format!("git cat-file said {head:?}"))?;
    ensure!(bytes.len() >= size + 2, "git broke off within {oid}");
    let (blob, after) = bytes[1..].split_at(size);
    *rest = &after[1..];
    Ok(blob.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_ls_tree_lists() {
        let oid = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        let line = format!("120000 blob {oid}\ta b/\tc");
        let listed = listed(&line).expect("a line");
        assert_eq!(listed.path, "a b/\tc");
        assert_eq!(listed.mode, EntryMode::Symlink);
        assert_eq!(listed.oid.to_string(), oid);
        assert!(super::listed("100644 blob x\ty").is_err());
    }

    #[test]
    fn reads_blobs_one_after_the_other() {
        let oid: Oid = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
            .parse()
            .expect("an id");
        let said = format!("{oid} blob 3\na\nb\n{oid} blob 0\n\n");
        let mut rest = said.as_bytes();
        assert_eq!(take_blob(oid, &mut rest).expect("a blob"), b"a\nb");
        assert_eq!(take_blob(oid, &mut rest).expect("an empty one"), b"");
        assert!(rest.is_empty() && take_blob(oid, &mut rest).is_err());
        assert!(take_blob(oid, &mut format!("{oid} missing\n").as_bytes()).is_err());
    }
}
