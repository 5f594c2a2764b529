use serde_json::{Value, json};

use crate::simulator::host::Host;
use crate::simulator::owner::{Owner, OwnerKind};

use super::node_id;

/// A user or an organisation as "simple user".
pub(crate) fn owner(host: &Host, owner: &Owner) -> Value {
    let login = &owner.login;
    let url = format!("{}/users/{login}", host.api());
    let prefix = match owner.kind {
        OwnerKind::User => "U",
        OwnerKind::Organization => "O",
    };
    json!({
        "login": login,
        "id": owner.id,
        "node_id": node_id(prefix, owner.id.get()),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{}?v=4", owner.id),
        "gravatar_id": "",
        "url": url,
        "html_url": format!("{}/{login}", host.web()),
        "followers_url": format!("{url}/followers"),
        "organizations_url": format!("{url}/orgs"),
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events{{/privacy}}"),
        "received_events_url": format!("{url}/received_events"),
        "type": owner.kind.as_str(),
        "user_view_type": "public",
        "site_admin": false,
    })
}

/// The `organization` that stands beside a repository's event.
pub(crate) fn organization(host: &Host, owner: &Owner) -> Value {
    let login = &owner.login;
    let url = format!("{}/orgs/{login}", host.api());
    json!({
        "login": login,
        "id": owner.id,
        "node_id": node_id("O", owner.id.get()),
        "url": url,
        "repos_url": format!("{url}/repos"),
        "events_url": format!("{url}/events"),
        "hooks_url": format!("{url}/hooks"),
        "issues_url": format!("{url}/issues"),
        "members_url": format!("{url}/members{{/member}}"),
        "public_members_url": format!("{url}/public_members{{/member}}"),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{}?v=4", owner.id),
        "description": null,
    })
}
