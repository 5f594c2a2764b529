//! `bindery demo`: the service's main job on a real repository, offline.
//!
//! Commits that were really made are pushed again, as signed deliveries of a simulated GitHub, through
//! the whole pipeline; what is published at the end is held against what git itself says.

mod api;
mod choice;
mod git;
mod replay;
mod report;
mod screen;
mod script;
mod stage;
mod table;
mod verdict;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::ensure;
use clap::Args;

use super::disk;
use super::out;
use super::signals::Signals;
use crate::binding::RootPath;
use crate::git::Oid;
use crate::simulator::disk::DiskRepository;
use git::Git;
use replay::Replay;
use stage::Stage;

/// As a shell says "ended by SIGINT".
const INTERRUPTED: u8 = 130;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// A git repository on the disk; a bare or a shallow one will do.
    #[arg(long, value_name = "PATH", default_value = ".")]
    repo: PathBuf,
    /// The folder of the repository to bind. Otherwise the one that changed most often.
    #[arg(long, value_name = "SUBDIR")]
    path: Option<RootPath>,
    /// How many of the last commits are pushed, one by one.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    commits: u16,
}

pub(super) async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = demonstrate(&args) => done,
        // What was made for the demo goes with it.
        () = signals.next() => Ok(ExitCode::from(INTERRUPTED)),
    }
}

async fn demonstrate(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let source = Source::read(args).await?;
    let stage = Stage::open().await?;
    let played = play(&stage, &source).await;
    stage.close().await;
    let (summary, verdict) = played?;
    out::say(summary.in_words(begun.elapsed()))?;
    out::say(&verdict)?;
    Ok(if verdict.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What is shown: some commits of a real repository, and a folder in it.
struct Source {
    name: String,
    git: Git,
    disk: DiskRepository,
    root: RootPath,
}

impl Source {
    async fn read(args: &DemoArgs) -> anyhow::Result<Self> {
        // One more: the state before the first push.
        let disk = disk::open(&args.repo, usize::from(args.commits) + 1).await?;
        let git = Git::at(&args.repo);
        let root = match &args.path {
            Some(root) => root.clone(),
            None => choice::busiest_folder_of(&git, disk.commits()).await?,
        };
        let source = Self {
            name: disk::name_of(&args.repo),
            git,
            disk,
            root,
        };
        ensure!(
            source
                .git
                .tree(source.last(), &source.root)
                .await?
                .is_some(),
            "there is no folder {} at {}: give another --path",
            source.root.as_str(),
            source.last()
        );
        Ok(source)
    }

    /// What is published in the end.
    fn last(&self) -> Oid {
        let (first, rest) = self.split();
        rest.last().copied().unwrap_or(first)
    }

    /// The state before the first push, and the commits to push.
    fn split(&self) -> (Oid, &[Oid]) {
        let (first, rest) = self
            .disk
            .commits()
            .split_first()
            .expect("`DiskRepository::open` refuses a repository without commits");
        (*first, rest)
    }
}

async fn play(
    stage: &Stage,
    source: &Source,
) -> anyhow::Result<(report::Summary, verdict::Verdict)> {
    let mut replay = Replay::begin(stage, source).await?;
    replay.push_all().await?;
    let verdict = verdict::reach(stage, source, &replay).await?;
    Ok((replay.into_summary(), verdict))
}
