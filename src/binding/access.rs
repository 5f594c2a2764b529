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
    pub fn derive(
        repository: Option<&Repository>,
        installation: Option<&Installation>,
        granted: bool,
        finding: Option<Finding>,
    ) -> Self {
        let reachability = repository.map(|repository| repository.reachability);
        let installation = repository.and(installation);
        let uninstalled =
            installation.is_some_and(|installation| installation.deleted_at.is_some());
        let suspended =
            installation.is_some_and(|installation| installation.suspended_at.is_some());
        if reachability == Some(Reachability::Gone) {
            Self::Gone
        } else if reachability == Some(Reachability::AccessLost)
            || uninstalled
            || finding == Some(Finding::AccessLost)
        {
            Self::AccessLost
        } else if suspended || finding == Some(Finding::Suspended) {
            Self::Suspended
        } else if repository.is_some() && !granted || finding == Some(Finding::NotGranted) {
            Self::NotGranted
        } else if finding == Some(Finding::RefMissing) {
            Self::RefMissing
        } else if repository.is_some() {
            Self::Reachable
        } else {
            Self::Unknown
        }
    }
}
