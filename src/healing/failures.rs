//! What GitHub could not be asked in a run. One ref or name that it has no answer for is in nobody's way;
//! when it has none for several in a row, it is out of order, and the run ends.

use std::fmt::Display;

use crate::github::{AccessLost, GitHubError};

/// So many in a row are no matter of single ones.
const OUTAGE: u32 = 3;

/// What has failed by now.
#[derive(Debug, Default)]
pub(super) struct Failures {
    pub(super) count: u64,
    in_a_row: u32,
    first: Option<String>,
}

impl Failures {
    /// GitHub answers.
    pub(super) fn answered(&mut self) {
        self.in_a_row = 0;
    }

    /// # Errors
    /// What says that asking on would be in vain, or unwelcome.
    pub(super) fn note(&mut self, of: impl Display, error: GitHubError) -> Result<(), GitHubError> {
        match reach(&error) {
            Reach::All => return Err(error),
            Reach::Some if self.in_a_row + 1 == OUTAGE => return Err(error),
            Reach::Some => self.in_a_row += 1,
            Reach::One => self.in_a_row = 0,
        }
        self.count += 1;
        self.first
            .get_or_insert_with(|| format!("{of}: {:#}", anyhow::Error::from(error)));
        Ok(())
    }

    /// For people; `what` it is that failed.
    pub(super) fn trouble(self, what: &str) -> Option<String> {
        let count = self.count;
        self.first.map(|first| {
            format!("{count} {what} could not be read and are asked for again; the first: {first}")
        })
    }
}

/// How much an error tells of.
#[derive(Debug, PartialEq, Eq)]
enum Reach {
    One,
    /// This one or, if the next ones fare the same, of more.
    Some,
    /// Everything that the App or the installation could ask.
    All,
}

fn reach(error: &GitHubError) -> Reach {
    match error {
        GitHubError::RateLimited { .. }
        | GitHubError::Unauthorized
        | GitHubError::AccessLost(AccessLost::NotInstalled | AccessLost::Suspended) => Reach::All,
        GitHubError::Unavailable(_)
        | GitHubError::AccessLost(AccessLost::PermissionMissing { .. }) => Reach::Some,
        GitHubError::AccessLost(AccessLost::Blocked { .. })
        | GitHubError::NotFound
        | GitHubError::NoSuchRef
        | GitHubError::EmptyRepository
        | GitHubError::TooLarge { .. }
        | GitHubError::Unexpected(_) => Reach::One,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable() -> GitHubError {
        GitHubError::unavailable(std::io::Error::other("502"))
    }

    fn blocked() -> GitHubError {
        GitHubError::AccessLost(AccessLost::Blocked {
            reason: "locked".to_owned(),
        })
    }

    #[test]
    fn one_that_github_cannot_answer_for_ends_nothing() {
        let mut failures = Failures::default();
        for n in 0..9 {
            assert!(failures.note(n, unavailable()).is_ok());
            assert!(failures.note(n, unavailable()).is_ok());
            failures.answered();
        }
        let trouble = failures.trouble("refs").expect("18 failed");
        assert!(
            trouble.starts_with("18 refs could not be read"),
            "{trouble}"
        );
        assert!(trouble.contains("the first: 0: "), "{trouble}");
    }

    #[test]
    fn three_in_a_row_are_an_outage() {
        let mut failures = Failures::default();
        assert!(failures.note(1, unavailable()).is_ok());
        assert!(failures.note(2, blocked()).is_ok(), "an answer, too");
        assert!(failures.note(3, unavailable()).is_ok());
        assert!(failures.note(4, unavailable()).is_ok());
        assert!(failures.note(5, unavailable()).is_err());
    }

    #[test]
    fn what_concerns_all_ends_the_run_at_once() {
        let all = [
            GitHubError::Unauthorized,
            GitHubError::AccessLost(AccessLost::Suspended),
            GitHubError::AccessLost(AccessLost::NotInstalled),
        ];
        for error in all {
            assert!(Failures::default().note(1, error).is_err());
        }
    }
}
