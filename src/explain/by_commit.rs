//! A commit of a repository: which deliveries tell of it, and what is bound to the repository.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;

use super::case::{BINDINGS, Gathered, app_of, is_visible, too_many};
use super::question::Sought;
use super::{Options, Sight};
use crate::binding::{self, BindingFilter, BindingView, RepositoryFilter};
use crate::config::Grants;
use crate::db::Conn;
use crate::github::ids::RepositoryId;
use crate::github_app::GitHubApp;
use crate::inbox::{self, Delivery, DeliveryFilter};
use crate::repository;

/// Deliveries that are told of; that there are more is said.
const DELIVERIES: usize = 20;

/// A push that could not be looked into does not say its commit: this far back its body is read.
const UNREAD: TimeDelta = TimeDelta::days(1);
const UNREAD_PUSHES: i64 = 50;

pub(super) async fn of_commit(
    sought: &Sought,
    commit: &str,
    apps: Vec<GitHubApp>,
    options: &Options,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Gathered> {
    let mut more = Vec::new();
    let mut views = bound_to(sought, options, conn).await?;
    if views.len() > BINDINGS {
        views.truncate(BINDINGS);
        more.push(too_many("bindings of the repository", BINDINGS));
    }
    let known = known_as(sought, &views, options, conn).await?;
    let filter = DeliveryFilter {
        head_sha: Some(commit.to_owned()),
        ..DeliveryFilter::default()
    };
    let limit = i64::try_from(DELIVERIES + 1).unwrap_or(i64::MAX);
    let mut found = inbox::list(&filter, limit, conn).await?;
    if found.len() > DELIVERIES {
        found.truncate(DELIVERIES);
        more.push(too_many("deliveries of the commit", DELIVERIES));
    }
    if options.sight == Sight::All {
        found.extend(unread(commit, now, conn).await?);
    }
    let mut deliveries = Vec::new();
    for delivery in found {
        let app = app_of(&delivery, &apps);
        let is_of_it = is_about(&delivery, app, sought, &known, options, conn).await?;
        if is_of_it && is_visible(&delivery, app, &views, options) {
            deliveries.push(delivery);
        }
    }
    deliveries.sort_by_key(|delivery| delivery.id);
    // One that is replayed says its commit, and was not looked into again.
    deliveries.dedup_by_key(|delivery| delivery.id);
    Ok(Gathered {
        apps,
        deliveries,
        views,
        commit: Some(commit.to_owned()),
        more,
    })
}

/// One more than are told of, so that it is known whether there are.
async fn bound_to(
    sought: &Sought,
    options: &Options,
    conn: &mut Conn,
) -> QueryResult<Vec<BindingView>> {
    let (organization, grants) = match options.sight {
        Sight::All => (None, Grants::Off),
        Sight::Of(organization) => (Some(organization), options.grants),
    };
    let filter = BindingFilter {
        organization,
        repository: Some(match sought {
            Sought::Id(id) => RepositoryFilter::Id(*id),
            Sought::Name(name) => RepositoryFilter::Name(name.clone(), grants),
        }),
        ..BindingFilter::default()
    };
    let limit = i64::try_from(BINDINGS + 1).unwrap_or(i64::MAX);
    binding::list(&filter, limit, conn).await
}

/// The repositories that are meant, by their hosts and ids.
type Known = BTreeSet<(String, RepositoryId)>;

async fn known_as(
    sought: &Sought,
    views: &[BindingView],
    options: &Options,
    conn: &mut Conn,
) -> QueryResult<Known> {
    let is_shown = |view: &&BindingView| {
        options.sight == Sight::All || view.shown_repository(options.grants).is_some()
    };
    let of_views = views.iter().filter(is_shown);
    let mut known: Known = of_views
        .filter_map(|view| view.repository.as_ref())
        .map(|row| (row.github_host.clone(), row.github_id))
        .collect();
    if let (Sight::All, Sought::Name(name)) = (options.sight, sought) {
        let named = repository::named(name, conn).await?;
        known.extend(
            named
                .into_iter()
                .map(|row| (row.github_host, row.github_id)),
        );
    }
    Ok(known)
}

/// The pushes that nobody has looked into, of this commit.
async fn unread(commit: &str, now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<Vec<Delivery>> {
    let mut found = Vec::new();
    for mut delivery in inbox::unread_pushes(now - UNREAD, UNREAD_PUSHES, conn).await? {
        let push = inbox::push_of(delivery.id, conn).await?;
        if let Some(push) = push.filter(|push| push.after.to_string() == commit) {
            // What its row will say once somebody has.
            delivery.repository_github_id = Some(push.repository.id);
            delivery.git_ref = Some(push.git_ref);
            delivery.head_sha = Some(commit.to_owned());
            found.push(delivery);
        }
    }
    Ok(found)
}

/// What was never synced is known by no id: there its push says what it is called.
async fn is_about(
    delivery: &Delivery,
    app: Option<&GitHubApp>,
    sought: &Sought,
    known: &Known,
    options: &Options,
    conn: &mut Conn,
) -> QueryResult<bool> {
    let host = app.map(|app| app.host.clone());
    let identity = host.zip(delivery.repository_github_id);
    if identity.is_some_and(|identity| known.contains(&identity)) {
        return Ok(true);
    }
    match sought {
        _ if options.sight != Sight::All => Ok(false),
        Sought::Id(id) => Ok(delivery.repository_github_id == Some(*id)),
        Sought::Name(name) => {
            let push = inbox::push_of(delivery.id, conn).await?;
            Ok(push.is_none_or(|push| push.repository.name == *name))
        }
    }
}
