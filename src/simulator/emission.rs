//! What happened becomes a delivery, or GitHub makes none of it.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::github::ids::{AppId, InstallationId, RepositoryId};

use super::deliveries::{Delivery, Guid, Letter};
use super::payload;
use super::signing::{self, Envelope};
use super::world::World;

pub(super) const ALWAYS_SENT: [&str; 3] = ["installation", "installation_repositories", "ping"];

/// An event about to become a delivery.
#[derive(Clone)]
pub(super) struct Emission {
    pub(super) app: AppId,
    pub(super) event: &'static str,
    pub(super) action: Option<&'static str>,
    pub(super) installation: Option<InstallationId>,
    pub(super) repository: Option<RepositoryId>,
    pub(super) fields: Map<String, Value>,
}

impl World {
    /// An event that one installation is told of.
    pub(super) fn emit(&mut self, emission: Emission) -> Option<Letter> {
        self.emit_as(&mut None, emission)
    }

    /// Writes the delivery down, if GitHub makes one of this event at all; under the GUID that the
    /// event got where it was told to another App before.
    pub(super) fn emit_as(
        &mut self,
        guid: &mut Option<Guid>,
        mut emission: Emission,
    ) -> Option<Letter> {
        if !self.is_heard(&emission) {
            return None;
        }
        let app = emission.app;
        if self.app_mut(app).ledger.troubles.omits_one() {
            return None;
        }
        let fields = std::mem::take(&mut emission.fields);
        let payload = payload::complete(self, &emission, fields).into_bytes();
        if self.app(app).ledger.troubles.is_too_large(&payload) {
            return None;
        }
        let guid = guid.get_or_insert_with(|| self.next_guid()).clone();
        let delivery = self.address(&emission, guid.clone(), payload.into());
        let listed_since = self.now() - self.retention();
        let ledger = &mut self.app_mut(app).ledger;
        ledger.shed(listed_since);
        ledger.record(delivery);
        Some(Letter { app, guid })
    }

    /// Whether the App ticked the event, and its installation may hear of it.
    fn is_heard(&self, emission: &Emission) -> bool {
        let installation = emission
            .installation
            .and_then(|id| self.installations.get(&id));
        let unsubscribed = &self.app(emission.app).unsubscribed;
        installation.is_none_or(|found| found.may_hear(emission.event))
            && (ALWAYS_SENT.contains(&emission.event) || !unsubscribed.contains(emission.event))
    }

    fn address(&mut self, emission: &Emission, guid: Guid, payload: Arc<[u8]>) -> Delivery {
        let now = self.now();
        let ledger = &mut self.app_mut(emission.app).ledger;
        let throttled_at = ledger.troubles.throttles_one(now);
        let form = ledger.form_bodies;
        let body = if form {
            signing::form_body(&payload).into()
        } else {
            Arc::clone(&payload)
        };
        let envelope = Envelope {
            app: self.app(emission.app),
            host: &self.host,
            guid: &guid,
            event: emission.event,
            form,
        };
        Delivery {
            headers: signing::headers(&envelope, &body),
            guid,
            event: emission.event.to_owned(),
            action: emission.action.map(str::to_owned),
            installation: emission.installation,
            repository: emission.repository,
            at: now,
            throttled_at,
            payload,
            body,
            held: true,
            attempts: Vec::new(),
        }
    }

    /// A redelivery has the bytes of the first attempt and is signed with the secret of today.
    pub(super) fn sign_again(&mut self, letter: &Letter) {
        let app = self.app(letter.app);
        let delivery = app.ledger.get(&letter.guid);
        let envelope = Envelope {
            app,
            host: &self.host,
            guid: &letter.guid,
            event: &delivery.event,
            form: !Arc::ptr_eq(&delivery.body, &delivery.payload),
        };
        let headers = signing::headers(&envelope, &delivery.body);
        let ledger = &mut self.app_mut(letter.app).ledger;
        ledger.get_mut(&letter.guid).headers = headers;
    }
}
