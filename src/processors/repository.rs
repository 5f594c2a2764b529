//! Something about a repository itself: what is known of it is read again, and what goes by a name that
//! led to it, and has never synced, looks where that leads now.

use diesel::QueryResult;

use super::{Processing, Verdict, enqueue_sync};
use crate::binding;
use crate::db::Conn;
use crate::github::RepositoryName;
use crate::github::event::{RepositoryAction, RepositoryEvent};
use crate::github::ids::InstallationId;
use crate::inbox::NewDecision;
use crate::refresh::{self, RepositoryHint};
use crate::repository;

pub(super) async fn process(
    event: &RepositoryEvent,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    tracing::Span::current().record("repository.id", event.id.get());
    if let RepositoryAction::Other(action) = &event.action {
        return Ok(Verdict::ignored("action_not_used").because(format!(
            "nothing is done with the action {action} of repository"
        )));
    }
    let host = &processing.app.host;
    let known = repository::find_by_github_id(host, event.id, conn).await?;
    // Jobs and bindings are locked before the repository's row, as everybody does.
    if let Some(row) = &known {
        let request = processing.request();
        refresh::request_repository(row.id, RepositoryHint::default(), &request, conn).await?;
    }
    let mut decisions = Vec::new();
    if matters_to_the_unsynced(&event.action) {
        for name in names(event) {
            decisions.extend(look_again(name, event.installation_id, processing, conn).await?);
        }
    }
    // A transfer always changes the installation; which one it is now is asked.
    if let (Some(row), RepositoryAction::Transferred) = (&known, &event.action) {
        repository::doubt_installation(row.id, processing.now, conn).await?;
    }
    if known.is_none() && decisions.is_empty() {
        return Ok(Verdict::ignored("no_binding").because(format!(
            "no binding on repository {} ({})",
            event.id, event.name
        )));
    }
    Ok(Verdict {
        decisions,
        ..Verdict::processed()
    })
}

/// Those that it goes by, or went by until now. They are one where only the case changed: what goes by
/// that is found once.
fn names(event: &RepositoryEvent) -> impl Iterator<Item = &RepositoryName> {
    let former = event.former_name.iter();
    former
        .filter(|former| **former != event.name)
        .chain([&event.name])
}

/// A name appeared, went, or may be read by others now.
fn matters_to_the_unsynced(action: &RepositoryAction) -> bool {
    match action {
        RepositoryAction::Created
        | RepositoryAction::Renamed
        | RepositoryAction::Transferred
        | RepositoryAction::Privatized
        | RepositoryAction::Publicized => true,
        RepositoryAction::Edited
        | RepositoryAction::Archived
        | RepositoryAction::Unarchived
        | RepositoryAction::Deleted
        | RepositoryAction::Other(_) => false,
    }
}

/// Syncs of what goes by a name and has never synced: each asks GitHub where the name leads.
pub(super) async fn look_again(
    name: &RepositoryName,
    installation: Option<InstallationId>,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Vec<NewDecision>> {
    let mut decisions = Vec::new();
    let named = binding::unsynced_named(&processing.app.host, name, conn).await?;
    for binding in super::may_know(named, installation, processing, conn).await? {
        let reason = "unsynced_of_this_name";
        decisions.push(enqueue_sync(&binding, reason, None, processing, conn).await?);
    }
    Ok(decisions)
}
