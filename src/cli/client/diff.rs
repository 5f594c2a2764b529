//! `diff`: what a binding serves against what GitHub has now.

use std::process::ExitCode;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::print::{Common, Format, Row, read};
use super::table::{Cell, Tone};
use crate::cli::out;
use crate::explain::BindingPlace;

/// They differ.
const DIFFERS: u8 = 1;

/// They could not be compared, so nothing is said.
const NO_ANSWER: u8 = 2;

#[derive(Debug, Args)]
pub(in crate::cli) struct DiffArgs {
    /// The binding: acme/site, or acme/docs/site in a project.
    place: BindingPlace,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Deserialize)]
struct Diff {
    same: bool,
    published: Side,
    github: Side,
    differences: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Side {
    commit_sha: String,
}

#[derive(Debug, Deserialize)]
struct Difference {
    path: String,
    change: String,
}

impl Row for Difference {
    const HEADER: &'static [&'static str] = &["", "path"];

    fn cells(self, _: DateTime<Utc>) -> Vec<Cell> {
        let sign = match self.change.as_str() {
            "added" => Cell::toned("+", Tone::Good),
            "removed" => Cell::toned("-", Tone::Bad),
            _ => Cell::toned("~", Tone::Open),
        };
        vec![sign, self.path.into()]
    }
}

/// `bindery diff`
pub(in crate::cli) async fn run(args: DiffArgs) -> anyhow::Result<ExitCode> {
    match compare(args).await {
        Ok(true) => Ok(ExitCode::SUCCESS),
        Ok(false) => Ok(DIFFERS.into()),
        Err(error) if error.is::<out::Closed>() => Err(error),
        Err(error) => {
            out::complain(&error);
            Ok(NO_ANSWER.into())
        }
    }
}

/// Whether they are the same.
async fn compare(args: DiffArgs) -> anyhow::Result<bool> {
    let api = args.common.reach.connect().await?;
    let answer = api.get(&format!("{}/diff", args.place)).await;
    let answer = answer.with_context(|| args.place.short())?;
    let diff: Diff = read(answer.clone())?;
    if args.common.output != Format::Table {
        args.common.output.say_value(&answer)?;
        return Ok(diff.same);
    }
    if !diff.differences.is_empty() {
        args.common
            .output
            .say_list::<Difference>(diff.differences)?;
    }
    let so = match diff.same {
        true => "the same",
        false => "not the same",
    };
    out::note(format_args!(
        "{}: {so}: published {}, GitHub {}",
        args.place.short(),
        diff.published.commit_sha,
        diff.github.commit_sha
    ));
    Ok(diff.same)
}
