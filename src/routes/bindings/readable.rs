//! Whether what a binding serves may be read.

use crate::binding::Binding;
use crate::db::Conn;
use crate::grant;
use crate::ids::ContentId;
use crate::routes::Api;
use crate::routes::problem::{ApiError, Kind};

/// Refuses what is of an installation that the organisation has no grant for any more; the bytes stay,
/// and are served again once the grant is back. It is the content's repository that counts: the binding
/// may have been pointed elsewhere since.
pub(in crate::routes) async fn check(
    binding: &Binding,
    content: ContentId,
    api: &Api,
    conn: &mut Conn,
) -> Result<(), ApiError> {
    let holds_grant = grant::covers_content(binding.organization_id, content, conn).await?;
    if api.context.config.access.grants.allow(holds_grant) {
        return Ok(());
    }
    Err(ApiError::new(
        Kind::NotGranted,
        "the organisation has no grant any more for the installation of the GitHub App that this is from; \
         ask whoever administers all organisations to grant it: what was published is kept, and then served again",
    ))
}
