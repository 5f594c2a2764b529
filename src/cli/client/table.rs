//! Tables for people: they fit the terminal, and where there is none, nothing is cut or coloured.

use std::io::{IsTerminal, stdout};

use chrono::{DateTime, Utc};
use comfy_table::{Attribute, Color, ContentArrangement, Table, presets};

use super::when::when;

/// What stands where there is nothing.
const NOTHING: &str = "–";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
    /// It is not settled yet.
    Open,
}

/// One field, as it is shown.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(super) fn toned(text: &(impl ToString + ?Sized), tone: Tone) -> Self {
        Self {
            text: text.to_string(),
            tone,
        }
    }

    /// A state of a binding, a job or a delivery, by its word.
    pub(super) fn state(word: &str) -> Self {
        Self::toned(
            word,
            match word {
                "succeeded" | "completed" | "processed" | "reachable" => Tone::Good,
                "failed" | "discarded" | "rejected" | "suspended" | "access_lost"
                | "not_granted" | "gone" | "ref_missing" => Tone::Bad,
                "pending" | "available" | "retryable" | "running" | "received" => Tone::Open,
                _ => Tone::Plain,
            },
        )
    }

    pub(super) fn maybe(text: Option<impl ToString>) -> Self {
        match text {
            Some(text) => Self::toned(&text, Tone::Plain),
            None => Self::toned(NOTHING, Tone::Plain),
        }
    }

    pub(super) fn when(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Self {
        Self::maybe(at.map(|at| when(at, now)))
    }

    /// Enough of a sha to know it by.
    pub(super) fn sha(sha: Option<&str>) -> Self {
        Self::maybe(sha.map(|sha| sha.get(..10).unwrap_or(sha)))
    }

    fn into_cell(self, screen: Screen) -> comfy_table::Cell {
        // Others' words are among them: none ends the line or moves the cursor.
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let text: String = self.text.chars().map(plain).collect();
        let cell = comfy_table::Cell::new(text);
        match self.tone {
            _ if !screen.colour => cell,
            Tone::Plain => cell,
            Tone::Good => cell.fg(Color::Green),
            Tone::Bad => cell.fg(Color::Red),
            Tone::Open => cell.fg(Color::Yellow),
        }
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(&text, Tone::Plain)
    }
}

/// Where tables are shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    pub(super) is_terminal: bool,
    colour: bool,
}

impl Screen {
    pub(super) fn stdout() -> Self {
        let is_terminal = stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            is_terminal,
            colour: is_terminal && !no_colour,
        }
    }

    fn empty(self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if self.is_terminal {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        } else {
            table.force_no_tty();
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
        table
    }

    /// A row a thing, under a header.
    pub(super) fn rows(self, header: &[&str], rows: Vec<Vec<Cell>>) -> String {
        let mut table = self.empty();
        table.set_header(header.iter().map(|title| self.title(title)));
        for row in rows {
            table.add_row(row.into_iter().map(|cell| cell.into_cell(self)));
        }
        table.trim_fmt()
    }

    /// One thing, a line a field.
    pub(super) fn facts(self, facts: Vec<(&str, Cell)>) -> String {
        let mut table = self.empty();
        for (name, cell) in facts {
            table.add_row([self.title(name), cell.into_cell(self)]);
        }
        table.trim_fmt()
    }

    fn title(self, text: &str) -> comfy_table::Cell {
        let cell = comfy_table::Cell::new(text);
        match self.colour {
            true => cell.add_attribute(Attribute::Bold),
            false => cell,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIPE: Screen = Screen {
        is_terminal: false,
        colour: false,
    };

    #[test]
    fn a_pipe_gets_whole_lines_without_colours() {
        let long = "x".repeat(500);
        let rows = vec![
            vec![Cell::state("failed"), Cell::from(&long)],
            vec![Cell::state("succeeded"), Cell::from("a\n\u{1b}[2Jb")],
        ];
        let table = PIPE.rows(&["state", "text"], rows);
        assert_eq!(table.lines().count(), 3, "{table}");
        assert!(
            table.contains(&long) && !table.contains('\u{1b}'),
            "{table}"
        );
    }

    #[test]
    fn a_thing_has_a_line_a_field() {
        let facts = vec![
            ("place", Cell::from("acme/site")),
            ("error", Cell::maybe(None::<&str>)),
        ];
        let text = PIPE.facts(facts);
        let words: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(words, [["place", "acme/site"], ["error", NOTHING]]);
    }
}
