//! Instants and spans as people read them, with the exact instant beside.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

/// `3 min ago`, `in 2 h`; the instant is told by hovering and to programs.
pub(super) fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> Markup {
    let words = match now - at {
        past if past >= TimeDelta::seconds(1) => format!("{} ago", span(past)),
        past if past > TimeDelta::seconds(-1) => "just now".to_owned(),
        future => format!("in {}", span(-future)),
    };
    html! { time datetime=(machine(at)) title=(exact(at)) { (words) } }
}

/// The same of what may not have happened.
pub(super) fn ago_or(at: Option<DateTime<Utc>>, never: &str, now: DateTime<Utc>) -> Markup {
    match at {
        Some(at) => ago(at, now),
        None => html! { span.quiet { (never) } },
    }
}

/// `2026-11-20 21:12:00 UTC`
pub(super) fn exact(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

pub(super) fn at(at: DateTime<Utc>) -> Markup {
    html! { time datetime=(machine(at)) { (exact(at)) } }
}

fn machine(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// In its largest unit, rounded down; below a minute in seconds.
pub(super) fn span(span: TimeDelta) -> String {
    let seconds = span.num_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Of what takes seconds, to a tenth below ten.
pub(super) fn duration(span: TimeDelta) -> String {
    let milliseconds = span.num_milliseconds().max(0);
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..10_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => self::span(span),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        for (seconds, text) in [
            (-5, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (7_199, "1 h"),
            (172_799, "47 h"),
            (172_800, "2 days"),
        ] {
            assert_eq!(span(TimeDelta::seconds(seconds)), text);
        }
        for (milliseconds, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_990, "1.9 s"),
            (61_000, "1 min"),
        ] {
            assert_eq!(duration(TimeDelta::milliseconds(milliseconds)), text);
        }
    }

    #[test]
    fn an_instant_is_told_from_now() {
        let now = DateTime::UNIX_EPOCH;
        let told = |seconds| ago(now + TimeDelta::seconds(seconds), now).into_string();
        assert!(told(-61).ends_with(">1 min ago</time>"));
        assert!(told(0).ends_with(">just now</time>"));
        assert!(told(7_200).ends_with(">in 2 h</time>"));
        assert!(told(0).contains("datetime=\"1970-01-01T00:00:00.000Z\""));
    }
}
