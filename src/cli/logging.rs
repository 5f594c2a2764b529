//! Where the log goes: to standard error, so that standard output holds only what was asked for.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// From now on, for the life of the process. A second call changes nothing.
pub(super) fn start(config: &LogConfig) {
    start_with(config, config.filter.to_filter());
}

/// For a command that answers by itself: what a service tells of its work as it goes is not asked for, and what
/// went wrong is.
pub(super) fn start_quietly(config: &LogConfig) {
    start_with(config, EnvFilter::new("warn"));
}

fn start_with(config: &LogConfig, filter: EnvFilter) {
    let is_terminal = stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        // It would be said with `eprintln!`, which panics where nobody reads.
        .log_internal_errors(false);
    let started = match config.format_for(is_terminal) {
        LogFormat::Pretty => log
            .with_ansi(is_terminal && std::env::var_os("NO_COLOR").is_none())
            .try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    // Only a second call fails.
    drop(started);
}
