use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::place::{Place, find_in};
use super::request::BindingSpec;
use super::{Binding, Finding, Status};
use crate::content;
use crate::db::schema::bindings;
use crate::db::{Conn, Json};
use crate::ids::RepositoryRowId;
use crate::organization::Put;
use crate::queue::{self, Cause, Enqueued};
use crate::repository::{self, key_of};
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
    if put.expected_version.is_none()
        && let Some(binding) = insert(put, now, conn).await?
    {
        sync(put, &binding, now, conn).await?;
        return Ok(PutOutcome::Done(binding, Put::Created));
    }
    let Some(existing) = find_for_update(put, conn).await? else {
        return Ok(PutOutcome::VersionDiffers);
    };
    if put
        .expected_version
        .is_some_and(|version| version != existing.version)
    {
        return Ok(PutOutcome::VersionDiffers);
    }
    if !is_same_source(put, &existing, conn).await? {
        let binding = point_elsewhere(put, &existing, now, conn).await?;
        queue::forget_waiting(sync::KIND, binding.id.get(), conn).await?;
        sync(put, &binding, now, conn).await?;
        return Ok(PutOutcome::Done(binding, Put::Changed));
    }
    if is_same_selection(put.spec, &existing) {
        return Ok(PutOutcome::Done(existing, Put::Identical));
    }
    let binding = select_otherwise(put, &existing, now, conn).await?;
    sync(put, &binding, now, conn).await?;
    Ok(PutOutcome::Done(binding, Put::Changed))
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

/// Locks what waits for the binding before the binding itself, as everybody does.
async fn find_for_update(put: &PutBinding<'_>, conn: &mut Conn) -> QueryResult<Option<Binding>> {
    let Some(binding) = find_in(put.place, put.name.as_str(), conn).await? else {
        return Ok(None);
    };
    queue::lock_waiting(sync::KIND, binding.id.get(), conn).await?;
    super::lock(binding.id, conn).await
}

/// The same repository: called as it was requested, or as it is called now.
async fn is_same_source(
    put: &PutBinding<'_>,
    existing: &Binding,
    conn: &mut Conn,
) -> QueryResult<bool> {
    if existing.github_host != put.spec.host {
        return Ok(false);
    }
    let name = &put.spec.repository;
    if *name == existing.requested_name() || *name == existing.sought_name() {
        return Ok(true);
    }
    let Some(id) = existing.repository_id else {
        return Ok(false);
    };
    Ok(repository::find(id, conn)
        .await?
        .is_some_and(|repository| repository.full_name() == *name))
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
    diesel::dsl::Eq<bindings::generation, i64>,
    diesel::dsl::Eq<bindings::version, i64>,
    diesel::dsl::Eq<bindings::updated_at, DateTime<Utc>>,
);

fn changed_columns(existing: &Binding, now: DateTime<Utc>) -> ChangedColumns {
    (
        bindings::status.eq(Status::Pending),
        bindings::error.eq(None),
        bindings::finding.eq(None),
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
