//! `bindery man`: the manual's pages, made of the same words as `--help`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Command};
use clap_mangen::Man;

use super::out;

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The command whose page is printed: sync, or tokens create. Otherwise that of bindery itself.
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
    /// Write the pages of all commands into this folder: bindery.1, bindery-sync.1 and so on.
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    folder: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let mut root = super::command();
    root.build();
    if let Some(folder) = &args.folder {
        std::fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(root, folder))
            .with_context(|| format!("the pages cannot be written into {}", folder.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut page = Vec::new();
    Man::new(find(&root, &args.command)?.clone()).render(&mut page)?;
    out::write(&page)?;
    Ok(ExitCode::SUCCESS)
}

fn find<'a>(root: &'a Command, names: &[String]) -> anyhow::Result<&'a Command> {
    names.iter().try_fold(root, |command, name| {
        command
            .find_subcommand(name)
            .with_context(|| format!("there is no command {}", names.join(" ")))
    })
}
