//! The senders' own record: what was sent, what was answered, what was never heard of again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What became of one delivery, as its sender knows it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fate {
    /// How often it was sent, and how often nobody answered.
    pub sent: u16,
    pub unanswered: u16,
    pub refused: u16,
    /// Answered with a 2xx.
    pub acknowledged: bool,
    /// The 2xx said that it was new: then it was the webhook that recorded it, and not the sweep.
    pub received: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// By status; 0 is no answer.
    pub by_status: std::collections::BTreeMap<u16, u64>,
    pub slowest: Duration,
    /// Answers that nothing that was done to the service explains.
    pub strange: Vec<String>,
}

#[derive(Default)]
pub struct Record {
    fates: Mutex<HashMap<String, Fate>>,
    answers: Mutex<Answers>,
}

impl Record {
    /// GitHub has made and listed it.
    pub fn made(&self, guid: &str) {
        self.fates().entry(guid.to_owned()).or_default();
    }

    pub fn answered(&self, guid: &str, status: Option<u16>, body: &str, took: Duration) {
        {
            let mut fates = self.fates();
            let fate = fates.entry(guid.to_owned()).or_default();
            fate.sent += 1;
            match status {
                Some(200..300) => {
                    fate.acknowledged = true;
                    fate.received |= body.contains("\"received\"");
                }
                Some(_) => fate.refused += 1,
                None => fate.unanswered += 1,
            }
        }
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers.by_status.entry(status.unwrap_or(0)).or_default() += 1;
        if let Some(status) = status {
            answers.slowest = answers.slowest.max(took);
            if !matches!(status, 202 | 200 | 503) && answers.strange.len() < 20 {
                answers.strange.push(format!("{guid}: {status} {body}"));
            }
        }
    }

    fn fates(&self) -> std::sync::MutexGuard<'_, HashMap<String, Fate>> {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn all(&self) -> HashMap<String, Fate> {
        self.fates().clone()
    }

    pub fn len(&self) -> usize {
        self.fates().len()
    }

    pub fn sent(&self) -> u64 {
        self.answers().by_status.values().sum()
    }

    pub fn answers(&self) -> Answers {
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
