//! What happens on GitHub. Every verb changes the world, then sends what GitHub would send for it.
//!
//! A verb that names what is not there panics: the story is wrong, not the program under test.

mod installations;
mod owners;
mod refs;
mod repositories;
mod selections;
mod truth;

pub use truth::RepositoryTruth;

use serde_json::{Map, Value, json};

use crate::git::Oid;
use crate::github::ids::{AppId, InstallationId, RepositoryId};

use super::Simulator;
use super::deliveries::{Guid, Letter, Sent};
use super::emission::Emission;
use super::installation::Installation;
use super::payload;
use super::world::World;

/// A ref that moved, and what GitHub sent about it.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// All zeros when the ref is new.
    pub before: Oid,
    /// All zeros when the ref is gone.
    pub after: Oid,
    /// The `push`; `None` when GitHub sends none.
    pub delivery: Option<Guid>,
    /// The `push` and, for refs that come or go, the `create` or `delete`.
    pub sent: Vec<Sent>,
}

impl World {
    /// Tells every App of something in a repository whose installation may hear it.
    fn tell(
        &mut self,
        repository: RepositoryId,
        event: &'static str,
        action: Option<&'static str>,
        fields: &Map<String, Value>,
    ) -> Vec<Letter> {
        let covering = self.installations_of(self.repository(repository));
        let told = installations(covering);
        let emissions = told.into_iter().map(|(app, installation)| Emission {
            app,
            event,
            action,
            installation: Some(installation),
            repository: Some(repository),
            fields: fields.clone(),
        });
        self.emit_all(emissions)
    }

    /// A webhook was set up.
    pub(super) fn ping(&mut self, id: AppId) -> Option<Letter> {
        let app = self.app(id);
        let hook = json!({
            "type": "App",
            "id": app.hook_id,
            "name": "web",
            "active": true,
            "events": app.events(),
            "config": self.hook_config(id),
            "app_id": app.id,
        });
        let fields = json!({
            "zen": "Mind your words, they are important.",
            "hook_id": app.hook_id,
            "hook": hook,
        });
        self.emit(Emission {
            app: id,
            event: "ping",
            action: None,
            installation: None,
            repository: None,
            fields: payload::fields(fields),
        })
    }

    /// One event, told to several Apps.
    fn emit_all(&mut self, emissions: impl Iterator<Item = Emission>) -> Vec<Letter> {
        let mut guid = None;
        emissions
            .filter_map(|emission| self.emit_as(&mut guid, emission))
            .collect()
    }
}

/// Those that hear of events, with their Apps.
fn installations<'a>(
    found: impl Iterator<Item = &'a Installation>,
) -> Vec<(AppId, InstallationId)> {
    let active = found.filter(|installation| installation.is_active());
    active
        .map(|installation| (installation.app, installation.id))
        .collect()
}

impl Simulator {
    /// What GitHub sends when a webhook is set up.
    pub async fn ping(&self) -> Option<Sent> {
        let letter = self.with(|world| world.ping(self.app));
        self.send(letter.into_iter().collect()).await.pop()
    }
}
