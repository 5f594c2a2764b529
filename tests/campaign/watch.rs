//! What is looked at all the time: the logs, and what the processes hold.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::process::Slot;
use crate::signal;

/// A process that ended although nobody killed it.
#[derive(Debug, Clone)]
pub struct Ended {
    pub slot: String,
    pub status: String,
    /// Before it listened.
    pub at_start: bool,
}

/// The logs of all processes, read as they are written.
#[derive(Default)]
pub struct Logs {
    /// What must not be in them: what it is, and the text.
    canaries: Vec<(String, String)>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub lines: u64,
    pub longest: usize,
    pub panics: Vec<String>,
    pub leaks: Vec<String>,
    /// Messages of the level ERROR, and how often.
    pub errors: BTreeMap<String, u64>,
    /// How often messages came that tell of a fence.
    pub fenced: u64,
    pub ended: Vec<Ended>,
    pub complaints: Vec<String>,
}

/// What a worker says whose job was taken from it.
const FENCED: [&str; 2] = ["lost the lease", "settled too late"];

impl Logs {
    pub fn new(canaries: Vec<(String, String)>) -> Arc<Self> {
        Arc::new(Self {
            canaries,
            seen: Mutex::default(),
        })
    }

    pub fn line(&self, slot: &str, line: &str) {
        let mut seen = self.lock();
        seen.lines += 1;
        seen.longest = seen.longest.max(line.len());
        if line.contains("panicked") && seen.panics.len() < 20 {
            seen.panics.push(format!("{slot}: {line}"));
        }
        if FENCED.iter().any(|words| line.contains(words)) {
            seen.fenced += 1;
        }
        if line.contains("\"level\":\"ERROR\"") {
            *seen.errors.entry(message_of(line)).or_default() += 1;
        }
        let leaks = self.leaks(line);
        seen.leaks
            .extend(leaks.map(|what| format!("{what} in the log of {slot}")));
    }

    /// Which canaries are in a text.
    pub fn leaks<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self
            .canaries
            .iter()
            .filter(|(_, canary)| text.contains(canary.as_str()));
        found.map(|(what, _)| what.as_str())
    }

    pub fn canaries(&self) -> &[(String, String)] {
        &self.canaries
    }

    pub fn ended(&self, ended: Ended) {
        self.lock().ended.push(ended);
    }

    pub fn complain(&self, slot: &str, complaint: &str) {
        self.lock().complaints.push(format!("{slot} {complaint}"));
    }

    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn message_of(line: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
    let message = json["fields"]["message"]
        .as_str()
        .or(json["message"].as_str());
    message.unwrap_or(line).chars().take(120).collect()
}

/// The most that any process held.
#[derive(Debug, Clone, Copy, Default)]
pub struct Peak {
    pub resident_kib: u64,
    pub files: usize,
}

/// Looks at every process twice a second.
#[derive(Default)]
pub struct Sizes(Mutex<Peak>);

impl Sizes {
    pub async fn watch(self: Arc<Self>, slots: Vec<Arc<Slot>>) {
        loop {
            for held in slots.iter().filter_map(|slot| signal::held(slot.pid()?)) {
                let mut peak = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                peak.resident_kib = peak.resident_kib.max(held.resident_kib);
                peak.files = peak.files.max(held.files);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    pub fn peak(&self) -> Peak {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
