//! One row a push, each printed as soon as it is known: so the columns' widths are fixed.

use std::fmt::{self, Display};
use std::time::Duration;

use crate::git::Oid;

const NUMBER: usize = 3;
const SHA: usize = 7;
const SUBJECT: usize = 24;
const PUSH: usize = SHA + 1 + SUBJECT;
const DELIVERY: usize = 8;
const MATCHED: usize = 17;
const JOB: usize = 23;
const REQUESTS: usize = 8;
const TIME: usize = 6;
const NOTHING: &str = "–";

/// One push and what became of it.
#[derive(Debug)]
pub(super) struct Row {
    /// From 1.
    pub(super) number: usize,
    pub(super) commit: Oid,
    pub(super) subject: String,
    /// `received` or `lost`.
    pub(super) delivery: &'static str,
    /// How the binding was recognised, or why it was not concerned.
    pub(super) matched: Option<String>,
    /// Its id, its state and its result.
    pub(super) job: Option<String>,
    /// What the binding holds since.
    pub(super) published: Option<Published>,
    /// To GitHub.
    pub(super) requests: usize,
    /// From the arrival of the delivery.
    pub(super) latency: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Published {
    pub(super) commit: String,
    pub(super) tree: String,
}

/// The line above the rows.
pub(super) struct Header;

impl Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(
            f,
            "#",
            ["push", "delivery", "matched by", "job", "commit", "tree"],
            ["requests", "ms"],
        )
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let push = format!(
            "{} {}",
            short(&self.commit.to_string()),
            plain(&self.subject)
        );
        let published = self.published.as_ref();
        let [commit, tree] = match published {
            Some(Published { commit, tree }) => [short(commit), short(tree)],
            None => [NOTHING, NOTHING],
        };
        let cells = [
            push.as_str(),
            self.delivery,
            self.matched.as_deref().unwrap_or(NOTHING),
            self.job.as_deref().unwrap_or(NOTHING),
            commit,
            tree,
        ];
        let time = self.latency.map(|latency| latency.as_millis().to_string());
        let numbers = [
            &self.requests.to_string(),
            time.as_deref().unwrap_or(NOTHING),
        ];
        line(f, &self.number.to_string(), cells, numbers)
    }
}

fn line(
    f: &mut fmt::Formatter<'_>,
    number: &str,
    cells: [&str; 6],
    numbers: [&str; 2],
) -> fmt::Result {
    write!(f, "{number:>NUMBER$}")?;
    for (cell, width) in cells.iter().zip([PUSH, DELIVERY, MATCHED, JOB, SHA, SHA]) {
        write!(f, "  {:width$}", cut(cell, width))?;
    }
    let [requests, time] = numbers;
    write!(f, "  {requests:>REQUESTS$}  {time:>TIME$}")
}

/// Something that happened between two pushes.
pub(super) struct Note<'a>(pub(super) &'a str);

impl Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>NUMBER$}  {}", "*", self.0)
    }
}

/// `1 file`, `2 files`
pub(super) fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// As git abbreviates it.
pub(super) fn short(sha: &str) -> &str {
    sha.get(..SHA).unwrap_or(sha)
}

/// In one line and without escapes, which a commit's message may hold.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            number: 7,
            commit: Oid::from_bytes([0xab; 20]),
            subject: "Grüße \u{1b}[31m and much more than fits\n".to_owned(),
            delivery: "received",
            matched: Some("id".to_owned()),
            job: Some("12 completed, published".to_owned()),
            published: Some(Published {
                commit: "ab".repeat(20),
                tree: "cd".repeat(20),
            }),
            requests: 3,
            latency: Some(Duration::from_micros(12_900)),
        }
    }

    #[test]
    fn a_row_is_one_line_of_the_headers_width() {
        let text = row().to_string();
        assert_eq!(
            text,
            "  7  abababa Grüße  [31m and much mo…  received  id                 \
             12 completed, published  abababa  cdcdcdc         3      12"
        );
        assert_eq!(text.chars().count(), Header.to_string().chars().count());
    }

    #[test]
    fn what_did_not_happen_is_a_dash() {
        let lost = Row {
            delivery: "lost",
            matched: None,
            job: None,
            published: None,
            latency: None,
            ..row()
        };
        assert_eq!(lost.to_string().matches(NOTHING).count(), 5);
    }
}
