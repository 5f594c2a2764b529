//! `bindery completion`: for bash, zsh, fish and others.

use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use super::out;

#[derive(Debug, Args)]
pub(super) struct CompletionArgs {
    /// The shell that it is for.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &CompletionArgs) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "bindery", &mut script);
    out::write(&script)?;
    Ok(ExitCode::SUCCESS)
}
