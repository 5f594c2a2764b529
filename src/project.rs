//! Projects: parts of an organisation, each with bindings of its own.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::{bindings, projects};
use crate::db::{Conn, Dialect};
use crate::ids::{OrganizationId, ProjectId};
use crate::organization::Put;
use crate::slug::Slug;

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = projects, check_for_backend(Dialect))]
pub struct Project {
    pub id: ProjectId,
    pub organization_id: OrganizationId,
    pub slug: String,
    pub title: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

pub async fn find(
    organization: OrganizationId,
    slug: &str,
    conn: &mut Conn,
) -> QueryResult<Option<Project>> {
    projects::table
        .filter(
            projects::organization_id
                .eq(organization)
                .and(projects::slug.eq(slug)),
        )
        .select(Project::as_select())
        .first(conn)
        .await
        .optional()
}

/// By slug, after the one given.
pub async fn list(
    organization: OrganizationId,
    after: Option<&str>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<Project>> {
    projects::table
        .filter(projects::organization_id.eq(organization))
        .filter(projects::slug.gt(after.unwrap_or_default()))
        .order(projects::slug)
        .limit(limit)
        .select(Project::as_select())
        .load(conn)
        .await
}

/// Must run in a transaction.
pub async fn put(
    organization: OrganizationId,
    slug: &Slug,
    title: Option<&str>,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<(Project, Put)> {
    let row = (
        projects::organization_id.eq(organization),
        projects::slug.eq(slug.as_str()),
        projects::title.eq(title),
        projects::created_at.eq(now),
        projects::updated_at.eq(now),
    );
    let inserted = diesel::insert_into(projects::table)
        .values(row)
        .on_conflict_do_nothing()
        .returning(Project::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    if let Some(project) = inserted {
        return Ok((project, Put::Created));
    }
    let existing: Project = projects::table
        .filter(
            projects::organization_id
                .eq(organization)
                .and(projects::slug.eq(slug.as_str())),
        )
        .select(Project::as_select())
        .first(conn)
        .await?;
    if existing.title.as_deref() == title {
        return Ok((existing, Put::Identical));
    }
    let changed = diesel::update(projects::table.find(existing.id))
        .set((projects::title.eq(title), projects::updated_at.eq(now)))
        .returning(Project::as_returning())
        .get_result(conn)
        .await?;
    Ok((changed, Put::Changed))
}

/// `false` when it still has bindings. Must run in a transaction.
pub async fn delete(id: ProjectId, conn: &mut Conn) -> QueryResult<bool> {
    let bindings: i64 = bindings::table
        .filter(bindings::project_id.eq(id))
        .count()
        .get_result(conn)
        .await?;
    if bindings > 0 {
        return Ok(false);
    }
    diesel::delete(projects::table.find(id))
        .execute(conn)
        .await?;
    Ok(true)
}
