use std::time::Duration;

use super::setting::settings;
use super::value::{Fault, Value};

settings! {
    /// What is done without being told: the net under events that are lost, or that GitHub never sends.
    pub struct HealingConfig in "healing" {
        /// How often GitHub's list of deliveries is compared with the ledger; what is missing is fetched.
        /// `off`: never.
        sweep_interval: Interval = value "5m", "BINDERY_SWEEP_INTERVAL", from "10s" to "1d";
        /// How often GitHub is asked what each bound branch or tag holds, and what the installations
        /// are and cover. Within this time everything heals of which no event tells. `off`: never.
        poll_interval: Interval = value "5m", "BINDERY_POLL_INTERVAL", from "10s" to "1d";
    }
}

/// How often something is done, if it is done at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(Option<Duration>);

impl Interval {
    /// `None`: it is never done.
    pub const fn get(self) -> Option<Duration> {
        self.0
    }
}

impl Value for Interval {
    const EXPECTED: &'static str = "`off`, or a duration";

    fn parse(text: &str) -> Result<Self, Fault> {
        match text {
            "off" => Ok(Self(None)),
            text => Duration::parse(text).map(|every| Self(Some(every))),
        }
    }

    fn show(&self) -> String {
        match self.0 {
            Some(every) => every.show(),
            None => "off".to_owned(),
        }
    }

    /// `off` is within every range.
    fn amount(&self) -> Option<u128> {
        self.0.and_then(|every| every.amount())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_can_be_off() {
        assert_eq!(Interval::parse("off").map(Interval::get), Ok(None));
        assert_eq!(
            Interval::parse("5m").map(Interval::get),
            Ok(Some(Duration::from_secs(300)))
        );
        assert_eq!(Interval::parse("sometimes"), Err(Fault::Text));
        assert_eq!(Interval(None).show(), "off");
    }
}
