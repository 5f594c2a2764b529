//! Real repositories from the disk, read through the `git` command line.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};

use crate::git::{EntryMode, ObjectKind, Oid};
use crate::github::ids::RepositoryId;

use super::Simulator;
use super::objects::{Objects, decode_tree};

#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error("the `git` command is not installed")]
    NoGit,
    #[error("{} is not a git repository: {said}", .path.display())]
    NotARepository { path: PathBuf, said: String },
    #[error("{} has no commits", .0.display())]
    NoCommits(PathBuf),
    #[error("git answered something that it should not: {0}")]
    Unexpected(String),
    #[error("talking to git failed")]
    Io(#[from] std::io::Error),
}

/// Some commits of a repository on the disk, with every tree and blob that they show.
#[derive(Debug)]
pub struct DiskRepository {
    commits: Vec<Oid>,
    objects: Vec<(Oid, ObjectKind, Arc<[u8]>)>,
}

impl DiskRepository {
    /// Reads the last `commits` commits of `HEAD`, along first parents. A shallow clone gives what it has.
    ///
    /// # Errors
    ///
    /// If git is missing, the path holds no repository, or nothing was ever committed there.
    pub async fn open(path: impl AsRef<Path>, commits: usize) -> Result<Self, DiskError> {
        let path = path.as_ref();
        git(path, &["rev-parse", "--git-dir"]).await?;
        let head = git(path, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).await;
        if matches!(head, Err(DiskError::NotARepository { .. })) {
            return Err(DiskError::NoCommits(path.to_owned()));
        }
        let count = commits.to_string();
        let list = ["rev-list", "--first-parent", "-n", &count, "HEAD"];
        let mut commits: Vec<Oid> = git(path, &list)
            .await?
            .lines()
            .filter_map(|line| line.parse().ok())
            .collect();
        commits.reverse();
        let objects = Reading::start(path)?.closure(&commits).await?;
        Ok(Self { commits, objects })
    }

    /// Oldest first.
    pub fn commits(&self) -> &[Oid] {
        &self.commits
    }

    /// How many objects came along.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

impl Simulator {
    /// Puts every object of a repository on the disk into one of this GitHub's; no ref moves.
    pub fn import(&self, repository: RepositoryId, disk: &DiskRepository) {
        self.with(|world| {
            let objects: &mut Objects = &mut world.repository_mut(repository).objects;
            for (oid, kind, bytes) in &disk.objects {
                objects.insert(*oid, *kind, Arc::clone(bytes));
            }
        });
    }
}

fn command(path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(path)
        .args(arguments)
        // A caller that is itself a git hook has these set, to another repository.
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

fn spawn_error(error: std::io::Error) -> DiskError {
    match error.kind() {
        std::io::ErrorKind::NotFound => DiskError::NoGit,
        _ => DiskError::Io(error),
    }
}

async fn git(path: &Path, arguments: &[&str]) -> Result<String, DiskError> {
    let output = command(path, arguments).output().await;
    let output = output.map_err(spawn_error)?;
    if !output.status.success() {
        return Err(DiskError::NotARepository {
            path: path.to_owned(),
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// One `git cat-file --batch`: ids go in at one end while objects come out at the other.
struct Reading {
    /// Dropped at the end, which ends it.
    _child: tokio::process::Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Reading {
    fn start(path: &Path) -> Result<Self, DiskError> {
        let mut child = command(path, &["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(spawn_error)?;
        let ask = child.stdin.take().expect("it was asked to be piped");
        let answers = child.stdout.take().expect("it was asked to be piped");
        Ok(Self {
            _child: child,
            ask,
            answers: BufReader::with_capacity(256 * 1024, answers),
        })
    }

    /// The commits and all that is reachable from their trees, each object once. One round per level of
    /// directories: the ids of a round are known before any of its answers is needed.
    async fn closure(
        mut self,
        commits: &[Oid],
    ) -> Result<Vec<(Oid, ObjectKind, Arc<[u8]>)>, DiskError> {
        let mut seen: HashSet<Oid> = commits.iter().copied().collect();
        let mut objects = Vec::new();
        let mut round = commits.to_vec();
        while !round.is_empty() {
            let mut next = Vec::new();
            for object in self.round(&round).await? {
                let inside = inside(&object).into_iter();
                next.extend(inside.filter(|oid| seen.insert(*oid)));
                objects.push(object);
            }
            round = next;
        }
        Ok(objects)
    }

    async fn round(&mut self, ids: &[Oid]) -> Result<Vec<(Oid, ObjectKind, Arc<[u8]>)>, DiskError> {
        let Self { ask, answers, .. } = self;
        let write = async {
            let lines: String = ids.iter().map(|oid| format!("{oid}\n")).collect();
            ask.write_all(lines.as_bytes()).await?;
            ask.flush().await.map_err(DiskError::from)
        };
        let read = async {
            let mut objects = Vec::with_capacity(ids.len());
            for oid in ids {
                objects.push(read_object(answers, *oid).await?);
            }
            Ok(objects)
        };
        let ((), objects) = tokio::try_join!(write, read)?;
        Ok(objects)
    }
}

/// One answer: `<sha> <kind> <size>`, the bytes, an end of line.
async fn read_object(
    answers: &mut BufReader<ChildStdout>,
    oid: Oid,
) -> Result<(Oid, ObjectKind, Arc<[u8]>), DiskError> {
    let mut head = String::new();
    answers.read_line(&mut head).await?;
    let unexpected = || DiskError::Unexpected(head.trim().to_owned());
    let mut words = head.split_whitespace().skip(1);
    let kind = words.next().and_then(read_kind).ok_or_else(unexpected)?;
    let size: usize = words
        .next()
        .and_then(|size| size.parse().ok())
        .ok_or_else(unexpected)?;
    let mut bytes = vec![0; size + 1];
    answers.read_exact(&mut bytes).await?;
    bytes.truncate(size);
    Ok((oid, kind, bytes.into()))
}

fn read_kind(word: &str) -> Option<ObjectKind> {
    match word {
        "blob" => Some(ObjectKind::Blob),
        "tree" => Some(ObjectKind::Tree),
        "commit" => Some(ObjectKind::Commit),
        "tag" => Some(ObjectKind::Tag),
        _ => None,
    }
}

/// The objects that one object shows. A commit's parents are not among them: they may lie outside
/// what was asked for. Nor is a submodule's commit: another repository has it.
fn inside((_, kind, bytes): &(Oid, ObjectKind, Arc<[u8]>)) -> Vec<Oid> {
    match kind {
        ObjectKind::Tree => decode_tree(bytes)
            .into_iter()
            .filter(|entry| entry.mode != EntryMode::Submodule)
            .map(|entry| entry.oid)
            .collect(),
        ObjectKind::Commit => bytes
            .strip_prefix(b"tree ")
            .and_then(|rest| rest.get(..40))
            .and_then(|hex| std::str::from_utf8(hex).ok()?.parse().ok())
            .into_iter()
            .collect(),
        ObjectKind::Blob | ObjectKind::Tag => Vec::new(),
    }
}
