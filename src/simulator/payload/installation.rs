use serde_json::{Map, Value, json};

use crate::github::ids::RepositoryId;
use crate::simulator::installation::Installation;
use crate::simulator::world::World;

use super::repository::brief;
use super::{fields, node_id, owner, timestamp};

/// An installation as the API shows it: instants are ISO strings.
pub(crate) fn installation(world: &World, installation: &Installation) -> Value {
    let id = installation.id;
    let account = world.owner(installation.account);
    let app = world.app(installation.app);
    let (api, web) = (world.host.api(), world.host.web());
    let mut shown = fields(json!({
        "id": id,
        "client_id": app.client_id(),
        "account": owner(&world.host, account),
        "repository_selection": installation.selection.as_str(),
        "access_tokens_url": format!("{api}/app/installations/{id}/access_tokens"),
        "repositories_url": format!("{api}/installation/repositories"),
        "html_url": format!("{web}/organizations/{}/settings/installations/{id}", account.login),
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": account.id,
        "target_type": account.kind.as_str(),
    }));
    let suspended_by = installation
        .suspended_at
        .map(|_| owner(&world.host, world.owner(world.actor)));
    shown.extend(fields(json!({
        "permissions": installation.permissions,
        "events": app.events_of(installation),
        "created_at": timestamp(installation.created_at),
        "updated_at": timestamp(installation.updated_at),
        "single_file_name": null,
        "has_multiple_single_files": false,
        "single_file_paths": [],
        "suspended_by": suspended_by,
        "suspended_at": installation.suspended_at.map(timestamp),
    })));
    Value::Object(shown)
}

/// The `installation` inside an `installation` event. `created` writes its instants as integers, the
/// others as strings: a trap that real deliveries have.
pub(crate) fn installation_event(
    world: &World,
    about: &Installation,
    action: &str,
) -> Map<String, Value> {
    let mut shown = fields(installation(world, about));
    shown.insert(
        "node_id".into(),
        node_id("MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u", about.id.get()).into(),
    );
    if action == "created" {
        for (field, at) in [
            ("created_at", about.created_at),
            ("updated_at", about.updated_at),
        ] {
            shown.insert(field.into(), at.timestamp().into());
        }
    }
    fields(json!({"installation": shown}))
}

/// Repositories as installation events list them; one that is gone is left out.
pub(crate) fn repository_lists(world: &World, ids: &[RepositoryId]) -> Value {
    ids.iter()
        .filter_map(|id| world.repositories.get(id))
        .map(|repository| brief(world, repository))
        .collect()
}
