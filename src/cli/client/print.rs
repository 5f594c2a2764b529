//! How answers are printed: tables for people; JSON, JSON lines and YAML, with every field, for programs.

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::api::{Pages, Query};
use super::reach::Reach;
use super::table::{Cell, Screen};
use crate::cli::out;
use crate::clock::Clock;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// For people.
    Table,
    Json,
    /// A line of JSON for each item of a list, printed as it comes.
    Jsonl,
    Yaml,
}

/// What every command of the client takes.
#[derive(Debug, Args)]
pub(in crate::cli) struct Common {
    /// How the answer is printed.
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(in crate::cli) output: Format,
    #[command(flatten)]
    pub(in crate::cli) reach: Reach,
}

/// What lists take besides.
#[derive(Debug, Args)]
pub(super) struct Listing {
    /// At most so many; all of them, unless said. Of what has a history a terminal is shown the newest 100.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What a terminal is shown of a history.
const ON_A_TERMINAL: usize = 100;

/// One thing of a list, as people see it.
pub(super) trait Row: DeserializeOwned {
    const HEADER: &'static [&'static str];

    fn cells(self, now: DateTime<Utc>) -> Vec<Cell>;
}

/// One thing by itself, as people see it.
pub(super) trait Facts: DeserializeOwned {
    fn facts(self, now: DateTime<Utc>) -> Vec<(&'static str, Cell)>;
}

impl Listing {
    /// What is asked for, in pages that suit.
    pub(super) fn query(&self, path: impl Into<String>) -> Query {
        Query::of(path).paged(self.limit)
    }

    /// The newest of a history, which may be long.
    pub(super) async fn print_history<T: Row>(&self, pages: Pages<'_>) -> anyhow::Result<()> {
        let is_shown = self.common.output == Format::Table && Screen::stdout().is_terminal;
        let limit = self.limit.or(is_shown.then_some(ON_A_TERMINAL));
        let has_more = self.print_up_to::<T>(limit, pages).await?;
        if has_more && self.limit.is_none() {
            out::note("there are more: --limit N shows so many");
        }
        Ok(())
    }

    pub(super) async fn print<T: Row>(&self, pages: Pages<'_>) -> anyhow::Result<()> {
        self.print_up_to::<T>(self.limit, pages).await.map(drop)
    }

    /// Whether there are more.
    async fn print_up_to<T: Row>(
        &self,
        limit: Option<usize>,
        mut pages: Pages<'_>,
    ) -> anyhow::Result<bool> {
        let mut left = limit.unwrap_or(usize::MAX);
        let (mut kept, mut has_more) = (Vec::new(), false);
        while left > 0
            && let Some(mut page) = pages.next().await?
        {
            has_more = page.len() > left;
            page.truncate(left);
            left -= page.len();
            match self.common.output {
                Format::Jsonl => say_lines(&page)?,
                _ => kept.append(&mut page),
            }
        }
        if self.common.output != Format::Jsonl {
            self.common.output.say_list::<T>(kept)?;
        }
        Ok(has_more || pages.has_more())
    }
}

fn say_lines(items: &[Value]) -> anyhow::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let lines: Result<Vec<_>, _> = items.iter().map(serde_json::to_string).collect();
    out::say(lines?.join("\n"))
}

impl Format {
    pub(super) fn say_list<T: Row>(self, items: Vec<Value>) -> anyhow::Result<()> {
        if self != Self::Table {
            return match self {
                Self::Jsonl => say_lines(&items),
                _ => self.say_value(&items),
            };
        }
        if items.is_empty() {
            out::note("there is none");
            return Ok(());
        }
        let now = Clock::system().now();
        let rows: Result<Vec<_>, _> = items
            .into_iter()
            .map(|item| read::<T>(item).map(|row| row.cells(now)))
            .collect();
        out::say(Screen::stdout().rows(T::HEADER, rows?))
    }

    pub(super) fn say_one<T: Facts>(self, item: Value) -> anyhow::Result<()> {
        if self != Self::Table {
            return self.say_value(&item);
        }
        let facts = read::<T>(item)?.facts(Clock::system().now());
        out::say(Screen::stdout().facts(facts))
    }

    /// For programs.
    pub(super) fn say_value(self, value: &impl Serialize) -> anyhow::Result<()> {
        match self {
            Self::Table | Self::Json => out::say(serde_json::to_string_pretty(value)?),
            Self::Jsonl => out::say(serde_json::to_string(value)?),
            Self::Yaml => out::say(yaml(value)?),
        }
    }
}

/// Without a newline at its end.
pub(super) fn yaml(value: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_saphyr::to_string(value).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(text.trim_end().to_owned())
}

/// # Errors
///
/// When the service answers in another way than this program knows.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> anyhow::Result<T> {
    serde_json::from_value(value).map_err(|error| {
        anyhow::anyhow!(
            "the service answers what this version ({}) does not understand: {error}; -o json shows it as it is",
            env!("CARGO_PKG_VERSION")
        )
    })
}
