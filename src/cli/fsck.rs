use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::out::Output;
use super::{logging, out};
use crate::clock::Clock;
use crate::config::{Config, Flags, Sources};
use crate::db::Db;
use crate::fsck::{self, Options, Report};

/// It could not be looked at, so nothing is known.
const NO_VERDICT: u8 = 2;

/// For one statement.
const LONGEST: Duration = Duration::from_secs(900);

#[derive(Debug, Args)]
pub(super) struct FsckArgs {
    /// How the verdict is printed.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// Read rows only: leave out the bytes of the files, and of SQLite's file whether it is whole.
    #[arg(long)]
    quick: bool,
    /// What a sender sent and was answered: a line `{"app": 1, "guid": "…", "status": 202}` each.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// A log of the service's, to be looked through for secrets and panics; may be given again.
    #[arg(long, value_name = "FILE")]
    log_file: Vec<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

/// `bindery fsck`
pub(super) async fn run(args: FsckArgs) -> anyhow::Result<ExitCode> {
    let output = args.output;
    let report = match look(args).await {
        Ok(report) => report,
        Err(error) => {
            out::complain(&error);
            return Ok(NO_VERDICT.into());
        }
    };
    output.say(&report)?;
    Ok(if report.holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn look(args: FsckArgs) -> anyhow::Result<Report> {
    let config = Config::load(&Sources::process(args.flags))?;
    logging::start(&config.log);
    let mut settings = config.database.settings();
    settings.pool_size = 1;
    // Some statements read a whole table.
    settings.statement_timeout = LONGEST;
    let db = Db::open_to_look(&settings).await?;
    let options = Options {
        bytes: !args.quick,
        record: args.record,
        logs: args.log_file,
        ..Options::of(&config)
    };
    fsck::check(&db, &options, &Clock::system()).await
}
