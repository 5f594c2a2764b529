//! The command line: one file a command.
//!
//! Exit status: 0 when it did what was asked, 1 when it could not (one sentence on standard error),
//! 2 for a command line that is not understood. `fsck`, `explain` and `diff` answer by theirs: 0 and 1 are
//! what they found, 2 that they could not look.

mod app_key;
mod client;
mod completion;
mod config;
mod demo;
mod disk;
mod doctor;
mod explain;
mod fsck;
mod healthcheck;
mod logging;
mod man;
mod migrate;
mod openapi;
mod out;
mod serve;
mod setup;
mod signals;
mod simulate;
mod simulate_push;
mod tables;
mod typed;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::Flags;

/// Keeps a database in step with GitHub.
#[derive(Debug, Parser)]
#[command(name = "bindery", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: the API, the webhook and the workers.
    ///
    /// On SIGTERM or SIGINT it answers what is in flight, finishes its jobs or gives them back, and
    /// exits with status 0; with 1 if that took longer than BINDERY_SHUTDOWN_TIMEOUT. A second signal
    /// ends it at once, with status 130.
    Serve(Flags),
    /// Register a GitHub App for this service, with exactly the permissions and events that it needs.
    ///
    /// Shows the address of a page; whoever opens it confirms at GitHub. Then writes the App's key and secret,
    /// and settings with which `serve`, started in that folder, needs no others; and looks at what GitHub has
    /// to say of it, as `doctor` does.
    ///
    /// Exits with status 0 if that is all well.
    Setup(Box<setup::SetupArgs>),
    /// Look at the set-up from the settings to the last sweep: one line a check, and what to do about each ✗.
    ///
    /// Beside the service, with its settings. Changes nothing; GitHub is asked to send the newest delivery once
    /// more, which is the only proof of the webhook's secret. What each check means is in docs/doctor.md.
    ///
    /// Exits with status 0 if nothing is to be mended, with 1 if something is, with 2 if the command line is not
    /// understood.
    Doctor(doctor::DoctorArgs),
    /// Bring the database's tables up to date. `serve` does it too.
    Migrate(Flags),
    /// Replay a real repository's commits through the whole service, offline, and check the result.
    ///
    /// Nothing is needed besides git: GitHub is simulated, the database is a temporary file. Exits
    /// with status 0 only if what is published is what git has.
    Demo(demo::DemoArgs),
    /// Check which promises hold: what is stored against itself, a sender's record and logs.
    ///
    /// Can be run beside the service, and changes nothing. Exits with status 0 if all that could be
    /// looked at holds, with 1 if something does not, with 2 if it could not be looked at.
    Fsck(fsck::FsckArgs),
    /// Say why a push did or did not arrive: by a delivery's GUID, by a commit, or of a binding.
    ///
    /// Reads the database of these settings, beside the service, asks nobody, and changes nothing. A line
    /// for each thing that is known, in the order in which a push travels; the verdict and what to do come
    /// last. What each verdict means is in docs/explain.md.
    ///
    /// Exits with status 0 if something is known of it, with 1 if nothing is, with 2 if it could not be
    /// looked at.
    Explain(explain::ExplainArgs),
    #[command(flatten)]
    Client(client::ClientCommand),
    /// Say what a push would do: which bindings it concerns, and why or why not. Nothing is written.
    ///
    /// Reads the database of these settings, beside the service, and asks nobody.
    SimulatePush(simulate_push::SimulatePushArgs),
    /// Run a simulated GitHub to develop against, and play it by typing.
    Simulate(simulate::SimulateArgs),
    /// Ask a running service whether it is alive; for containers.
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print the API's description (OpenAPI 3.1), which the service has at /openapi.json.
    Openapi(Flags),
    /// The settings of this process.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print what a shell needs to complete these commands.
    Completion(completion::CompletionArgs),
    /// Print the manual's page of a command, or write all of them into a folder.
    Man(man::ManArgs),
}

/// All commands, as their help and their manual show them.
fn command() -> clap::Command {
    Cli::command().mut_subcommand("serve", |serve| {
        serve.after_help(crate::config::variables())
    })
}

/// Runs the command that the process was started with.
pub async fn main() -> ExitCode {
    let matches = command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match run(cli.command).await {
        Ok(code) => code,
        Err(error) if error.is::<out::Closed>() => ExitCode::SUCCESS,
        Err(error) => {
            out::complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(flags) => serve::run(flags).await,
        Command::Setup(args) => setup::run(*args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Migrate(flags) => migrate::run(flags).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Fsck(args) => fsck::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Client(command) => client::run(command).await,
        Command::SimulatePush(args) => simulate_push::run(args).await,
        Command::Simulate(args) => simulate::run(args).await,
        Command::Healthcheck(args) => healthcheck::run(args).await,
        Command::Openapi(flags) => openapi::run(flags),
        Command::Config(command) => config::run(command),
        Command::Completion(args) => completion::run(&args),
        Command::Man(args) => man::run(&args),
    }
}
