//! What a load's senders have to tell: what was acknowledged, how long it took, what was wrong.

use std::time::Duration;

use crate::guid::Guid;
use crate::line::{Kind, Post};

/// Wrong answers that are shown; all are counted.
const SHOWN: usize = 5;

#[derive(Default)]
pub struct Told {
    /// Also of the warm-up, and each once.
    pub acknowledged: Vec<Guid>,
    /// Microseconds, of what was due while it was measured.
    pub took: Vec<u32>,
    /// 503: not acknowledged, and stored or not.
    pub refused: u64,
    pub wrong: u64,
    pub examples: Vec<String>,
}

impl Told {
    pub fn answered(&mut self, post: &Post, took: Option<Duration>) {
        if post.kind == Kind::New {
            self.acknowledged.push(post.guid);
        }
        if let Some(took) = took {
            self.took(took);
        }
    }

    pub fn took(&mut self, took: Duration) {
        self.took
            .push(took.as_micros().try_into().unwrap_or(u32::MAX));
    }

    pub fn wrong(&mut self, what: String) {
        self.wrong += 1;
        if self.examples.len() < SHOWN {
            self.examples.push(what);
        }
    }

    /// Writes down what was wrong.
    pub fn note(&self, place: &str, wrong: &mut Vec<String>) {
        if self.wrong > 0 {
            let examples = self.examples.join("; ");
            let count = self.wrong;
            wrong.push(format!("{place}: {count} answers were wrong: {examples}"));
        }
    }

    pub fn add(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.took.extend(other.took);
        self.refused += other.refused;
        self.wrong += other.wrong;
        let free = SHOWN.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.into_iter().take(free));
    }
}
