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

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let variable = |name: &str| match name {
            "BINDERY_LEASE" => Some("90s".into()),
            "GITHUB_WEBHOOK_SECRET" => Some("It's a Secret to Everybody".into()),
            _ => None,
        };
        let explained = Config::explain(&Sources::new(Flags::default(), variable));
        explained.expect("good settings").1
    }

    #[test]
    fn a_row_says_what_is_set_and_where() {
        let table = table(&entries()).trim_fmt();
        let row = |key: &str| {
            let row = table
                .lines()
                .find(|line| line.split_whitespace().next() == Some(key));
            row.expect(key)
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            row("queue.lease"),
            "queue.lease BINDERY_LEASE 1m 30s environment BINDERY_LEASE"
        );
        assert!(row("queue.workers").ends_with("8 default"));
        assert!(row("github.webhook_secret").contains("(set)"));
        assert!(!table.contains("Everybody"));
    }

    #[test]
    fn json_has_every_setting() {
        let entries = entries();
        let json = as_json(&entries);
        let rows = json.as_array().expect("a list");
        assert_eq!(rows.len(), entries.len());
        let lease = rows.iter().find(|row| row["key"] == "queue.lease");
        assert_eq!(lease.expect("a row")["origin"], "environment BINDERY_LEASE");
        assert!(!json.to_string().contains("Everybody"));
    }
}
