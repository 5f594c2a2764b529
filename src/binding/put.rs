use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::Error;
use diesel_async::{AsyncConnection, RunQueryDsl};

use super::place::{Place, find_in};
use super::request::BindingSpec;
use super::view::{BindingView, view};
use super::{Binding, Finding, Status};
use crate::config::Grants;
use crate::content;
use crate::db::schema::bindings;
use crate::db::{Conn, Json};
use crate::github::RepositoryName;
use crate::ids::{BindingId, RepositoryRowId};
use crate::organization::Put;
use crate::queue::{self, Cause, Enqueued};
use crate::repository::{Repository, key_of};
use crate::slug::Slug;
use crate::sync;

/// A `PUT` of a binding that has been understood and allowed.
#[derive(Debug)]
pub struct PutBinding<'a> {
    pub place: Place,
    pub name: &'a Slug,
    pub spec: &'a BindingSpec,
    /// What `If-Match` asks for: the version that the client has seen.
    pub expected_version: Option<i64>,
    pub cause: Cause,
    pub max_attempts: i32,
    pub grants: Grants,
}

/// What came of it.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is the rule, and lives for a moment"
)]
pub enum PutOutcome {
    Done(Binding, Put),
    /// Somebody else has changed it since.
    VersionDiffers,
}

/// Makes the binding, changes it, or finds that it is so already. Must run in a transaction.
pub async fn put(
    put: &PutBinding<'_>,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<PutOutcome> {
    loop {
        if put.expected_version.is_none()
            && let Some(binding) = insert(put, now, conn).await?
        {
            sync(put, &binding, now, conn).await?;
            return Ok(PutOutcome::Done(binding, Put::Created));
        }
        let Some(seen) = find(put, conn).await? else {
            if put.expected_version.is_some() {
                return Ok(PutOutcome::VersionDiffers);
            }
            // Deleted since: then it is made.
            continue;
        };
        if !is_expected(put, &seen.binding) {
            return Ok(PutOutcome::VersionDiffers);
        }
        let Some(change) = Change::of(put, &seen) else {
            return Ok(PutOutcome::Done(seen.binding, Put::Identical));
        };
        let changed = conn
            .transaction(async |conn| apply(change, put, &seen.binding, now, conn).await)
            .await;
        match changed {
            // Somebody else was faster, and what was asked for is taken back: it is decided anew.
            Err(Error::RollbackTransaction) => {}
            changed => return Ok(PutOutcome::Done(changed?, Put::Changed)),
        }
    }
}

/// What a `PUT` asks of a binding that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Another repository.
    Source,
    /// Another ref, folder or set of required files of the same one.
    Selection,
}

impl Change {
    /// `None`: it is so already.
    fn of(put: &PutBinding<'_>, seen: &BindingView) -> Option<Self> {
        if !is_same_source(put, seen) {
            Some(Self::Source)
        } else if !is_same_selection(put.spec, &seen.binding) {
            Some(Self::Selection)
        } else {
            None
        }
    }
}

/// Asks for the sync before the binding is locked (see [`super::lock`]), and so before it is certain that
/// there is anything to change: where what was seen is not so any more, nothing of it may stay.
async fn apply(
    change: Change,
    put: &PutBinding<'_>,
    seen: &Binding,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Binding> {
    match change {
        Change::Selection => {
            sync(put, seen, now, conn).await?;
            let locked = lock(change, put, seen.id, conn).await?;
            select_otherwise(put, &locked, now, conn).await
        }
        Change::Source => {
            let of_another = Binding {
                repository_id: None,
                ..seen.clone()
            };
            sync(put, &of_another, now, conn).await?;
            queue::forget_waiting(sync::KIND, seen.id.get(), conn).await?;
            let locked = lock(change, put, seen.id, conn).await?;
            point_elsewhere(put, &locked, now, conn).await
        }
    }
}

/// The binding, locked, if the same is still asked of it.
async fn lock(
    change: Change,
    put: &PutBinding<'_>,
    id: BindingId,
    conn: &mut Conn,
) -> QueryResult<Binding> {
    super::lock(id, conn).await?;
    let locked = view(id, conn).await?;
    locked
        .filter(|now| is_expected(put, &now.binding) && Change::of(put, now) == Some(change))
        .map(|now| now.binding)
        .ok_or(Error::RollbackTransaction)
}

fn is_expected(put: &PutBinding<'_>, seen: &Binding) -> bool {
    put.expected_version
        .is_none_or(|version| version == seen.version)
}

async fn sync(
    put: &PutBinding<'_>,
    binding: &Binding,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Enqueued> {
    sync::request(
        binding,
        put.cause.clone(),
        None,
        put.max_attempts,
        now,
        conn,
    )
    .await
}

/// Twenty concurrent first `PUT`s meet at the unique index; one of them makes the row.
async fn insert(
    put: &PutBinding<'_>,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Option<Binding>> {
    let place = (
        bindings::organization_id.eq(put.place.organization),
        bindings::project_id.eq(put.place.project),
        bindings::name.eq(put.name.as_str()),
        bindings::generation.eq(1_i64),
        bindings::version.eq(1_i64),
        bindings::status.eq(Status::Pending),
        bindings::created_at.eq(now),
        bindings::updated_at.eq(now),
    );
    diesel::insert_into(bindings::table)
        .values((place, source_columns(put), selection_columns(put.spec)))
        .on_conflict_do_nothing()
        .returning(Binding::as_returning())
        .get_result(conn)
        .await
        .optional()
}

async fn find(put: &PutBinding<'_>, conn: &mut Conn) -> QueryResult<Option<BindingView>> {
    match find_in(put.place, put.name.as_str(), conn).await? {
        Some(binding) => view(binding.id, conn).await,
        None => Ok(None),
    }
}

/// The same repository: called as it was requested, or by any name that it has had since and that the
/// organisation may know. Whatever sits at a former name by now is not what the operator bound.
fn is_same_source(put: &PutBinding<'_>, seen: &BindingView) -> bool {
    let (binding, name) = (&seen.binding, &put.spec.repository);
    if binding.github_host != put.spec.host {
        return false;
    }
    let was_called_so = |repository: &Repository| {
        let names = seen.names.iter();
        let mut names = names.map(|name| RepositoryName::new(&*name.owner, &*name.name));
        repository.full_name() == *name || names.any(|was| was == *name)
    };
    *name == binding.requested_name()
        || *name == binding.sought_name()
        || seen.shown_repository(put.grants).is_some_and(was_called_so)
}

fn is_same_selection(spec: &BindingSpec, existing: &Binding) -> bool {
    existing.wanted_ref().as_ref() == Ok(&spec.git_ref)
        && spec.root_path.as_str() == existing.root_path
        && spec.required_files == existing.required_files.0
}

/// To another repository: nothing that was learnt of the old one may stay, but its last good content.
async fn point_elsewhere(
    put: &PutBinding<'_>,
    existing: &Binding,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Binding> {
    let unsynced = (
        bindings::repository_id.eq(None::<RepositoryRowId>),
        bindings::followed_owner.eq(None::<String>),
        bindings::followed_repo.eq(None::<String>),
        bindings::synced_ref.eq(None::<String>),
        bindings::commit_sha.eq(None::<String>),
        bindings::synced_at.eq(None::<DateTime<Utc>>),
    );
    diesel::update(bindings::table.find(existing.id))
        .set((
            source_columns(put),
            selection_columns(put.spec),
            unsynced,
            changed_columns(existing, now),
        ))
        .returning(Binding::as_returning())
        .get_result(conn)
        .await
}

/// Another ref, folder or set of required files of the same repository: the ids stay.
async fn select_otherwise(
    put: &PutBinding<'_>,
    existing: &Binding,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<Binding> {
    diesel::update(bindings::table.find(existing.id))
        .set((selection_columns(put.spec), changed_columns(existing, now)))
        .returning(Binding::as_returning())
        .get_result(conn)
        .await
}

type SourceColumns = (
    diesel::dsl::Eq<bindings::github_host, String>,
    diesel::dsl::Eq<bindings::github_owner, String>,
    diesel::dsl::Eq<bindings::github_repo, String>,
    diesel::dsl::Eq<bindings::owner_key, String>,
    diesel::dsl::Eq<bindings::repo_key, String>,
);

fn source_columns(put: &PutBinding<'_>) -> SourceColumns {
    let name = &put.spec.repository;
    (
        bindings::github_host.eq(put.spec.host.clone()),
        bindings::github_owner.eq(name.owner.clone()),
        bindings::github_repo.eq(name.name.clone()),
        bindings::owner_key.eq(key_of(&name.owner)),
        bindings::repo_key.eq(key_of(&name.name)),
    )
}

type SelectionColumns = (
    diesel::dsl::Eq<bindings::git_ref, Option<String>>,
    diesel::dsl::Eq<bindings::root_path, String>,
    diesel::dsl::Eq<bindings::required_files, Json<Vec<String>>>,
);

fn selection_columns(spec: &BindingSpec) -> SelectionColumns {
    (
        bindings::git_ref.eq(spec.git_ref.as_ref().map(ToString::to_string)),
        bindings::root_path.eq(spec.root_path.as_str().to_owned()),
        bindings::required_files.eq(Json(spec.required_files.clone())),
    )
}

type ChangedColumns = (
    diesel::dsl::Eq<bindings::status, Status>,
    diesel::dsl::Eq<bindings::error, Option<String>>,
    diesel::dsl::Eq<bindings::finding, Option<Finding>>,
    diesel::dsl::Eq<bindings::tried_commit, Option<String>>,
    diesel::dsl::Eq<bindings::generation, i64>,
    diesel::dsl::Eq<bindings::version, i64>,
    diesel::dsl::Eq<bindings::updated_at, DateTime<Utc>>,
);

fn changed_columns(existing: &Binding, now: DateTime<Utc>) -> ChangedColumns {
    (
        bindings::status.eq(Status::Pending),
        bindings::error.eq(None),
        bindings::finding.eq(None),
        bindings::tried_commit.eq(None),
        bindings::generation.eq(existing.generation + 1),
        bindings::version.eq(existing.version + 1),
        bindings::updated_at.eq(now),
    )
}

/// Deletes the binding, its content, and calls off what waits for it. Must run in a transaction.
pub async fn delete(binding: &Binding, now: DateTime<Utc>, conn: &mut Conn) -> QueryResult<()> {
    queue::cancel_waiting(
        sync::KIND,
        binding.id.get(),
        "the binding was deleted",
        now,
        conn,
    )
    .await?;
    super::lock(binding.id, conn).await?;
    content::drop_all(binding.id, conn).await?;
    diesel::delete(bindings::table.find(binding.id))
        .execute(conn)
        .await?;
    Ok(())
}
