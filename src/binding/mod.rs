//! Bindings: this place is filled from that repository, at that ref, under that path.

mod access;
mod bound;
mod granted;
mod place;
mod put;
mod request;
mod root_path;
mod state;
mod tally;
mod view;
mod written;

pub use access::{Access, Finding};
pub use bound::{
    behind, bound_among, bound_owners, is_shared, on_ref, requested_among, unsynced_owners,
};
pub use granted::{of_installation, waiting_for_grant};
pub use place::{Place, always_required, find_in, is_template_name};
pub use put::{PutBinding, PutOutcome, delete, put};
pub use request::{BindingRequest, BindingSpec, InvalidField};
pub use root_path::{ParseRootPathError, RootPath};
pub use state::{Published, fail, follow, publish, record_delivery, record_finding, record_job};
pub use tally::count;
pub use view::{BindingFilter, BindingView, RepositoryFilter, list, view};
pub use written::{ParseWrittenError, Written};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::{bindings, repositories};
use crate::db::{Conn, Dialect, Driver, Json, text_enum};
use crate::git::{GitRef, ParseRefError};
use crate::github::RepositoryName;
use crate::ids::{
    BindingId, ContentId, DeliveryId, JobId, OrganizationId, ProjectId, RepositoryRowId,
};
use crate::repository::{Repository, key_of};

text_enum! {
    /// How the last sync ended.
    pub enum Status {
        /// None has ended since the binding was made, or since it was pointed elsewhere.
        Pending = "pending",
        Succeeded = "succeeded",
        Failed = "failed",
    }
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = bindings, check_for_backend(Dialect))]
pub struct Binding {
    pub id: BindingId,
    pub organization_id: OrganizationId,
    pub project_id: Option<ProjectId>,
    pub name: String,
    pub github_host: String,
    pub github_owner: String,
    pub github_repo: String,
    /// What the name that was requested was seen to lead to, before the first sync.
    pub followed_owner: Option<String>,
    pub followed_repo: Option<String>,
    /// As operators write it; `None` is the default branch.
    pub git_ref: Option<String>,
    pub root_path: String,
    pub required_files: Json<Vec<String>>,
    pub repository_id: Option<RepositoryRowId>,
    pub content_id: Option<ContentId>,
    pub commit_sha: Option<String>,
    pub synced_ref: Option<String>,
    pub status: Status,
    pub error: Option<String>,
    pub finding: Option<Finding>,
    /// At which a sync failed for what it holds, since the last that succeeded.
    pub tried_commit: Option<String>,
    pub last_job_id: Option<JobId>,
    pub last_delivery_id: Option<DeliveryId>,
    pub generation: i64,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub synced_at: Option<DateTime<Utc>>,
}

impl Binding {
    /// What the operator called the repository.
    pub fn requested_name(&self) -> RepositoryName {
        RepositoryName::new(self.github_owner.as_str(), self.github_repo.as_str())
    }

    /// What it goes by while it is unsynced: the name that was requested, or what that led to.
    pub fn sought_name(&self) -> RepositoryName {
        match (&self.followed_owner, &self.followed_repo) {
            (Some(owner), Some(repo)) => RepositoryName::new(owner.as_str(), repo.as_str()),
            _ => self.requested_name(),
        }
    }

    /// `None`: the default branch, whichever that is. What cannot be read again is an error, never the
    /// default branch.
    pub fn wanted_ref(&self) -> Result<Option<GitRef>, ParseRefError> {
        self.git_ref.as_deref().map(str::parse).transpose()
    }

    /// Whether its last sync could not reach the repository, and found no other fault.
    pub fn is_out_of_reach(&self) -> bool {
        self.finding
            .is_some_and(|finding| Finding::OUT_OF_REACH.contains(&finding))
    }

    pub fn root(&self) -> Result<RootPath, ParseRootPathError> {
        self.root_path.parse()
    }
}

/// The binding, locked until the transaction ends.
///
/// The one order of locks, of all who write: the jobs of a target, then what it is. Who asks for a sync
/// does so before the binding is locked or written, also when no job waits for it yet: two requests meet
/// at the unique index of waiting jobs, and the later one waits there for the transaction of the earlier.
pub async fn lock(id: BindingId, conn: &mut Conn) -> QueryResult<Option<Binding>> {
    if let Driver::Postgres(connection) = conn.driver() {
        let row = bindings::table.find(id).select(bindings::id).for_update();
        row.first::<BindingId>(connection).await.optional()?;
    }
    find(id, conn).await
}

pub async fn find(id: BindingId, conn: &mut Conn) -> QueryResult<Option<Binding>> {
    bindings::table
        .find(id)
        .select(Binding::as_select())
        .first(conn)
        .await
        .optional()
}

/// Everything that is bound to a repository.
pub async fn of_repository(
    repository: RepositoryRowId,
    conn: &mut Conn,
) -> QueryResult<Vec<Binding>> {
    bindings::table
        .filter(bindings::repository_id.eq(repository))
        .order(bindings::id)
        .select(Binding::as_select())
        .load(conn)
        .await
}

/// What goes by a name and has never synced.
pub async fn unsynced_named(
    host: &str,
    name: &RepositoryName,
    conn: &mut Conn,
) -> QueryResult<Vec<Binding>> {
    bindings::table
        .filter(bindings::github_host.eq(host))
        .filter(bindings::owner_key.eq(key_of(&name.owner)))
        .filter(bindings::repo_key.eq(key_of(&name.name)))
        .filter(bindings::repository_id.is_null())
        .order(bindings::id)
        .select(Binding::as_select())
        .load(conn)
        .await
}

/// What has never synced, because nothing by its name could be reached.
pub async fn unsynced_out_of_reach(host: &str, conn: &mut Conn) -> QueryResult<Vec<Binding>> {
    bindings::table
        .filter(bindings::github_host.eq(host))
        .filter(bindings::repository_id.is_null())
        .filter(
            bindings::finding
                .eq_any(Finding::OUT_OF_REACH)
                .assume_not_null(),
        )
        .order(bindings::id)
        .select(Binding::as_select())
        .load(conn)
        .await
}

/// What goes by the login of an owner and has never synced.
pub async fn unsynced_of_owner(
    host: &str,
    login: &str,
    conn: &mut Conn,
) -> QueryResult<Vec<Binding>> {
    bindings::table
        .filter(bindings::github_host.eq(host))
        .filter(bindings::owner_key.eq(key_of(login)))
        .filter(bindings::repository_id.is_null())
        .order(bindings::id)
        .select(Binding::as_select())
        .load(conn)
        .await
}

/// The bindings that an event of a repository could concern, with what each is synced to: all of that
/// repository, and all that were requested by its present name.
pub async fn considered_for(
    host: &str,
    repository: Option<RepositoryRowId>,
    name: &RepositoryName,
    conn: &mut Conn,
) -> QueryResult<Vec<(Binding, Option<Repository>)>> {
    let requested = bindings::github_host
        .eq(host)
        .and(bindings::owner_key.eq(key_of(&name.owner)))
        .and(bindings::repo_key.eq(key_of(&name.name)));
    let by_id = bindings::repository_id.eq(repository).assume_not_null();
    bindings::table
        .left_join(repositories::table)
        .filter(requested.or(by_id))
        .order(bindings::id)
        .select((Binding::as_select(), Option::<Repository>::as_select()))
        .load(conn)
        .await
}
