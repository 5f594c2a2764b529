//! The campaign: real processes, a real database and a believable GitHub, and everything that can go
//! wrong with them, at random instants and under load; then what was promised is checked.
//!
//! It is a program, and no test of `cargo test`'s: `./dev campaign` runs it, `docs/campaign.md` says what
//! its report means.
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![allow(missing_debug_implementations, reason = "nobody prints a scene")]
#![allow(clippy::print_stdout, reason = "a program that reports to a person")]

mod chance;
mod check;
mod deliver;
mod front;
mod hub;
mod load;
mod names;
mod options;
mod postgres;
mod process;
mod reader;
mod record;
mod report;
mod run;
mod scene;
mod screen;
mod setup;
mod signal;
mod sqlite;
mod step;
mod steps;
mod store;
mod truth;
mod volume;
mod watch;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let options = options::Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run::run(&options)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("campaign: {error:#}");
            ExitCode::FAILURE
        }
    }
}
