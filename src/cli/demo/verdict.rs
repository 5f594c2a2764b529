//! Is what the service published what git has? Asked of the API on one side and of `git` on the other.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context as _;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use super::Source;
use super::api::PublishedFile;
use super::git::Listed;
use super::replay::{BINDING, Replay};
use super::stage::Stage;
use super::table::{self, short};
use crate::git::{EntryMode, Oid};

/// Files that are compared in one go; their bytes are in memory twice.
const BATCH: usize = 128;
/// Requests for them at a time.
const AT_ONCE: usize = 8;
/// Differences that are named.
const NAMED: usize = 5;

/// Every claim, and what is wrong with it where it does not hold.
#[derive(Debug, Default)]
pub(super) struct Verdict(Vec<(String, Option<String>)>);

pub(super) async fn reach(
    stage: &Stage,
    source: &Source,
    replay: &Replay<'_>,
) -> anyhow::Result<Verdict> {
    let binding = stage.api.get(BINDING).await?;
    let last = source.last();
    let tree = source.git.tree(last, &source.root).await?;
    let tree = tree.context("the folder was there when the demo began")?;
    let mut verdict = Verdict::default();
    verdict.check_identity(&binding, replay);
    verdict.check_tree(&binding, last, tree, source);
    verdict.check_files(tree, stage, source).await?;
    if let Some(problem) = &replay.duplicate_problem {
        verdict.fails("a repeated delivery changes nothing", problem.clone());
    }
    Ok(verdict)
}

impl Verdict {
    pub(super) fn holds(&self) -> bool {
        self.0.iter().all(|(_, problem)| problem.is_none())
    }

    fn is_so(&mut self, claim: String) {
        self.0.push((claim, None));
    }

    fn fails(&mut self, claim: impl Into<String>, problem: String) {
        self.0.push((claim.into(), Some(problem)));
    }

    fn check_identity(&mut self, binding: &Value, replay: &Replay<'_>) {
        let id = replay.repository.get();
        let claim = format!("bound to repository {id}, called {} by now", replay.name);
        match binding["github_repo_id"].as_i64() {
            Some(bound) if bound == id => self.is_so(claim),
            bound => self.fails(claim, format!("it is bound to {bound:?}")),
        }
    }

    fn check_tree(&mut self, binding: &Value, last: Oid, tree: Oid, source: &Source) {
        let spec = format!(
            "{}:{}",
            short(&last.to_string()),
            source.root.as_str().trim_start_matches('/')
        );
        let claim = format!("published tree = git rev-parse {spec} = {tree}");
        let error = binding["last_sync_error"].as_str();
        match binding["tree_sha"].as_str() {
            Some(published) if published == tree.to_string() => self.is_so(claim),
            published => self.fails(
                claim,
                format!(
                    "published is {}; {}",
                    published.unwrap_or("nothing"),
                    error.unwrap_or("the last sync says nothing of it")
                ),
            ),
        }
    }

    async fn check_files(
        &mut self,
        tree: Oid,
        stage: &Stage,
        source: &Source,
    ) -> anyhow::Result<()> {
        let expected = source.git.list(tree).await?;
        let Ok(published) = stage.api.files(BINDING).await else {
            self.fails("files are published", "there are none".to_owned());
            return Ok(());
        };
        let mut differences = compare_lists(&expected, &published);
        let files: Vec<&Listed> = expected
            .iter()
            .filter(|entry| entry.mode.is_file())
            .collect();
        if differences.is_empty() {
            differences = compare_bytes(&files, stage, source).await?;
        }
        let claim = format!(
            "{}, byte for byte as git cat-file gives them",
            table::count(files.len(), "file")
        );
        if differences.is_empty() {
            self.is_so(claim);
        } else {
            self.fails(claim, named(&differences));
        }
        let skipped: Vec<String> = published.iter().filter_map(skipped).collect();
        if !skipped.is_empty() {
            self.is_so(format!("listed and not followed: {}", named(&skipped)));
        }
        Ok(())
    }
}

fn skipped(file: &PublishedFile) -> Option<String> {
    let why = file.skipped.as_ref()?;
    Some(format!("{} ({why})", file.path))
}

/// Paths, modes and shas.
fn compare_lists(expected: &[Listed], published: &[PublishedFile]) -> Vec<String> {
    let mut published: BTreeMap<&str, &PublishedFile> = published
        .iter()
        .map(|file| (file.path.as_str(), file))
        .collect();
    let mut differences = Vec::new();
    for entry in expected {
        match published.remove(entry.path.as_str()) {
            None => differences.push(format!("{} is missing", entry.path)),
            Some(file) if file.sha != entry.oid.to_string() => {
                differences.push(format!("{} is {}, not {}", entry.path, file.sha, entry.oid));
            }
            Some(file) if mode_of(file) != Some(canonical(entry.mode)) => {
                differences.push(format!("{} has mode {}", entry.path, file.mode));
            }
            Some(_) => {}
        }
    }
    differences.extend(
        published
            .into_keys()
            .map(|path| format!("{path} is not git's")),
    );
    differences
}

fn mode_of(file: &PublishedFile) -> Option<EntryMode> {
    file.mode.parse().ok().map(canonical)
}

/// `git ls-tree` does not tell these two apart, GitHub does.
fn canonical(mode: EntryMode) -> EntryMode {
    match mode {
        EntryMode::GroupWritable => EntryMode::File,
        mode => mode,
    }
}

/// The bytes of the files, as `GET …/files/{path}` gives them.
async fn compare_bytes(
    files: &[&Listed],
    stage: &Stage,
    source: &Source,
) -> anyhow::Result<Vec<String>> {
    let mut differences = Vec::new();
    for batch in files.chunks(BATCH) {
        let oids: Vec<Oid> = batch.iter().map(|file| file.oid).collect();
        let expected = source.git.blobs(&oids).await?;
        let published: Vec<Vec<u8>> = stream::iter(batch)
            .map(|file| stage.api.file(BINDING, &file.path))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let pairs = expected.iter().zip(&published);
        let different = batch
            .iter()
            .zip(pairs)
            .filter(|(_, (one, other))| one != other);
        differences.extend(different.map(|(file, _)| format!("{} differs", file.path)));
    }
    Ok(differences)
}

/// The first few, and how many there are besides.
fn named(all: &[String]) -> String {
    let shown = all
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (claim, problem) in &self.0 {
            match problem {
                None => writeln!(f, "  ok      {claim}")?,
                Some(problem) => writeln!(f, "  WRONG   {claim}: {problem}")?,
            }
        }
        f.write_str(if self.holds() {
            "\nverdict: what is published is what git has"
        } else {
            "\nverdict: what is published is NOT what git has"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    fn listed(path: &str, mode: EntryMode) -> Listed {
        Listed {
            mode,
            oid: SHA.parse().expect("an id"),
            path: path.to_owned(),
        }
    }

    fn published(path: &str, mode: &str, sha: &str) -> PublishedFile {
        PublishedFile {
            path: path.to_owned(),
            mode: mode.to_owned(),
            sha: sha.to_owned(),
            skipped: None,
        }
    }

    #[test]
    fn tells_every_kind_of_difference() {
        let git = [
            listed("a", EntryMode::File),
            listed("b", EntryMode::Executable),
            listed("c", EntryMode::File),
            listed("d", EntryMode::File),
        ];
        let ours = [
            published("a", "100664", SHA),
            published("b", "100644", SHA),
            published("c", "100644", &SHA.replace('4', "5")),
            published("e", "100644", SHA),
        ];
        let differences = compare_lists(&git, &ours).join("; ");
        for part in [
            "b has mode 100644",
            "c is 5b825",
            "d is missing",
            "e is not git's",
        ] {
            assert!(differences.contains(part), "{part}: {differences}");
        }
        assert!(!differences.contains("a "), "{differences}");
    }

    #[test]
    fn one_wrong_claim_is_enough() {
        let mut verdict = Verdict::default();
        verdict.is_so("this".to_owned());
        assert!(verdict.holds() && verdict.to_string().ends_with("is what git has"));
        verdict.fails("that", "it is not".to_owned());
        assert!(!verdict.holds() && verdict.to_string().contains("WRONG   that: it is not"));
    }
}
