//! The App was installed, suspended, given or denied something: GitHub is asked about that installation,
//! and its answer decides.

use diesel::QueryResult;

use super::repository::look_again;
use super::{Processing, Verdict};
use crate::db::Conn;
use crate::github::event::{
    InstallationAction, InstallationEvent, InstallationRepositoriesEvent, NamedRepository,
    SelectionAction,
};
use crate::github::ids::InstallationId;
use crate::ids::RepositoryRowId;
use crate::installation::{self, Installation};
use crate::refresh::{self, InstallationHint, RepositoryHint};
use crate::repository;

pub(super) async fn process(
    event: &InstallationEvent,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    let hint = match &event.action {
        InstallationAction::Created
        | InstallationAction::Unsuspend
        | InstallationAction::NewPermissionsAccepted => InstallationHint {
            restored: true,
            ..InstallationHint::default()
        },
        InstallationAction::Suspend | InstallationAction::Deleted => {
            if known(event.id, processing, conn).await?.is_none() {
                return Ok(not_known(event.id));
            }
            InstallationHint::default()
        }
        InstallationAction::Other(action) => {
            return Ok(Verdict::ignored("action_not_used").because(format!(
                "nothing is done with the action {action} of installation"
            )));
        }
    };
    refresh(event.id, hint, processing, conn).await?;
    Ok(Verdict::processed())
}

pub(super) async fn process_selection(
    event: &InstallationRepositoriesEvent,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    if let SelectionAction::Other(action) = &event.action {
        return Ok(Verdict::ignored("action_not_used").because(format!(
            "nothing is done with the action {action} of installation_repositories"
        )));
    }
    // Nothing named: "all" became "selected", or more than GitHub lists. Then all of it is looked at.
    let unnamed = event.added.is_empty() && event.removed.is_empty();
    let hint = InstallationHint {
        look: unnamed,
        narrowed: unnamed,
        restored: false,
    };
    refresh(event.id, hint, processing, conn).await?;
    let looked_at = known_among(event, processing, conn).await?;
    for (row, hint) in &looked_at {
        refresh::request_repository(*row, *hint, &processing.request(), conn).await?;
    }
    let mut decisions = Vec::new();
    for name in event.added.iter().filter_map(|named| named.name.as_ref()) {
        decisions.extend(look_again(name, Some(event.id), processing, conn).await?);
    }
    // Behind the jobs and bindings, as everybody locks them.
    for (row, _) in &looked_at {
        repository::doubt_installation(*row, processing.now, conn).await?;
    }
    Ok(Verdict {
        decisions,
        ..Verdict::processed()
    })
}

async fn refresh(
    id: InstallationId,
    hint: InstallationHint,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let row = installation::ensure(processing.app.row, id, processing.now, conn).await?;
    refresh::request_installation(row.id, hint, &processing.request(), conn).await?;
    Ok(())
}

async fn known(
    id: InstallationId,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Option<Installation>> {
    installation::find_by_github_id(processing.app.row, id, conn).await
}

fn not_known(id: InstallationId) -> Verdict {
    Verdict::ignored("no_binding").because(format!("nothing is bound in installation {id}"))
}

/// Those of its repositories that are known, in the order in which they are locked. One that was added may
/// be covered by another installation than the one on record; one that was removed is not covered by it
/// any more.
async fn known_among(
    event: &InstallationRepositoriesEvent,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Vec<(RepositoryRowId, RepositoryHint)>> {
    let hinted = |removed| move |named: &NamedRepository| (named.id, RepositoryHint { removed });
    let added = event.added.iter().map(hinted(false));
    let named = added.chain(event.removed.iter().map(hinted(true)));
    let mut known = Vec::new();
    for (id, hint) in named {
        let row = repository::find_by_github_id(&processing.app.host, id, conn).await?;
        known.extend(row.map(|row| (row.id, hint)));
    }
    known.sort_by_key(|(row, _)| *row);
    Ok(known)
}
