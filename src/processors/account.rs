//! An owner was renamed, as `organization` or `installation_target` says: the names of all its
//! repositories are read again.

use std::collections::BTreeSet;

use diesel::QueryResult;

use super::{Processing, Verdict, enqueue_sync};
use crate::binding;
use crate::db::Conn;
use crate::github::event::{AccountAction, AccountEvent};
use crate::installation;
use crate::refresh::{self, InstallationHint, RepositoryHint};
use crate::repository;

pub(super) async fn process(
    event: &AccountEvent,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<Verdict> {
    if let AccountAction::Other(action) = &event.action {
        return Ok(Verdict::ignored("action_not_used").because(format!(
            "nothing is done with the action {action} of {}",
            processing.delivery.event
        )));
    }
    let host = &processing.app.host;
    let mut decisions = Vec::new();
    if let Some(login) = &event.former_login {
        let of_owner = binding::unsynced_of_owner(host, login, conn).await?;
        for binding in super::may_know(of_owner, event.installation_id, processing, conn).await? {
            let reason = "unsynced_of_this_owner";
            decisions.push(enqueue_sync(&binding, reason, None, processing, conn).await?);
        }
    }
    let refreshed = refresh_all(event, processing, conn).await?;
    if refreshed == 0 && decisions.is_empty() {
        return Ok(Verdict::ignored("no_binding").because(format!(
            "nothing of the owner {} ({}) is bound",
            event.owner_id, event.login
        )));
    }
    Ok(Verdict {
        decisions,
        ..Verdict::processed()
    })
}

/// By the lists of its installations, a page for a hundred names; what these do not cover, one by one.
async fn refresh_all(
    event: &AccountEvent,
    processing: &Processing<'_>,
    conn: &mut Conn,
) -> QueryResult<usize> {
    let request = processing.request();
    let app = processing.app.row;
    let mut listed = BTreeSet::new();
    for row in installation::of_account(app, event.owner_id, conn).await? {
        let hint = InstallationHint {
            look: true,
            ..InstallationHint::default()
        };
        refresh::request_installation(row.id, hint, &request, conn).await?;
        listed.insert(row.id);
    }
    let mut refreshed = listed.len();
    let owned = repository::of_owner(&processing.app.host, event.owner_id, conn).await?;
    for row in &owned {
        if row.installation_id.is_some_and(|id| listed.contains(&id)) {
            continue;
        }
        let hint = RepositoryHint::default();
        refresh::request_repository(row.id, hint, &request, conn).await?;
        refreshed += 1;
    }
    Ok(refreshed)
}
