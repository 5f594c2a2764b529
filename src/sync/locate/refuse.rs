//! Why a sync may not go on, and what it has learnt all the same.

use super::Locator;
use super::read::ReadError;
use crate::binding::Finding;
use crate::github::AccessLost;
use crate::installation::Installation;
use crate::queue::Outcome;
use crate::sync::stop::{Learnt, Step, Stop};

impl Locator<'_> {
    pub(super) fn learnt(&self, installation: Option<&Installation>) -> Learnt {
        Learnt {
            job: Some(self.job.id),
            binding: Some(self.target.binding.clone()),
            installation: installation.map(|installation| installation.id),
            at: self.context.clock.now(),
            ..Learnt::default()
        }
    }

    /// A process that was not told of the App leaves the job to one that was.
    pub(super) fn no_app(&self) -> Stop {
        let host = &self.target.binding.github_host;
        let until = self.context.clock.now() + chrono::TimeDelta::minutes(1);
        let reason = format!("no GitHub App on {host} is configured here");
        Stop::Finish(Outcome::Snoozed { until, reason }.into())
    }

    pub(super) fn not_granted(&self, installation: Option<&Installation>) -> Stop {
        // Of the installation that is stored, the missing grant says it, and so does a new one.
        let stored = self.target.installation.as_ref();
        let is_stored =
            installation.is_some_and(|found| stored.is_some_and(|stored| stored.id == found.id));
        let learnt = Learnt {
            finding: (!is_stored).then_some(Some(Finding::NotGranted)),
            ..self.learnt(None)
        };
        Stop::discard_with(
            "the organisation has no grant for an installation of the GitHub App that covers this repository",
            learnt,
        )
    }

    /// What GitHub has just said of it.
    pub(super) fn check_installation(&self, installation: &Installation) -> Step<()> {
        if installation.suspended_at.is_some() {
            return Err(self.suspended(installation));
        }
        match installation.missing_permission() {
            Some(needed) => Err(self.permission_missing(installation, needed)),
            None => Ok(()),
        }
    }

    pub(super) fn permission_missing(&self, installation: &Installation, needed: &str) -> Stop {
        let lost = AccessLost::PermissionMissing {
            needed: format!("{needed}: read"),
        };
        let learnt = Learnt {
            finding: Some(Some(Finding::AccessLost)),
            ..self.learnt(Some(installation))
        };
        Stop::discard_with(lost.to_string(), learnt)
    }

    pub(super) fn suspended(&self, installation: &Installation) -> Stop {
        let learnt = Learnt {
            finding: Some(Some(Finding::Suspended)),
            suspended: true,
            ..self.learnt(Some(installation))
        };
        Stop::discard_with(AccessLost::Suspended.to_string(), learnt)
    }

    /// In the same words whether it does not exist or is not ours to see.
    pub(super) fn out_of_reach(&self, uninstalled: Option<&Installation>) -> Stop {
        if self.hides_what_is_not_granted() {
            return self.not_granted(None);
        }
        let learnt = Learnt {
            // Of one that has synced, the repository's row says it to a reader; the finding, that nothing
            // was looked at.
            finding: Some(Some(Finding::AccessLost)),
            repository_out_of_reach: self
                .target
                .repository
                .as_ref()
                .map(|repository| (repository.id, self.follow_up())),
            uninstalled: uninstalled.is_some(),
            ..self.learnt(uninstalled)
        };
        let name = self.target.binding.requested_name();
        Stop::discard_with(
            format!(
                "GitHub shows no repository {name} to the App: it does not exist, or the App is not installed there or not for it"
            ),
            learnt,
        )
    }

    pub(super) fn stop(
        &self,
        error: ReadError,
        installation: Option<&Installation>,
        doing: &str,
    ) -> Stop {
        let error = match error {
            ReadError::Stop(stop) => return stop,
            ReadError::GitHub(error) => error,
        };
        Stop::of(error, self.learnt(installation), doing)
    }
}
