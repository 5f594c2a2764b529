//! GitHub has shown a repository: what is written down, and which syncs follow from it.

use chrono::{DateTime, Utc};
use diesel::QueryResult;

use crate::binding::{self, Binding, Finding};
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
    /// A binding whose own sync has seen it: that one needs no other.
    pub except: Option<BindingId>,
}

/// Writes a sighting down. What could not be read before, and can be now, catches up with one sync a
/// binding; so does what follows a default branch that is another one now. Must run in a transaction.
pub async fn record_sighting(
    sighting: &Sighting<'_>,
    request: &Request,
    conn: &mut Conn,
) -> QueryResult<Repository> {
    let before = repository::find_by_github_id(sighting.host, sighting.seen.id, conn).await?;
    // Jobs and bindings are locked before the repository's row, as everybody does.
    if let Some(before) = &before
        && before.confirmed_at <= sighting.read_at
    {
        for binding in catching_up(sighting, before, conn).await? {
            sync::catch_up(&binding, request, conn).await?;
        }
    }
    let Sighting {
        host,
        seen,
        coverage,
        etag,
        read_at,
        ..
    } = *sighting;
    repository::confirm(host, seen, coverage, etag, read_at, conn).await
}

async fn catching_up(
    sighting: &Sighting<'_>,
    before: &Repository,
    conn: &mut Conn,
) -> QueryResult<Vec<Binding>> {
    let readable_now = match sighting.coverage {
        Coverage::Asked(id) | Coverage::OnRecord(id) => {
            works(installation::find(id, conn).await?.as_ref())
        }
        Coverage::Nobody => false,
    };
    let readable_before = before.reachability == Reachability::Reachable
        && match before.installation_id {
            Some(id) => works(installation::find(id, conn).await?.as_ref()),
            None => false,
        };
    let back = sighting.restored || (readable_now && !readable_before);
    let moved = before.default_branch.as_ref() != Some(&sighting.seen.default_branch);
    if !back && !moved {
        return Ok(Vec::new());
    }
    let bound = binding::of_repository(before.id, conn).await?;
    let wanted = |binding: &Binding| {
        sighting.except != Some(binding.id) && (back || binding.git_ref.is_none())
    };
    Ok(bound.into_iter().filter(wanted).collect())
}

fn works(installation: Option<&Installation>) -> bool {
    installation.is_some_and(Installation::works)
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
    let mut woken = 0;
    for binding in binding::unsynced_named(host, name, conn).await? {
        let out_of_reach = matches!(
            binding.finding,
            Some(Finding::AccessLost | Finding::Suspended | Finding::NotGranted)
        );
        // A tenant must not learn from its jobs what happens to what it may not bind.
        let allowed = grants == Grants::Off
            || grant::covers(binding.organization_id, host, covered_by.github_id, conn).await?;
        if out_of_reach && allowed {
            sync::catch_up(&binding, request, conn).await?;
            woken += 1;
        }
    }
    Ok(woken)
}
