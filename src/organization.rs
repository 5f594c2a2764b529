//! Organisations: our tenants.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::db::schema::{bindings, organizations, projects};
use crate::db::{Conn, Dialect};
use crate::ids::OrganizationId;
use crate::slug::Slug;

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = organizations, check_for_backend(Dialect))]
pub struct Organization {
    pub id: OrganizationId,
    pub slug: String,
    pub title: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Whether a `PUT` made the thing or found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Created,
    Changed,
    Identical,
}

impl Put {
    /// The status of the answer to a `PUT` that wrote something.
    pub fn changed(self) -> Option<u16> {
        match self {
            Self::Created => Some(201),
            Self::Changed => Some(200),
            Self::Identical => None,
        }
    }
}

pub async fn find(slug: &str, conn: &mut Conn) -> QueryResult<Option<Organization>> {
    organizations::table
        .filter(organizations::slug.eq(slug))
        .select(Organization::as_select())
        .first(conn)
        .await
        .optional()
}

pub async fn find_by_id(id: OrganizationId, conn: &mut Conn) -> QueryResult<Option<Organization>> {
    organizations::table
        .find(id)
        .select(Organization::as_select())
        .first(conn)
        .await
        .optional()
}

/// The slugs of these.
pub async fn slugs(
    ids: impl IntoIterator<Item = OrganizationId>,
    conn: &mut Conn,
) -> QueryResult<BTreeMap<OrganizationId, String>> {
    let ids: BTreeSet<_> = ids.into_iter().collect();
    let rows: Vec<(OrganizationId, String)> = organizations::table
        .filter(organizations::id.eq_any(ids))
        .select((organizations::id, organizations::slug))
        .load(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// By slug, after the one given.
pub async fn list(
    after: Option<&str>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<Organization>> {
    organizations::table
        .filter(organizations::slug.gt(after.unwrap_or_default()))
        .order(organizations::slug)
        .limit(limit)
        .select(Organization::as_select())
        .load(conn)
        .await
}

/// Must run in a transaction.
pub async fn put(
    slug: &Slug,
    title: Option<&str>,
    now: DateTime<Utc>,
    conn: &mut Conn,
) -> QueryResult<(Organization, Put)> {
    let row = (
        organizations::slug.eq(slug.as_str()),
        organizations::title.eq(title),
        organizations::created_at.eq(now),
        organizations::updated_at.eq(now),
    );
    let inserted = diesel::insert_into(organizations::table)
        .values(row)
        .on_conflict_do_nothing()
        .returning(Organization::as_returning())
        .get_result(conn)
        .await
        .optional()?;
    if let Some(organization) = inserted {
        return Ok((organization, Put::Created));
    }
    let existing: Organization = organizations::table
        .filter(organizations::slug.eq(slug.as_str()))
        .select(Organization::as_select())
        .first(conn)
        .await?;
    if existing.title.as_deref() == title {
        return Ok((existing, Put::Identical));
    }
    let changed = diesel::update(organizations::table.find(existing.id))
        .set((
            organizations::title.eq(title),
            organizations::updated_at.eq(now),
        ))
        .returning(Organization::as_returning())
        .get_result(conn)
        .await?;
    Ok((changed, Put::Changed))
}

/// `false` when it still has projects or bindings. Must run in a transaction.
pub async fn delete(id: OrganizationId, conn: &mut Conn) -> QueryResult<bool> {
    let bindings: i64 = bindings::table
        .filter(bindings::organization_id.eq(id))
        .count()
        .get_result(conn)
        .await?;
    let projects: i64 = projects::table
        .filter(projects::organization_id.eq(id))
        .count()
        .get_result(conn)
        .await?;
    if bindings + projects > 0 {
        return Ok(false);
    }
    diesel::delete(organizations::table.find(id))
        .execute(conn)
        .await?;
    Ok(true)
}
