//! A sync that has not ended: what it waits for.

use chrono::{DateTime, TimeDelta, Utc};

use super::answer::{Finding, time};
use super::code::Code;
use crate::queue::{Job, JobEvent, JobEventKind, JobState};

/// A job that is not final, with what befell it.
#[derive(Debug, Clone)]
pub(super) struct Unfinished {
    pub(super) job: Job,
    /// The oldest first.
    pub(super) events: Vec<JobEvent>,
    /// Until when its installation may not be asked.
    pub(super) paused_until: Option<DateTime<Utc>>,
}

/// Workers look for what is due every few seconds, and one that has died is noticed within its lease.
pub(super) const PATIENCE: TimeDelta = TimeDelta::minutes(2);

impl Unfinished {
    pub(super) fn finding(&self, now: DateTime<Utc>) -> Finding {
        let job = &self.job;
        if job.state == JobState::Running {
            return match job.lease_until {
                Some(until) if until < now => Finding::new(Code::WorkerLost),
                _ => Finding::new(Code::Running),
            };
        }
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Finding::new(Code::RateLimited)
                .with(format_args!("It holds until {}.", time(until)));
        }
        if job.scheduled_at < now - PATIENCE {
            return Finding::new(Code::NobodyWorks)
                .with(format_args!("Due since {}.", time(job.scheduled_at)));
        }
        let next = format!("Next at {}.", time(job.scheduled_at.max(now)));
        match self.last() {
            Some((event, said)) => {
                let finding = Finding::new(put_off(event, &said));
                let said = (!said.is_empty()).then(|| format!("It says: {said}. "));
                finding.with(format_args!("{}{next}", said.unwrap_or_default()))
            }
            None => Finding::new(Code::WaitsForItsTurn).with(next),
        }
    }

    /// Why it waits again, if it ran before: what other requests have joined says nothing of that.
    fn last(&self) -> Option<(JobEventKind, String)> {
        let mut events = self.events.iter().rev();
        let last = events.find(|event| event.event != JobEventKind::Joined)?;
        let said = |key: &str| last.detail.0[key].as_str();
        let said = said("error").or_else(|| said("reason")).unwrap_or_default();
        Some((last.event, said.to_owned()))
    }
}

/// By the words of a snooze, which has no other mark.
fn put_off(event: JobEventKind, said: &str) -> Code {
    match event {
        JobEventKind::Snoozed if said.contains("rate limit") => Code::RateLimited,
        JobEventKind::Snoozed if said.contains("GitHub's API") => Code::ApiLags,
        JobEventKind::Snoozed if said.contains("configured here") => Code::AppNotConfigured,
        JobEventKind::Deferred if said.contains("private key") => Code::KeyRefused,
        JobEventKind::Deferred => Code::GithubUnavailable,
        JobEventKind::Retried => Code::Retried,
        JobEventKind::Rescued => Code::WorkerLost,
        _ => Code::WaitsForItsTurn,
    }
}
