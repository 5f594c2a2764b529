//! GitHub has shown a repository: what is written down, and which syncs follow from it.

use chrono::{DateTime, Utc};
use diesel::QueryResult;

use crate::binding::{self, Binding};
use crate::config::Grants;
use crate::db::Conn;
use crate::github::RepositoryName;
use crate::github::client::{self, ETag};
use crate::grant;
use crate::ids::BindingId;
use crate::installation::{self, Installation};
use crate::queue::Request;
use crate::repository::{self, Coverage, Reachability, Repository};
use crate::sync;

/// A repository as GitHub showed it, and how we came to see it.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    pub host: &'a str,
    pub seen: &'a client::Repository,
    pub coverage: Coverage,
    pub etag: Option<&'a ETag>,
    pub read_at: DateTime<Utc>,
    /// Everything bound in it catches up, whatever we knew.
    pub restored: bool,
    /// Whose bindings may sync because of it.
    pub grants: Grants,
    /// A binding whose own sync has seen it: that one needs no other.
    pub except: Option<BindingId>,
}

/// Writes a sighting down, and asks for the syncs that follow from it: of what could not be read before
/// and can be now, of what follows a default branch that is another one now, and of what has never synced
/// and goes by the name that it had. One sync a binding. Must run in a transaction.
pub async fn record_sighting(
    sighting: &Sighting<'_>,
    request: &Request,
    conn: &mut Conn,
) -> QueryResult<Repository> {
    let Sighting {
        host,
        seen,
        coverage,
        etag,
        read_at,
        ..
    } = *sighting;
    let before = repository::find_by_github_id(host, seen.id, conn).await?;
    // Jobs and bindings are locked before the repository's row, as everybody does.
    if let Some(before) = before.filter(|before| before.confirmed_at <= read_at) {
        for binding in catching_up(sighting, &before, conn).await? {
            sync::catch_up(&binding, request, conn).await?;
        }
    }
    repository::confirm(host, seen, coverage, etag, read_at, conn).await
}

async fn catching_up(
    sighting: &Sighting<'_>,
    before: &Repository,
    conn: &mut Conn,
) -> QueryResult<Vec<Binding>> {
    let now = match sighting.coverage {
        Coverage::Asked(id) | Coverage::OnRecord(id) => installation::find(id, conn).await?,
        Coverage::Nobody => None,
    };
    let Some(now) = now else {
        return Ok(Vec::new());
    };
    let was = match before.installation_id {
        Some(id) => installation::find(id, conn).await?,
        None => None,
    };
    let readable_before = before.reachability == Reachability::Reachable
        && was.is_some_and(|was| was.id == now.id && was.works());
    let back = sighting.restored || (now.works() && !readable_before);
    let moved = before.default_branch.as_ref() != Some(&sighting.seen.default_branch);
    let renamed = before.full_name() != sighting.seen.name;
    let mut wanted = Vec::new();
    if back || moved {
        let bound = binding::of_repository(before.id, conn).await?;
        wanted.extend(bound.into_iter().filter(|it| back || it.git_ref.is_none()));
    }
    if renamed {
        wanted.extend(binding::unsynced_named(sighting.host, &before.full_name(), conn).await?);
    }
    wanted.retain(|binding| sighting.except != Some(binding.id));
    allowed(wanted, sighting.host, &now, sighting.grants, conn).await
}

/// Those whose organisation may read what the installation covers: jobs of others would tell them of what
/// happens where they have no say.
async fn allowed(
    bindings: Vec<Binding>,
    host: &str,
    covered_by: &Installation,
    grants: Grants,
    conn: &mut Conn,
) -> QueryResult<Vec<Binding>> {
    if bindings.is_empty() {
        return Ok(bindings);
    }
    let holder = grant::holder(host, covered_by.github_id, conn).await?;
    let may = |binding: &Binding| grants.allow(holder == Some(binding.organization_id));
    Ok(bindings.into_iter().filter(may).collect())
}

/// A repository is called so now, and an installation covers it: what was bound by that name, has never
/// synced and could not be reached tries again. Must run in a transaction.
pub async fn wake_unsynced(
    host: &str,
    name: &RepositoryName,
    covered_by: &Installation,
    grants: Grants,
    request: &Request,
    conn: &mut Conn,
) -> QueryResult<usize> {
    let named = binding::unsynced_named(host, name, conn).await?;
    let out_of_reach = named.into_iter().filter(Binding::is_out_of_reach).collect();
    let waking = allowed(out_of_reach, host, covered_by, grants, conn).await?;
    for binding in &waking {
        sync::catch_up(binding, request, conn).await?;
    }
    Ok(waking.len())
}
