//! Standard output and error. `println!` panics when nobody reads any more, as in `bindery … | head`.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use clap::ValueEnum;
use serde::Serialize;

/// Nobody reads what is printed any more: a reason to stop, and no failure.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
pub(super) struct Closed;

/// Prints one line, or several.
///
/// # Errors
///
/// [`Closed`], and what else can befall a file: a full disk.
pub(super) fn say(text: impl Display) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    unless_closed(written)
}

fn unless_closed(written: std::io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        result => Ok(result?),
    }
}

/// Writes bytes as they are.
///
/// # Errors
///
/// As of [`say`].
pub(super) fn write(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    unless_closed(written)
}

/// How a report is printed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Output {
    Text,
    Json,
}

impl Output {
    /// # Errors
    ///
    /// As of [`say`].
    pub(super) fn say(self, report: &(impl Display + Serialize)) -> anyhow::Result<()> {
        match self {
            Self::Text => say(report),
            Self::Json => say(serde_json::to_string_pretty(report)?),
        }
    }
}

/// Says why the program could not do what was asked, with all that led to it.
pub(super) fn complain(error: &anyhow::Error) {
    // There is nowhere left to say that this could not be said.
    let _ = writeln!(std::io::stderr(), "bindery: {error:#}");
}

/// Says something besides the answer, to whoever watches: on standard error.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr(), "bindery: {text}");
}
