//! `GET …/diff`: the one question of the API that GitHub is asked for.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::at::{At, AtPath, no_such};
use super::readable;
use crate::binding;
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::problem::{ApiError, Kind};
use crate::sync::{self, Comparison, Difference, NotCompared};
use crate::token::Role;

/// For all that GitHub is asked: a commit, and a listing, or several of a large tree.
const PATIENCE: Duration = Duration::from_secs(25);

/// What is served beside what GitHub has now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DiffBody {
    /// Whether the tree under the root path is the one that is served.
    same: bool,
    published: Side,
    github: Side,
    /// What a sync would do, by path.
    differences: Vec<Difference>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DiffSide)]
struct Side {
    commit_sha: String,
    tree_sha: String,
}

/// Compares what a binding serves with what GitHub has now
///
/// It costs requests of the installation's, and so needs the role operator, and counts as asking for a sync.
#[utoipa::path(
    get, path = "/orgs/{org}/bindings/{name}/diff", tag = "bindings", operation_id = "diff_binding",
    params(AtPath),
    responses(
        (status = 200, description = "Whether they are the same, and where not", body = DiffBody),
        (status = 403, description = "The organisation has no grant for it any more"),
        (status = 409, description = "As things are, GitHub cannot be asked for it"),
    ),
)]
pub(super) async fn diff(
    api: web::Data<Api>,
    caller: Caller,
    at: At,
) -> Result<HttpResponse, ApiError> {
    api.syncs.admit(&caller, api.now())?;
    let mut conn = api.read().await?;
    let binding = at.find(&caller, Role::Operator, &mut conn).await?;
    let view = binding::view(binding.id, &mut conn)
        .await?
        .ok_or_else(no_such)?;
    let served = view
        .content
        .clone()
        .ok_or_else(|| ApiError::no_such("content yet: no sync of the binding has succeeded"))?;
    readable::check(&binding, served.id, &api, &mut conn).await?;
    // GitHub is not asked with a connection in hand.
    drop(conn);
    let compared = sync::compare(&view, &served, &api.context);
    let compared = tokio::time::timeout(PATIENCE, compared).await;
    let Comparison {
        commit,
        tree,
        differences,
    } = match compared {
        Ok(compared) => compared?,
        Err(_) => {
            return Err(ApiError::unavailable(
                &"GitHub did not answer a diff in time",
            ));
        }
    };
    Ok(HttpResponse::Ok().json(DiffBody {
        same: tree.to_string() == served.tree_sha,
        published: Side {
            commit_sha: served.commit_sha,
            tree_sha: served.tree_sha,
        },
        github: Side {
            commit_sha: commit.to_string(),
            tree_sha: tree.to_string(),
        },
        differences,
    }))
}

impl From<NotCompared> for ApiError {
    fn from(error: NotCompared) -> Self {
        match error {
            NotCompared::Never(why) => Self::new(Kind::NotComparable, why),
            NotCompared::NotNow(_) => Self::unavailable(&error),
            NotCompared::Failed(_) => Self::internal(&error),
        }
    }
}
