//! Asking GitHub what it says now: of one repository, of one installation.
//!
//! Events are hints. Whatever one of them says about identity or access, a refresh reads the truth, and
//! only what was read is written. That is what makes replays, stale and forged events harmless.

mod cover;
mod installation;
mod look;
mod lost;
mod outcome;
mod repository;
mod sighting;

use diesel::QueryResult;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use cover::{Cover, Found, Through, ask_for_installation};
pub use installation::InstallationRefresh;
pub use outcome::{Trouble, left_to_another, outcome_of};
pub use repository::{RepositoryRefresh, follow_up};
pub use sighting::{Sighting, record_sighting, wake_unsynced};

use crate::db::Conn;
use crate::ids::{InstallationRowId, RepositoryRowId};
use crate::queue::{self, Enqueued, JobState, NewJob, Request};

/// As in `jobs.kind`; the target is the repository's row.
pub const REPOSITORY: &str = "repository_refresh";
/// As in `jobs.kind`; the target is the installation's row.
pub const INSTALLATION: &str = "installation_refresh";

/// What an event said of a repository, for the refresh to confirm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryHint {
    /// It was taken out of an installation: when it is missing, it is somewhere else.
    pub removed: bool,
}

/// What an event said of an installation, for the refresh to confirm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallationHint {
    /// Its repositories are to be listed and compared with what we know.
    pub look: bool,
    /// It covers fewer repositories than before: what it does not list was taken out.
    pub narrowed: bool,
    /// It may read again what it could not: everything bound in it catches up.
    pub restored: bool,
}

/// Asks for a refresh of a repository, in the transaction that decided so. It begins by asking as the App,
/// so that no pause of the installation on record holds it up.
pub async fn request_repository(
    repository: RepositoryRowId,
    hint: RepositoryHint,
    request: &Request,
    conn: &mut Conn,
) -> QueryResult<Enqueued> {
    let new = NewJob {
        kind: REPOSITORY.into(),
        target: repository.get(),
        lane: request.lane,
        cause: request.cause.clone(),
        hint: Some(json!(hint)),
        organization_id: None,
        installation_id: None,
        max_attempts: request.max_attempts,
    };
    queue::enqueue(new, request.at, conn).await
}

/// Asks for a refresh of an installation, in the transaction that decided so.
pub async fn request_installation(
    installation: InstallationRowId,
    hint: InstallationHint,
    request: &Request,
    conn: &mut Conn,
) -> QueryResult<Enqueued> {
    let new = NewJob {
        kind: INSTALLATION.into(),
        target: installation.get(),
        lane: request.lane,
        cause: request.cause.clone(),
        hint: Some(json!(hint)),
        organization_id: None,
        installation_id: Some(installation),
        max_attempts: request.max_attempts,
    };
    queue::enqueue(new, request.at, conn).await
}

/// An installation works that did not: unless a look at all it covers is under way already.
pub(crate) async fn request_restored(
    installation: InstallationRowId,
    request: &Request,
    conn: &mut Conn,
) -> QueryResult<()> {
    let jobs = queue::running_or_waiting(INSTALLATION, installation.get(), conn).await?;
    if jobs.iter().any(|job| job.state == JobState::Running) {
        return Ok(());
    }
    let hint = InstallationHint {
        restored: true,
        ..InstallationHint::default()
    };
    request_installation(installation, hint, &request.in_bulk(), conn).await?;
    Ok(())
}
