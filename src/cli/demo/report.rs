//! The demo in figures.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::simulator::{Request, Route};

#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) pushes: usize,
    pub(super) lost: usize,
    pub(super) duplicates: usize,
    /// Pushes of which the service saw at once that they do not concern the binding.
    pub(super) skipped: usize,
    pub(super) requests: Requests,
    /// From the arrival of a delivery to what it brought being published.
    pub(super) latencies: Vec<Duration>,
}

/// What GitHub was asked.
#[derive(Debug, Default)]
pub(super) struct Requests {
    by_route: BTreeMap<Route, usize>,
    /// Answered 304, which GitHub does not count.
    free: usize,
}

impl Requests {
    /// Adds some, and says how many.
    pub(super) fn add(&mut self, requests: &[Request]) -> usize {
        for request in requests {
            *self.by_route.entry(request.route).or_default() += 1;
            self.free += usize::from(request.status == 304);
        }
        requests.len()
    }
}

impl Summary {
    /// The figures, with how long all of it took.
    pub(super) fn in_words(&self, wall_time: Duration) -> String {
        format!(
            "\n{}\n{}\n{}\nwall time: {:.1} s\n",
            self.deliveries(),
            self.requests,
            self.latency(),
            wall_time.as_secs_f64()
        )
    }

    fn deliveries(&self) -> String {
        format!(
            "pushes: {}, of which {} lost on the way and {} outside the folder; deliveries repeated: {}",
            self.pushes, self.lost, self.skipped, self.duplicates
        )
    }

    fn latency(&self) -> String {
        let mut sorted = self.latencies.clone();
        sorted.sort();
        let (Some(median), Some(max)) = (sorted.get(sorted.len() / 2), sorted.last()) else {
            return "from a push's arrival to published content: no push had anything to publish"
                .to_owned();
        };
        format!(
            "from a push's arrival to published content: median {}, at most {} (nothing on the way waits for a poll; GitHub's rate limits are off)",
            milliseconds(*median),
            milliseconds(*max)
        )
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: usize = self.by_route.values().sum();
        write!(f, "requests to GitHub: {total}")?;
        let mut separator = " (";
        for (route, count) in &self.by_route {
            write!(f, "{separator}{count} {route:?}")?;
            separator = ", ";
        }
        match (total, self.free) {
            (0, _) => Ok(()),
            (_, 0) => f.write_str(")"),
            (_, free) => write!(f, "); {free} of them answered 304, which is free on GitHub"),
        }
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
