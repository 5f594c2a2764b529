//! The benchmark: the real binary over loopback, beside what HTTP alone and what proving alone can do on
//! the same machine in the same minutes. Only ratios within one run say anything about the code.
//!
//! It is a program: `./dev bench` runs it, `docs/performance.md` says how to read what it prints.
#![expect(unreachable_pub, reason = "a benchmark has no outside")]
#![allow(
    missing_debug_implementations,
    reason = "nobody prints what is measured with"
)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that reports to a person"
)]

mod answer;
mod app;
mod asked;
mod backlog;
mod body;
mod ceiling;
mod commits;
mod database;
mod facts;
mod figures;
mod fill;
mod goals;
mod growth;
mod guid;
mod jobs;
mod ledger;
mod line;
mod load;
mod matching;
mod offer;
mod options;
mod plan;
mod report;
mod run;
mod service;
mod spent;
mod start;
mod stored;
mod sustained;
mod table;
mod told;
mod world;

// What breaks databases in the campaign starts and asks them here.
#[expect(dead_code, reason = "nothing is broken here")]
#[path = "../../tests/campaign/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "only the campaign kills")]
#[path = "../../tests/campaign/signal.rs"]
mod signal;
#[path = "../../tests/campaign/store.rs"]
mod store;

use std::process::ExitCode;

use clap::Parser;

use options::Options;
use tokio::signal::unix::SignalKind;

fn main() -> ExitCode {
    match bench(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything that was acknowledged is there, and every answer was the right one.
fn bench(options: &Options) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match options.ceiling {
            Some(ceiling) => ceiling::serve(ceiling).await.map(|()| true),
            // Whoever is interrupted ends what it has started.
            None => tokio::select! {
                ended = run::run(options) => ended,
                stopped = interrupted() => stopped.and(Err(anyhow::anyhow!("interrupted"))),
            },
        }
    })
}

/// Returns when the process is told to end.
async fn interrupted() -> anyhow::Result<()> {
    let mut told = tokio::signal::unix::signal(SignalKind::terminate())?;
    tokio::select! {
        asked = tokio::signal::ctrl_c() => asked?,
        _ = told.recv() => {}
    }
    Ok(())
}
