//! Which deliveries are worth their bodies: decided from GitHub's list, before any is fetched.

use std::collections::{BTreeMap, BTreeSet};

use diesel::QueryResult;

use crate::apps::App;
use crate::binding;
use crate::db::Conn;
use crate::github::client::HookDelivery;
use crate::github::event;
use crate::github::ids::{InstallationId, RepositoryId};
use crate::installation;
use crate::repository::{self, Repository, key_of};

/// The owners whose repositories never-synced bindings go by the names of, as keys.
pub(super) struct UnsyncedOwners(BTreeSet<String>);

/// What is known of the repositories and installations of some deliveries.
pub(super) struct Concern<'a> {
    unsynced: &'a UnsyncedOwners,
    known: BTreeMap<RepositoryId, Repository>,
    bound: BTreeSet<RepositoryId>,
    /// By the installation, the owner's login as a key.
    owners: BTreeMap<InstallationId, String>,
}

/// Whether a delivery is fetched, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    Fetching,
    /// A stable code.
    Nothing(&'static str),
}

/// Of these every delivery is fetched: they are few, and say who covers what.
const ABOUT_ACCOUNTS: [&str; 5] = [
    "installation",
    "installation_repositories",
    "installation_target",
    "organization",
    "ping",
];

impl UnsyncedOwners {
    pub(super) async fn read(app: &App, conn: &mut Conn) -> QueryResult<Self> {
        let owners = binding::unsynced_owners(&app.host, conn).await?;
        Ok(Self(owners.into_iter().collect()))
    }
}

impl<'a> Concern<'a> {
    pub(super) async fn of(
        deliveries: &[&HookDelivery],
        unsynced: &'a UnsyncedOwners,
        app: &App,
        conn: &mut Conn,
    ) -> QueryResult<Self> {
        let ids: BTreeSet<RepositoryId> = deliveries
            .iter()
            .filter_map(|delivery| delivery.repository_id)
            .collect();
        let ids: Vec<RepositoryId> = ids.into_iter().collect();
        let known = repository::find_all(&app.host, &ids, conn).await?;
        let rows: Vec<_> = known.iter().map(|row| row.id).collect();
        let bound: BTreeSet<_> = binding::bound_among(&rows, conn)
            .await?
            .into_iter()
            .collect();
        let bound = known.iter().filter(|row| bound.contains(&row.id));
        Ok(Self {
            unsynced,
            bound: bound.map(|row| row.github_id).collect(),
            known: known.into_iter().map(|row| (row.github_id, row)).collect(),
            owners: owners(deliveries, app, conn).await?,
        })
    }

    pub(super) fn worth(&self, delivery: &HookDelivery) -> Worth {
        if ABOUT_ACCOUNTS.contains(&delivery.event.as_str()) {
            return Worth::Fetching;
        }
        if !event::is_used(&delivery.event) {
            return Worth::Nothing("event_not_used");
        }
        let concerns = match delivery.repository_id {
            Some(id) if self.bound.contains(&id) => true,
            Some(id) => match self.known.get(&id) {
                Some(row) => self.unsynced.0.contains(&key_of(&row.owner)),
                None => self.may_be_unsynced(delivery),
            },
            None => false,
        };
        if concerns {
            Worth::Fetching
        } else {
            Worth::Nothing("not_bound")
        }
    }

    /// What the repository is called, only the body says.
    fn may_be_unsynced(&self, delivery: &HookDelivery) -> bool {
        // A transfer is told to its new owner, and may be of a name at the old one.
        let of_any_owner = delivery.event == "repository";
        let owner = delivery.installation_id.and_then(|id| self.owners.get(&id));
        match owner {
            Some(owner) if !of_any_owner => self.unsynced.0.contains(owner),
            _ => !self.unsynced.0.is_empty(),
        }
    }
}

async fn owners(
    deliveries: &[&HookDelivery],
    app: &App,
    conn: &mut Conn,
) -> QueryResult<BTreeMap<InstallationId, String>> {
    let ids: BTreeSet<InstallationId> = deliveries
        .iter()
        .filter_map(|delivery| delivery.installation_id)
        .collect();
    let ids: Vec<InstallationId> = ids.into_iter().collect();
    let rows = installation::find_all(app.row, &ids, conn).await?;
    let owner =
        |row: installation::Installation| Some((row.github_id, key_of(&row.account_login?)));
    Ok(rows.into_iter().filter_map(owner).collect())
}
