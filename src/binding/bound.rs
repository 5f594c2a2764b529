//! What is bound, asked from GitHub's side: of these repositories, of these owners, of this ref.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Binding, Finding, Status, unsynced_named};
use crate::db::Conn;
use crate::db::schema::{bindings, repositories};
use crate::github::ids::OwnerId;
use crate::ids::{BindingId, RepositoryRowId};
use crate::repository::Repository;

/// The owners that never-synced bindings name, as keys.
pub async fn unsynced_owners(host: &str, conn: &mut Conn) -> QueryResult<Vec<String>> {
    bindings::table
        .filter(bindings::repository_id.is_null())
        .filter(bindings::github_host.eq(host))
        .select(bindings::owner_key)
        .distinct()
        .load(conn)
        .await
}

/// Those of these repositories that a binding points at.
pub async fn bound_among(
    among: &[RepositoryRowId],
    conn: &mut Conn,
) -> QueryResult<Vec<RepositoryRowId>> {
    bindings::table
        .filter(bindings::repository_id.eq_any(among.to_vec()))
        .select(bindings::repository_id.assume_not_null())
        .distinct()
        .load(conn)
        .await
}

/// Whether more than one binding points at a repository.
pub async fn is_shared(repository: RepositoryRowId, conn: &mut Conn) -> QueryResult<bool> {
    let two: Vec<BindingId> = bindings::table
        .filter(bindings::repository_id.eq(repository))
        .select(bindings::id)
        .limit(2)
        .load(conn)
        .await?;
    Ok(two.len() > 1)
}

/// Those of these names, as keys of owner and repository, that a binding was requested by.
pub async fn requested_among(
    host: &str,
    names: &BTreeSet<(String, String)>,
    conn: &mut Conn,
) -> QueryResult<BTreeSet<(String, String)>> {
    let owners: BTreeSet<&String> = names.iter().map(|(owner, _)| owner).collect();
    let repos: BTreeSet<&String> = names.iter().map(|(_, repo)| repo).collect();
    // More than was asked for: any of the owners with any of the repositories.
    let requested: Vec<(String, String)> = bindings::table
        .filter(bindings::github_host.eq(host))
        .filter(bindings::owner_key.eq_any(owners))
        .filter(bindings::repo_key.eq_any(repos))
        .select((bindings::owner_key, bindings::repo_key))
        .distinct()
        .load(conn)
        .await?;
    let requested = requested.into_iter();
    Ok(requested.filter(|name| names.contains(name)).collect())
}

/// Those of these owners of whose repositories a binding points at one.
pub async fn bound_owners(
    host: &str,
    among: &[OwnerId],
    conn: &mut Conn,
) -> QueryResult<Vec<OwnerId>> {
    repositories::table
        .inner_join(bindings::table)
        .filter(repositories::github_host.eq(host))
        .filter(repositories::owner_id.eq_any(among.to_vec()))
        .select(repositories::owner_id)
        .distinct()
        .load(conn)
        .await
}

/// What follows a ref of a repository, by its id or, before the first sync, by its name.
pub async fn on_ref(
    repository: &Repository,
    git_ref: &str,
    conn: &mut Conn,
) -> QueryResult<Vec<Binding>> {
    let mut bound: Vec<Binding> = bindings::table
        .filter(bindings::repository_id.eq(repository.id))
        .filter(bindings::git_ref.eq(git_ref).assume_not_null())
        .select(Binding::as_select())
        .load(conn)
        .await?;
    if repository.follows_default(git_ref) {
        let by_default: Vec<Binding> = bindings::table
            .filter(bindings::repository_id.eq(repository.id))
            .filter(bindings::git_ref.is_null())
            .select(Binding::as_select())
            .load(conn)
            .await?;
        bound.extend(by_default);
    }
    bound.extend(unsynced_on_ref(repository, git_ref, conn).await?);
    bound.sort_by_key(|binding| binding.id);
    Ok(bound)
}

async fn unsynced_on_ref(
    repository: &Repository,
    git_ref: &str,
    conn: &mut Conn,
) -> QueryResult<Vec<Binding>> {
    let (host, name) = (&repository.github_host, repository.full_name());
    let mut unsynced = unsynced_named(host, &name, conn).await?;
    unsynced.retain(|binding| match &binding.git_ref {
        Some(wanted) => wanted == git_ref,
        None => repository.follows_default(git_ref),
    });
    Ok(unsynced)
}

/// What follows a ref of a repository that can be read, and is not as that would have it: it last succeeded
/// at another commit or ref, or failed at another commit or for a reason that does not hold. What failed at
/// this very head, having looked into it, is not among them. `head` is `None` where there is no such ref.
pub async fn behind(
    repository: &Repository,
    git_ref: &str,
    head: Option<&str>,
    conn: &mut Conn,
) -> QueryResult<Vec<Binding>> {
    let elsewhere = bindings::commit_sha
        .is_null()
        .or(bindings::commit_sha
            .ne(head.unwrap_or_default())
            .assume_not_null())
        .or(bindings::synced_ref.is_null())
        .or(bindings::synced_ref.ne(git_ref).assume_not_null());
    let succeeded = bindings::status.eq(Status::Succeeded).and(elsewhere);
    let mut outdated = Finding::OUT_OF_REACH.to_vec();
    outdated.extend(head.map(|_| Finding::RefMissing));
    let out_of_reach = bindings::finding.eq_any(outdated).assume_not_null();
    let at_another = bindings::tried_commit
        .ne(head.unwrap_or_default())
        .assume_not_null();
    let failed = bindings::status
        .eq(Status::Failed)
        .and(out_of_reach.or(at_another));
    let behind = bindings::table
        .filter(bindings::repository_id.eq(repository.id))
        .filter(succeeded.or(failed))
        .select(Binding::as_select());
    let mut found: Vec<Binding> = behind
        .clone()
        .filter(bindings::git_ref.eq(git_ref).assume_not_null())
        .load(conn)
        .await?;
    if repository.follows_default(git_ref) {
        let by_default = behind.filter(bindings::git_ref.is_null());
        found.extend(by_default.load::<Binding>(conn).await?);
    }
    let unsynced = unsynced_on_ref(repository, git_ref, conn).await?;
    found.extend(unsynced.into_iter().filter(|binding| {
        let tried = binding.tried_commit.as_deref();
        binding.is_out_of_reach() || tried.is_some_and(|tried| Some(tried) != head)
    }));
    found.sort_by_key(|binding| binding.id);
    Ok(found)
}
