//! What happens on GitHub. Every verb changes the world, then sends what GitHub would send for it.
//!
//! A verb that names what is not there panics: the story is wrong, not the program under test.

mod installations;
mod owners;
mod refs;
mod repositories;
mod truth;

pub use truth::RepositoryTruth;

use serde_json::{Map, Value, json};

use crate::git::Oid;
use crate::github::ids::RepositoryId;

use super::Simulator;
use super::deliveries::{Guid, Sent};
use super::payload;
use super::sending::Emission;
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
    /// Tells the App of something in a repository, if an installation may hear it.
    fn tell(
        &mut self,
        repository: RepositoryId,
        event: &'static str,
        action: Option<&'static str>,
        fields: Map<String, Value>,
    ) -> Option<Guid> {
        let covering = self.installation_of(self.repository(repository))?;
        let installation = Some(covering).filter(|found| found.is_active())?.id;
        self.emit(Emission {
            event,
            action,
            installation: Some(installation),
            repository: Some(repository),
            fields,
        })
    }
}

impl Simulator {
    /// What GitHub sends when a webhook is set up.
    pub async fn ping(&self) -> Option<Sent> {
        let guid = self.with(|world| {
            let hook = json!({
                "type": "App",
                "id": super::signing::hook_id(),
                "name": "web",
                "active": true,
                "events": world.app.events(),
                "config": {
                    "content_type": if world.ledger.form_bodies { "form" } else { "json" },
                    "insecure_ssl": "0",
                    "secret": "********",
                    "url": world.ledger.webhook_url,
                },
                "app_id": world.app.id,
            });
            let fields = json!({
                "zen": "Mind your words, they are important.",
                "hook_id": super::signing::hook_id(),
                "hook": hook,
            });
            world.emit(Emission {
                event: "ping",
                action: None,
                installation: None,
                repository: None,
                fields: payload::fields(fields),
            })
        });
        self.send(guid.into_iter().collect()).await.pop()
    }
}
