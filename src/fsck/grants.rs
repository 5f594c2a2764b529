//! I10: nothing was published for an organisation after it had lost the installation.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::binding::Bound;
use super::{Findings, Invariant, Options, Rule};
use crate::audit::Action;
use crate::config::Grants;
use crate::content::Content;
use crate::db::Conn;
use crate::db::schema::{audit_events, installation_grants};
use crate::grant::Grant;

const WITHOUT_GRANT: Rule = Rule {
    invariant: Invariant::Authorised,
    name: "published_without_grant",
    means: "Something was published for an organisation after its grant for the installation was taken back, or while that was another's.",
    remedy: "Look at the grants (GET /orgs/{org}/installations) and the audit log: without a grant, what was published is not served. Report it.",
};

/// How long after a grant has ended a sync may still publish.
const SLACK: TimeDelta = TimeDelta::minutes(5);

pub(super) async fn check(
    bound: &Bound,
    content: &Content,
    options: &Options,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    if options.grants == Grants::Off {
        return Ok(());
    }
    let organization = bound.binding.organization_id;
    let lost = match present(bound, content, conn).await? {
        Some(grant) if grant.organization_id == organization => return Ok(()),
        // An installation belongs to one organisation at a time.
        Some(grant) => Some(grant.created_at),
        None => taken_back(bound, content, conn).await?,
    };
    if let Some(lost) = lost.filter(|lost| content.created_at > *lost + SLACK) {
        let what = format!(
            "published at {}; installation {} is not its organisation's since {lost}",
            content.created_at, content.installation_id
        );
        findings.add(&WITHOUT_GRANT, bound.place(), what);
    }
    Ok(())
}

async fn present(bound: &Bound, content: &Content, conn: &mut Conn) -> QueryResult<Option<Grant>> {
    installation_grants::table
        .filter(installation_grants::github_host.eq(&bound.binding.github_host))
        .filter(installation_grants::installation_id.eq(content.installation_id))
        .select(Grant::as_select())
        .first(conn)
        .await
        .optional()
}

/// When the organisation lost it, as far as the audit log goes back. The log does not tell hosts apart: an
/// installation of the same number elsewhere may make this later than it was, never earlier.
async fn taken_back(
    bound: &Bound,
    content: &Content,
    conn: &mut Conn,
) -> QueryResult<Option<DateTime<Utc>>> {
    let done: Vec<(DateTime<Utc>, String)> = audit_events::table
        .filter(audit_events::organization_id.eq(bound.binding.organization_id))
        .filter(audit_events::action.eq(Action::GrantDelete.as_str()))
        .filter(audit_events::status.between(200, 299))
        .order(audit_events::id.desc())
        .select((audit_events::at, audit_events::place))
        .load(conn)
        .await?;
    let of_it = format!("/installations/{}", content.installation_id);
    Ok(done
        .into_iter()
        .find(|(_, place)| place.ends_with(&of_it))
        .map(|(at, _)| at))
}
