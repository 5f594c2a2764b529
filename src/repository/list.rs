//! All repositories that are known, for people; and which of them know a commit.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Repository;
use crate::db::Conn;
use crate::db::schema::{
    bindings, contents, deliveries, github_apps, installation_grants, installations, repositories,
    repository_refs,
};
use crate::github::ids::RepositoryId;
use crate::ids::{InstallationRowId, OrganizationId, RepositoryRowId};

/// What a list of repositories is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct RepositoryListFilter {
    /// Those that the organisation has bound and, unless nobody needs one, has a grant for.
    pub organization: Option<OrganizationId>,
    pub needs_grant: bool,
    pub installation: Option<InstallationRowId>,
    pub after: Option<RepositoryRowId>,
}

/// The first known first.
pub async fn list(
    filter: &RepositoryListFilter,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<Repository>> {
    let mut query = repositories::table
        .order(repositories::id)
        .select(Repository::as_select())
        .into_boxed()
        .limit(limit);
    if let Some(organization) = filter.organization {
        let bound = bindings::table
            .filter(bindings::organization_id.eq(organization))
            .select(bindings::repository_id.assume_not_null())
            .filter(bindings::repository_id.is_not_null());
        query = query.filter(repositories::id.eq_any(bound));
        if filter.needs_grant {
            let of_grant = installation_grants::github_host
                .eq(github_apps::host)
                .and(installation_grants::installation_id.eq(installations::github_id));
            let granted = installations::table
                .inner_join(github_apps::table)
                .inner_join(installation_grants::table.on(of_grant))
                .filter(installation_grants::organization_id.eq(organization))
                .select(installations::id.nullable());
            query = query.filter(repositories::installation_id.eq_any(granted));
        }
    }
    if let Some(installation) = filter.installation {
        query = query.filter(repositories::installation_id.eq(installation));
    }
    if let Some(after) = filter.after {
        query = query.filter(repositories::id.gt(after));
    }
    query.load(conn).await
}

/// GitHub's ids of the repositories of which a commit is known: pushed, held by a ref, or published. Of one
/// organisation: only what was published for it.
pub async fn knowing(
    commit: &str,
    organization: Option<OrganizationId>,
    limit: i64,
    conn: &mut Conn,
) -> QueryResult<Vec<RepositoryId>> {
    let mut published = contents::table
        .inner_join(repositories::table.on(contents::repository_id.eq(repositories::id)))
        .inner_join(bindings::table.on(contents::binding_id.eq(bindings::id)))
        .filter(contents::commit_sha.eq(commit.to_owned()))
        .select(repositories::github_id)
        .distinct()
        .into_boxed()
        .limit(limit);
    if let Some(organization) = organization {
        published = published.filter(bindings::organization_id.eq(organization));
    }
    let mut ids: Vec<RepositoryId> = published.load(conn).await?;
    if organization.is_none() {
        let held: Vec<RepositoryId> = repository_refs::table
            .inner_join(repositories::table)
            .filter(repository_refs::commit_sha.eq(commit))
            .select(repositories::github_id)
            .distinct()
            .limit(limit)
            .load(conn)
            .await?;
        let pushed: Vec<Option<RepositoryId>> = deliveries::table
            .filter(deliveries::head_sha.eq(commit))
            .select(deliveries::repository_github_id)
            .distinct()
            .limit(limit)
            .load(conn)
            .await?;
        ids.extend(held);
        ids.extend(pushed.into_iter().flatten());
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}
