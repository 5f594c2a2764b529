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
use crate::github::ids::{InstallationId, RepositoryId};
use crate::installation::{self, Installation};
use crate::refresh::{self, InstallationHint, RepositoryHint};
use crate::repository::{self, Repository};

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
    let mut decisions = Vec::new();
    for named in &event.added {
        look_at(named, RepositoryHint { removed: false }, processing, conn).await?;
        if let Some(name) = &named.name {
            decisions.extend(look_again(name, Some(event.id), processing, conn).await?);
        }
    }
    for named in &event.removed {
        look_at(named, RepositoryHint { removed: true }, processing, conn).await?;
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

/// One that was added may be covered by another installation than the one on record; one that was removed
/// is not covered by it any more.
async fn look_at(
    named: &NamedRepository,
    hint: RepositoryHint,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<()> {
    let Some(row) = row_of(named.id, processing, conn).await? else {
        return Ok(());
    };
    let request = processing.request();
    refresh::request_repository(row.id, hint, &request, conn).await?;
    repository::doubt_installation(row.id, processing.now, conn).await
}

async fn row_of(
    id: RepositoryId,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Option<Repository>> {
    repository::find_by_github_id(&processing.app.host, id, conn).await
}
