use serde_json::{Map, Value};

use super::Simulator;

/// How payloads differ from those that GitHub documents, as real ones do.
#[derive(Debug, Default)]
pub(super) struct Oddities {
    missing: Vec<String>,
    added: Map<String, Value>,
}

impl Oddities {
    pub(super) fn apply(&self, payload: &mut Map<String, Value>) {
        payload.retain(|field, _| !self.missing.contains(field));
        payload.extend(self.added.clone());
    }
}

impl Simulator {
    /// From now on payloads come without these fields: `sender`, `organization`, …
    pub fn leave_out(&self, fields: &[&str]) {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        self.with(|world| world.oddities.missing = fields);
    }

    /// From now on every payload has this field too, whatever it had there.
    pub fn put_in(&self, field: &str, value: Value) {
        self.with(|world| world.oddities.added.insert(field.to_owned(), value));
    }
}
