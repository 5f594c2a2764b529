//! Markdown, which is as good on a terminal.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use crate::asked::Asked;
use crate::figures::Figures;
use crate::goals::Goal;
use crate::growth::Growth;
use crate::report::{Measured, Rounds};
use crate::start::Start;
use crate::sustained::Sustained;

const NOTHING: &str = "–";

pub fn of_cases(cases: &[Measured]) -> String {
    let header = [
        "load",
        "server",
        "a second",
        "of verify-only",
        "of single rows",
        "p50 ms",
        "p99 ms",
        "p999 ms",
        "max ms",
        "503",
        "CPU µs",
        "+ database µs",
        "others %",
    ];
    let rows = cases.iter().filter_map(|measured| {
        let figures = measured.median.as_ref()?;
        let mut row = vec![measured.case.load.to_string(), measured.case.server.name()];
        row.extend(numbers(figures));
        Some(row)
    });
    table(&header, 2, rows)
}

fn numbers(figures: &Figures) -> [String; 11] {
    [
        thousands(figures.per_second),
        number(figures.of_verify, 2),
        number(figures.of_commits, 2),
        number(Some(figures.p50_ms), 2),
        number(Some(figures.p99_ms), 2),
        number(Some(figures.p999_ms), 2),
        number(Some(figures.max_ms), 1),
        number(Some(figures.refused), 0),
        number(figures.service_us, 1),
        number(figures.database_us, 1),
        number(Some(figures.others_percent), 0),
    ]
}

pub fn of_sustained(sustained: &[Rounds<Sustained>]) -> String {
    let header = [
        "2,000/s, both roles",
        "acknowledged a second",
        "p99 ms",
        "lag p50 ms",
        "lag p99 ms",
        "lag max ms",
        "drained after ms",
        "published p50 ms",
        "published max ms",
        "others %",
    ];
    let rows = sustained.iter().filter_map(|rounds| {
        let one = rounds.median?;
        Some(vec![
            rounds.engine.name().to_owned(),
            thousands(one.acknowledged_per_second),
            number(Some(one.acknowledged_p99_ms), 2),
            number(Some(one.lag_p50_ms), 1),
            number(Some(one.lag_p99_ms), 1),
            number(Some(one.lag_max_ms), 1),
            number(Some(one.drained_ms), 0),
            number(Some(one.published_p50_ms), 0),
            number(Some(one.published_max_ms), 0),
            number(Some(one.others_percent), 0),
        ])
    });
    table(&header, 1, rows)
}

pub fn of_asked(asked: &[Asked]) -> String {
    let rows = asked.iter().map(|asked| {
        vec![
            asked.what.clone(),
            asked.requests.to_string(),
            thousands(asked.bytes as f64),
        ]
    });
    table(
        &["asked of GitHub", "requests", "bytes of answers"],
        1,
        rows,
    )
}

pub fn of_growths(growths: &[Growth]) -> String {
    let header = [
        "what",
        "database",
        "among",
        "µs each",
        "of among the fewest",
    ];
    let rows = growths.iter().flat_map(|growth| {
        let last = growth.sizes.len() - 1;
        growth.sizes.iter().enumerate().map(move |(place, size)| {
            vec![
                growth.what.to_owned(),
                growth.engine.name().to_owned(),
                thousands(size.rows as f64),
                number(size.median_us(), 0),
                number(growth.ratio().filter(|_| place == last), 2),
            ]
        })
    });
    table(&header, 2, rows)
}

pub fn of_starts(starts: &[Rounds<Start>], binary_mb: Option<f64>) -> String {
    let header = [
        "database",
        "start to ready, ms",
        "RSS idle, MB",
        "RSS after 256 connections, MB",
        "binary, MB",
    ];
    let rows = starts.iter().filter_map(|started| {
        let start = started.median?;
        Some(vec![
            started.engine.name().to_owned(),
            number(Some(start.ready_ms), 0),
            number(Some(start.idle_mb), 1),
            number(Some(start.loaded_mb), 1),
            number(binary_mb, 1),
        ])
    });
    table(&header, 1, rows)
}

pub fn of_goals(goals: &[Goal]) -> String {
    let rows = goals.iter().map(|goal| {
        let verdict = if goal.holds { "holds" } else { "**missed**" };
        vec![
            goal.what.clone(),
            goal.asked.clone(),
            number(Some(goal.measured), 2),
            verdict.to_owned(),
        ]
    });
    table(&["goal", "asked", "measured", ""], 1, rows)
}

/// The columns after the first `names` hold numbers.
fn table(header: &[&str], names: usize, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.iter().copied());
    for row in rows {
        let cells = row.into_iter().enumerate().map(|(column, text)| {
            let alignment = if column < names {
                CellAlignment::Left
            } else {
                CellAlignment::Right
            };
            Cell::new(text).set_alignment(alignment)
        });
        table.add_row(cells);
    }
    table.to_string()
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| format!("{value:.digits$}"))
}

/// `34,012`
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
