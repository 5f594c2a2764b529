//! What GitHub says about its things, in JSON: for webhooks and for the API.

mod installation;
mod owner;
mod push;
mod repository;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

pub(super) use installation::{installation, installation_event, repository_lists};
pub(super) use owner::{organization, owner};
pub(super) use push::{PushedRef, push};
pub(super) use repository::repository;

use super::emission::Emission;
use super::owner::OwnerKind;
use super::world::World;

/// `2026-01-02T03:04:05Z`, as GitHub writes instants (where it does not write integers).
pub(super) fn timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A node id of the new kind: a prefix for the type and an opaque rest.
pub(super) fn node_id(prefix: &str, id: i64) -> String {
    use base64::Engine;
    let rest = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id.to_be_bytes());
    format!("{prefix}_kgDO{rest}")
}

/// The fields of an object that `json!` made.
pub(super) fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The whole payload: action first, then the event's own fields, then what nearly all events share.
pub(super) fn complete(world: &World, emission: &Emission, fields: Map<String, Value>) -> String {
    let mut payload = Map::new();
    if let Some(action) = emission.action {
        payload.insert("action".into(), action.into());
    }
    payload.extend(fields);
    if let Some(id) = emission.repository {
        let found = world.repositories.get(&id);
        if let Some(found) = found {
            let shown = || repository(world, found);
            payload.entry("repository").or_insert_with(shown);
            let account = world.owner(found.owner);
            if account.kind == OwnerKind::Organization {
                let shown = || organization(&world.host, account);
                payload.entry("organization").or_insert_with(shown);
            }
        }
    }
    if let Some(id) = emission.installation {
        let node_id = node_id("MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u", id.get());
        let brief = || json!({"id": id, "node_id": node_id});
        payload.entry("installation").or_insert_with(brief);
    }
    let sender = owner(&world.host, world.owner(world.actor));
    payload.entry("sender").or_insert(sender);
    world.oddities.apply(&mut payload);
    Value::Object(payload).to_string()
}
