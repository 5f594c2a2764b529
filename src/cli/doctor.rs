//! `bindery doctor`: what is wrong with a set-up, each with what to do.

use std::process::ExitCode;

use clap::Args;

use super::logging;
use super::out::Output;
use crate::clock::Clock;
use crate::config::{Config, Flags, Sources};
use crate::doctor::{self, Options};

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Leave out the proof of the webhook's secret: GitHub is not asked to send a delivery again.
    #[arg(long)]
    no_round_trip: bool,
    /// How the report is printed.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    flags: Flags,
}

/// `bindery doctor`
pub(super) async fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let options = Options {
        round_trip: !args.no_round_trip,
        ..Options::default()
    };
    report(&Sources::process(args.flags), &options, args.output).await
}

/// Looks, says what was found, and whether nothing failed.
pub(super) async fn report(
    sources: &Sources<'_>,
    options: &Options,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let loaded = Config::load(sources);
    if let Ok(config) = &loaded {
        logging::start(&config.log);
    }
    let report = doctor::examine(loaded, options, &Clock::system()).await;
    output.say(&report)?;
    Ok(match report.ok {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
