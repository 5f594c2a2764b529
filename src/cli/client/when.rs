//! Instants as people tell them.

use chrono::{DateTime, TimeDelta, Utc};

/// From so many days on, a date says more.
const FAR: i64 = 60;

/// `3 min ago`, `in 2 h`, `just now`; what is far, by its date.
pub(super) fn when(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let passed = now - at;
    let Some(span) = span(passed.abs()) else {
        return at.format("%Y-%m-%d").to_string();
    };
    match passed.abs() < TimeDelta::seconds(1) {
        true => "just now".to_owned(),
        false if passed < TimeDelta::zero() => format!("in {span}"),
        false => format!("{span} ago"),
    }
}

fn span(passed: TimeDelta) -> Option<String> {
    Some(match passed.num_seconds() {
        seconds @ 0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", passed.num_minutes()),
        3600..172_800 => format!("{} h", passed.num_hours()),
        _ if passed.num_days() < FAR => format!("{} d", passed.num_days()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_told_by_how_near_it_is() {
        let now = DateTime::from_timestamp(1_780_000_000, 0).expect("an instant");
        for (seconds, told) in [
            (0, "just now"),
            (1, "1 s ago"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (3599, "59 min ago"),
            (3600, "1 h ago"),
            (2 * 86_400 - 1, "47 h ago"),
            (2 * 86_400, "2 d ago"),
            (60 * 86_400, "2026-03-29"),
            (-90, "in 1 min"),
        ] {
            assert_eq!(when(now - TimeDelta::seconds(seconds), now), told);
        }
    }
}
