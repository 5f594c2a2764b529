//! Bars over the last day, drawn here: no script, nothing from elsewhere. The same figures are in a table.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

/// Hours that are shown.
pub(super) const HOURS: usize = 24;

/// What happened in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hour {
    pub(super) from: DateTime<Utc>,
    pub(super) good: i64,
    pub(super) bad: i64,
}

impl Hour {
    const fn sum(self) -> i64 {
        self.good.saturating_add(self.bad)
    }
}

/// One plot: what its bars count.
pub(super) struct Plot<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) good: &'a str,
    /// `None`: there is only one sort.
    pub(super) bad: Option<&'a str>,
    pub(super) hours: &'a [Hour],
}

/// The drawing's own units: a bar and the gap after it, and the height of the greatest bar.
const STEP: i64 = 20;
const BAR: i64 = 14;
const HEIGHT: i64 = 96;

impl Plot<'_> {
    pub(super) fn draw(&self) -> Markup {
        let most = self
            .hours
            .iter()
            .map(|hour| hour.sum())
            .max()
            .unwrap_or_default();
        let (good, bad) = (
            total(self.hours, |hour| hour.good),
            total(self.hours, |hour| hour.bad),
        );
        let says = match self.bad {
            Some(name) => format!(
                "{good} {}, {bad} {name} in the last 24 hours; at most {most} in one",
                self.good
            ),
            None => format!(
                "{good} {} in the last 24 hours; at most {most} in one",
                self.good
            ),
        };
        html! {
            figure.plot {
                figcaption id=(self.id) { strong { (self.title) } " " span.quiet { (says) } }
                (self.bars(most))
                (self.table())
            }
        }
    }

    fn bars(&self, most: i64) -> Markup {
        let width = STEP * i64::try_from(self.hours.len()).unwrap_or_default();
        html! {
            svg role="img" aria-labelledby=(self.id) viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" {
                line.base x1="0" x2=(width) y1=(HEIGHT) y2=(HEIGHT) {}
                @for (index, hour) in (0_i64..).zip(self.hours) {
                    g { title { (self.says(hour)) } (bar(index * STEP, *hour, most)) }
                }
            }
            div.axis aria-hidden="true" {
                @for hour in self.hours.iter().step_by(6) { span { (hour.from.format("%H:%M").to_string()) } }
                span { "now" }
            }
        }
    }

    fn says(&self, hour: &Hour) -> String {
        let from = hour.from.format("%H:%M");
        match self.bad {
            Some(bad) => format!(
                "from {from}: {} {}, {} {bad}",
                hour.good, self.good, hour.bad
            ),
            None => format!("from {from}: {} {}", hour.good, self.good),
        }
    }

    fn table(&self) -> Markup {
        html! {
            details {
                summary { "As a table" }
                table.figures {
                    caption.unseen { (self.title) }
                    thead { tr {
                        th scope="col" { "From (UTC)" } th scope="col" { (self.good) }
                        @if let Some(bad) = self.bad { th scope="col" { (bad) } }
                    } }
                    tbody {
                        @for hour in self.hours {
                            tr {
                                th scope="row" { (hour.from.format("%Y-%m-%d %H:%M").to_string()) } td { (hour.good) }
                                @if self.bad.is_some() { td { (hour.bad) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn total(hours: &[Hour], of: impl Fn(&Hour) -> i64) -> i64 {
    hours.iter().map(of).sum()
}

/// The bad on top of the good. What is not nothing is seen, however little it is.
fn bar(x: i64, hour: Hour, most: i64) -> Markup {
    let (good, bad) = (height(hour.good, most), height(hour.bad, most));
    let good = good.min(HEIGHT - bad);
    html! {
        rect.hover x=(x) y="0" width=(STEP) height=(HEIGHT) {}
        rect.good x=(x + 3) y=(HEIGHT - good) width=(BAR) height=(good) {}
        rect.bad x=(x + 3) y=(HEIGHT - good - bad) width=(BAR) height=(bad) {}
    }
}

fn height(count: i64, most: i64) -> i64 {
    match count {
        ..=0 => 0,
        count => (count.saturating_mul(HEIGHT) / most.max(1)).clamp(2, HEIGHT),
    }
}

/// Where each hour begins, the oldest first; the last one is not over yet.
pub(super) fn hours(now: DateTime<Utc>) -> [DateTime<Utc>; HOURS] {
    let hour = now.timestamp().div_euclid(3_600) * 3_600;
    let this = DateTime::from_timestamp(hour, 0).unwrap_or(now);
    std::array::from_fn(|index| {
        let before = i32::try_from(HOURS - 1 - index).unwrap_or_default();
        this - TimeDelta::hours(1) * before
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_hour_is_the_one_that_it_is() {
        let now = DateTime::from_timestamp(86_400 * 3 + 3_599, 0).expect("an instant");
        let hours = hours(now);
        assert_eq!(hours[HOURS - 1].timestamp(), 86_400 * 3);
        assert_eq!(hours[0].timestamp(), 86_400 * 3 - 23 * 3_600);
    }

    #[test]
    fn a_bar_is_as_high_as_it_counts_and_never_too_small_to_see() {
        assert_eq!(
            (height(0, 10), height(5, 10), height(10, 10)),
            (0, HEIGHT / 2, HEIGHT)
        );
        assert_eq!(height(1, 1_000_000), 2);
        assert_eq!(height(0, 0), 0);
    }
}
