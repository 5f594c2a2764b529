use chrono::{DateTime, Utc};

use super::job::{Cause, Lane};

/// On whose behalf a job is asked for, and how urgently.
#[derive(Debug, Clone)]
pub struct Request {
    pub cause: Cause,
    pub lane: Lane,
    pub max_attempts: i32,
    pub at: DateTime<Utc>,
}

impl Request {
    /// The same in the line behind: for what follows from it in numbers.
    #[must_use]
    pub fn in_bulk(&self) -> Self {
        Self {
            lane: Lane::Bulk,
            ..self.clone()
        }
    }
}
