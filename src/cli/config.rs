//! `bindery config …`: what is set, and where.

use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::out;
use crate::config::{Config, Entry, Flags, Sources};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print every setting, its value and where that came from. Secrets are not shown.
    Show {
        #[command(flatten)]
        flags: Flags,
        /// How to print them.
        #[arg(short, long, value_enum, default_value = "table")]
        output: Output,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Output {
    Table,
    Json,
}

pub(super) fn run(command: ConfigCommand) -> anyhow::Result<ExitCode> {
    let ConfigCommand::Show { flags, output } = command;
    let (_, entries) = Config::explain(&Sources::process(flags))?;
    match output {
        Output::Table => out::say(table(&entries).trim_fmt())?,
        Output::Json => out::say(format!("{:#}", as_json(&entries)))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn table(entries: &[Entry]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["key", "variable", "value", "from"]);
    for entry in entries {
        let origin = entry.origin.to_string();
        table.add_row([
            entry.key.as_str(),
            entry.setting.env,
            entry.value.as_str(),
            origin.as_str(),
        ]);
    }
    table
}

fn as_json(entries: &[Entry]) -> Value {
    let row = |entry: &Entry| {
        json!({
            "key": entry.key,
            "variable": entry.setting.env,
            "value": entry.value,
            "origin": entry.origin.to_string(),
            "secret": entry.secret,
        })
    };
    entries.iter().map(row).collect()
}
