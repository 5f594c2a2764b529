use chrono::{DateTime, Utc};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::dsl::{max, sql};
use diesel::expression::{AsExpression, SqlLiteral};
use diesel::prelude::*;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{Bool, SmallInt};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};

use crate::db::schema::{bindings, jobs};
use crate::db::{Conn, Dialect, Json, text_enum};
use crate::ids::{DeliveryId, InstallationRowId, JobId, OrganizationId, RepositoryRowId};

text_enum! {
    /// Where a job stands. The first two wait, the last three are final.
    pub enum JobState {
        /// Waits for its time and a worker.
        Available = "available",
        /// Failed and waits for its next attempt.
        Retryable = "retryable",
        Running = "running",
        Completed = "completed",
        /// Given up: out of attempts, or no attempt could help.
        Discarded = "discarded",
        /// Called off, or superseded by a sibling.
        Cancelled = "cancelled",
    }
}

/// The conditions of the partial indexes, in literals: SQLite uses such an index only when it reads its
/// condition in the query, and without one every claim would read all finished jobs.
pub(super) fn is_waiting() -> SqlLiteral<Bool> {
    sql("jobs.state IN ('available', 'retryable')")
}

pub(super) fn is_running() -> SqlLiteral<Bool> {
    sql("jobs.state = 'running'")
}

/// Which of two lines a job stands in; the second moves only when the first has nothing due.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    AsExpression,
    FromSqlRow,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[diesel(sql_type = SmallInt)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// A webhook or a person waits for it.
    Prompt,
    /// Sweeps, polls, catching up.
    Bulk,
}

impl Lane {
    pub const ALL: [Self; 2] = [Self::Prompt, Self::Bulk];

    pub(super) const fn number(self) -> i16 {
        match self {
            Self::Prompt => 0,
            Self::Bulk => 1,
        }
    }
}

impl ToSql<SmallInt, Dialect> for Lane {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Dialect>) -> serialize::Result {
        let number: &'static i16 = match self {
            Self::Prompt => const { &Self::Prompt.number() },
            Self::Bulk => const { &Self::Bulk.number() },
        };
        <i16 as ToSql<SmallInt, Dialect>>::to_sql(number, out)
    }
}

impl FromSql<SmallInt, Dialect> for Lane {
    fn from_sql(
        value: <Dialect as diesel::backend::Backend>::RawValue<'_>,
    ) -> deserialize::Result<Self> {
        let number = <i16 as FromSql<SmallInt, Dialect>>::from_sql(value)?;
        Self::ALL
            .into_iter()
            .find(|lane| lane.number() == number)
            .ok_or_else(|| "no such lane".into())
    }
}

/// Why a job exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Cause {
    /// An event of GitHub's.
    Delivery {
        #[schema(value_type = i64)]
        id: DeliveryId,
        guid: String,
    },
    /// A person or a program, by this token.
    Operator { token: String },
    /// A sweep or a poll.
    Timer { name: String },
    /// What only another version of this program knows: its jobs are as good as any.
    #[serde(untagged)]
    #[schema(value_type = Object)]
    Other(serde_json::Value),
}

/// One attempt that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(from = "StoredAttempt")]
pub struct Attempt {
    /// 1970: another version of this program wrote it, in its own way.
    pub at: DateTime<Utc>,
    /// From 1; 0: the same.
    pub attempt: i32,
    pub error: String,
}

/// As it may be found: what only another version can read keeps no job from its turn.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredAttempt {
    Known {
        at: DateTime<Utc>,
        attempt: i32,
        error: String,
    },
    Other(serde_json::Value),
}

impl From<StoredAttempt> for Attempt {
    fn from(stored: StoredAttempt) -> Self {
        match stored {
            StoredAttempt::Known { at, attempt, error } => Self { at, attempt, error },
            StoredAttempt::Other(other) => Self {
                at: DateTime::UNIX_EPOCH,
                attempt: 0,
                error: other.to_string(),
            },
        }
    }
}

/// One unit of work on one target.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = jobs, check_for_backend(Dialect))]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    pub target: i64,
    pub lane: Lane,
    pub state: JobState,
    pub attempt: i32,
    pub max_attempts: i32,
    pub deferrals: i32,
    pub scheduled_at: DateTime<Utc>,
    pub not_before: Option<DateTime<Utc>>,
    pub requested_at: DateTime<Utc>,
    pub organization_id: Option<OrganizationId>,
    pub installation_id: Option<InstallationRowId>,
    pub worker: Option<String>,
    pub lease_until: Option<DateTime<Utc>>,
    pub fence: i64,
    pub cause: Json<Cause>,
    pub hints: Json<Vec<serde_json::Value>>,
    pub errors: Json<Vec<Attempt>>,
    pub result: Option<Json<serde_json::Value>>,
    pub created_at: DateTime<Utc>,
    pub attempted_at: Option<DateTime<Utc>>,
    pub finalized_at: Option<DateTime<Utc>>,
}

impl Job {
    /// Whether no attempt came before the one that runs: what was learnt for others still counts.
    pub fn is_first_claim(&self) -> bool {
        self.fence == 1
    }

    /// What the requests for this job said, the newest last; what cannot be read as `T` is passed over.
    pub fn hints_as<T: serde::de::DeserializeOwned>(&self) -> Vec<T> {
        self.hints
            .0
            .iter()
            .filter_map(|hint| serde_json::from_value(hint.clone()).ok())
            .collect()
    }
}

pub async fn find(id: JobId, conn: &mut Conn) -> QueryResult<Option<Job>> {
    jobs::table
        .find(id)
        .select(Job::as_select())
        .first(conn)
        .await
        .optional()
}

/// The jobs of a target that are not final: at most one running and one waiting.
pub async fn running_or_waiting(kind: &str, target: i64, conn: &mut Conn) -> QueryResult<Vec<Job>> {
    jobs::table
        .filter(
            jobs::kind
                .eq(kind)
                .and(jobs::target.eq(target))
                .and(jobs::finalized_at.is_null()),
        )
        .order(jobs::id)
        .select(Job::as_select())
        .load(conn)
        .await
}

/// The newest job of a kind that waits for, or runs on, a binding of a repository.
pub async fn newest_of_repository(
    kind: &str,
    repository: RepositoryRowId,
    conn: &mut Conn,
) -> QueryResult<Option<JobId>> {
    let bound = || {
        let bound = bindings::table.filter(bindings::repository_id.eq(repository));
        bound.select(bindings::id)
    };
    let of_them = || {
        let of_kind = jobs::table.filter(jobs::kind.eq(kind));
        of_kind.filter(jobs::target.eq_any(bound()))
    };
    let waiting = of_them().filter(is_waiting()).select(max(jobs::id));
    let waiting: Option<JobId> = waiting.first(conn).await?;
    let running = of_them().filter(is_running()).select(max(jobs::id));
    let running: Option<JobId> = running.first(conn).await?;
    Ok(waiting.max(running))
}

/// What a list of jobs is narrowed to.
#[derive(Debug, Default, Clone)]
pub struct JobFilter {
    pub state: Option<JobState>,
    pub kind: Option<String>,
    pub target: Option<i64>,
    /// Only jobs with a smaller id: the page after the one that ended there.
    pub before: Option<JobId>,
    pub organization: Option<OrganizationId>,
}

/// The newest first.
pub async fn list(filter: &JobFilter, limit: i64, conn: &mut Conn) -> QueryResult<Vec<Job>> {
    let mut query = jobs::table
        .select(Job::as_select())
        .order(jobs::id.desc())
        .into_boxed()
        .limit(limit);
    if let Some(state) = filter.state {
        query = query.filter(jobs::state.eq(state));
    }
    if let Some(kind) = &filter.kind {
        query = query.filter(jobs::kind.eq(kind.clone()));
    }
    if let Some(target) = filter.target {
        query = query.filter(jobs::target.eq(target));
    }
    if let Some(before) = filter.before {
        query = query.filter(jobs::id.lt(before));
    }
    if let Some(organization) = filter.organization {
        query = query.filter(jobs::organization_id.eq(organization));
    }
    query.load(conn).await
}
