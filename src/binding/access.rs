use crate::db::text_enum;
use crate::installation::Installation;
use crate::repository::{Reachability, Repository};

text_enum! {
    /// Can we read what is bound? Derived from what is known of GitHub's things, never written.
    pub enum Access {
        /// No sync has succeeded yet, and none has found why not.
        Unknown = "unknown",
        Reachable = "reachable",
        /// The App's installation is suspended.
        Suspended = "suspended",
        /// The App was uninstalled, or the repository taken out of its selection.
        AccessLost = "access_lost",
        /// The organisation may not bind repositories of this installation.
        NotGranted = "not_granted",
        /// The repository is no more.
        Gone = "gone",
        /// The repository has no such branch or tag.
        RefMissing = "ref_missing",
    }
}

text_enum! {
    /// What the last sync found about a binding itself, where no row of GitHub's things can say it.
    pub enum Finding {
        AccessLost = "access_lost",
        Suspended = "suspended",
        NotGranted = "not_granted",
        RefMissing = "ref_missing",
    }
}

impl Access {
    /// The one precedence: what a person has to mend first comes first. `granted` is of the
    /// installation of the repository.
    ///
    /// Once synced, GitHub's things say it: what a sync found about them is on their rows. Until then
    /// there is no row to say it, and the binding's own finding does.
    pub fn derive(
        repository: Option<&Repository>,
        installation: Option<&Installation>,
        granted: bool,
        finding: Option<Finding>,
    ) -> Self {
        let Some(repository) = repository else {
            return finding.map_or(Self::Unknown, Self::from);
        };
        if repository.reachability == Reachability::Gone {
            Self::Gone
        } else if repository.reachability == Reachability::AccessLost
            || installation.is_some_and(is_lost)
        {
            Self::AccessLost
        } else if installation.is_some_and(|installation| installation.suspended_at.is_some()) {
            Self::Suspended
        } else if !granted || finding == Some(Finding::NotGranted) {
            Self::NotGranted
        } else if finding == Some(Finding::RefMissing) {
            Self::RefMissing
        } else {
            Self::Reachable
        }
    }
}

/// Uninstalled, or without a permission that reading needs.
fn is_lost(installation: &Installation) -> bool {
    installation.deleted_at.is_some() || installation.missing_permission().is_some()
}

impl Finding {
    /// Nothing could be read: what was to be synced was not even looked at.
    pub const OUT_OF_REACH: [Self; 3] = [Self::AccessLost, Self::Suspended, Self::NotGranted];
}

impl From<Finding> for Access {
    fn from(finding: Finding) -> Self {
        match finding {
            Finding::AccessLost => Self::AccessLost,
            Finding::Suspended => Self::Suspended,
            Finding::NotGranted => Self::NotGranted,
            Finding::RefMissing => Self::RefMissing,
        }
    }
}
