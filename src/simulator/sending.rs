//! Sending deliveries: signed, held back, lost, repeated or reordered.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::github::ids::{InstallationId, RepositoryId};

use super::deliveries::{Attempt, Delivery, Guid, Sent};
use super::signing;
use super::world::World;
use super::{Shared, Simulator, payload};

/// GitHub hangs up after this.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
/// Above it GitHub does not deliver at all.
const MAX_PAYLOAD: usize = 25 * 1024 * 1024;
const ALWAYS_SENT: [&str; 3] = ["installation", "installation_repositories", "ping"];

/// An event about to become a delivery.
pub(super) struct Emission {
    pub(super) event: &'static str,
    pub(super) action: Option<&'static str>,
    pub(super) installation: Option<InstallationId>,
    pub(super) repository: Option<RepositoryId>,
    pub(super) fields: Map<String, Value>,
}

impl World {
    /// Writes the delivery down, if GitHub makes one of this event at all.
    pub(super) fn emit(&mut self, mut emission: Emission) -> Option<Guid> {
        let wanted = ALWAYS_SENT.contains(&emission.event)
            || !self.app.unsubscribed.contains(emission.event);
        if !wanted {
            return None;
        }
        if self.ledger.omit > 0 {
            self.ledger.omit -= 1;
            return None;
        }
        let fields = std::mem::take(&mut emission.fields);
        let payload = payload::complete(self, &emission, fields).into_bytes();
        if payload.len() > MAX_PAYLOAD {
            return None;
        }
        let delivery = self.address(&emission, payload);
        let guid = delivery.guid.clone();
        self.ledger.record(delivery);
        Some(guid)
    }

    fn address(&self, emission: &Emission, payload: Vec<u8>) -> Delivery {
        let guid = self.ledger.new_guid();
        let form = self.ledger.form_bodies;
        let body = if form {
            signing::form_body(&payload)
        } else {
            payload.clone()
        };
        let secret = &self.ledger.secret;
        Delivery {
            headers: signing::headers(self.app.id, secret, &guid, emission.event, form, &body),
            guid,
            event: emission.event.to_owned(),
            action: emission.action.map(str::to_owned),
            installation: emission.installation,
            repository: emission.repository,
            at: self.now(),
            payload: payload.into(),
            body: body.into(),
            held: true,
            attempts: Vec::new(),
        }
    }

    /// A redelivery has the bytes of the first attempt and is signed with the secret of today.
    fn sign_again(&mut self, guid: &Guid) {
        let (app, secret) = (self.app.id, self.ledger.secret.clone());
        let delivery = self.ledger.get_mut(guid);
        let form = delivery.body != delivery.payload;
        delivery.headers =
            signing::headers(app, &secret, guid, &delivery.event, form, &delivery.body);
    }

    /// Whether the next POST shall get lost on its way.
    fn loses_one(&mut self) -> bool {
        let lost = self.ledger.lose > 0;
        self.ledger.lose = self.ledger.lose.saturating_sub(1);
        lost
    }

    fn record_attempt(&mut self, guid: &Guid, answer: Answered, redelivery: bool) {
        let attempt = Attempt {
            id: 0,
            at: self.now(),
            redelivery,
            status: answer.status,
            answer: answer.body,
            duration: answer.duration,
        };
        self.ledger.record_attempt(guid, attempt);
    }
}

/// How one POST ended.
#[derive(Debug, Default)]
struct Answered {
    status: Option<u16>,
    body: String,
    duration: f64,
}

impl Shared {
    /// One POST, with what came of it written down.
    pub(super) async fn attempt(&self, guid: &Guid, redelivery: bool) -> Sent {
        let (lost, url) = self.with(|world| {
            if redelivery {
                world.sign_again(guid);
            }
            (world.loses_one(), world.ledger.webhook_url.clone())
        });
        let answer = match url {
            Some(url) if !lost => self.post(&url, guid).await,
            _ => Answered::default(),
        };
        self.with(|world| {
            world.record_attempt(guid, answer, redelivery);
            Sent::from(world.ledger.get(guid))
        })
    }

    async fn post(&self, url: &str, guid: &Guid) -> Answered {
        let (headers, body) = self.with(|world| {
            let delivery = world.ledger.get(guid);
            (delivery.headers.clone(), delivery.body.to_vec())
        });
        let begun = Instant::now();
        let request = headers
            .iter()
            .fold(self.http.post(url), |request, (name, value)| {
                request.header(name, value)
            });
        let answer = async {
            let answer = request.body(body).send().await?;
            let status = answer.status().as_u16();
            Ok::<_, reqwest::Error>((status, answer.text().await.unwrap_or_default()))
        };
        let answer = answer.await;
        let duration = begun.elapsed().as_secs_f64();
        match answer {
            Ok((status, body)) => Answered {
                status: Some(status),
                body,
                duration,
            },
            Err(error) => {
                tracing::debug!(%error, delivery.guid = %guid, "a delivery did not arrive");
                Answered {
                    duration,
                    ..Answered::default()
                }
            }
        }
    }
}

impl Simulator {
    /// Sends what a verb caused, one after the other, unless deliveries are held.
    pub(super) async fn send(&self, guids: Vec<Guid>) -> Vec<Sent> {
        let holding = self.with(|world| world.ledger.holding);
        for guid in &guids {
            if !holding {
                self.shared.attempt(guid, false).await;
            }
        }
        self.with(|world| {
            let sent = guids.iter().map(|guid| Sent::from(world.ledger.get(guid)));
            sent.collect()
        })
    }

    /// From now on verbs leave their deliveries in the outbox.
    pub fn hold_deliveries(&self) {
        self.with(|world| world.ledger.holding = true);
    }

    /// Sends what waits, and verbs send at once again.
    pub async fn release_deliveries(&self) -> Vec<Sent> {
        self.with(|world| world.ledger.holding = false);
        self.deliver_all().await
    }

    /// What waits to be sent, oldest first.
    pub fn outbox(&self) -> Vec<Guid> {
        self.with(|world| {
            let held = world.ledger.all().iter().filter(|delivery| delivery.held);
            held.map(|delivery| delivery.guid.clone()).collect()
        })
    }

    /// Sends one delivery, held or not.
    pub async fn deliver(&self, guid: &Guid) -> Sent {
        self.shared.attempt(guid, false).await
    }

    /// Sends what waits, oldest first.
    pub async fn deliver_all(&self) -> Vec<Sent> {
        self.deliver_in_order(&self.outbox()).await
    }

    pub async fn deliver_in_order(&self, guids: &[Guid]) -> Vec<Sent> {
        let mut sent = Vec::with_capacity(guids.len());
        for guid in guids {
            sent.push(self.deliver(guid).await);
        }
        sent
    }

    /// A held delivery that fails on its way: GitHub lists it, nobody receives it.
    pub fn drop_delivery(&self, guid: &Guid) {
        self.with(|world| world.record_attempt(guid, Answered::default(), false));
    }

    /// The next `n` POSTs (redeliveries too) are listed and never arrive.
    pub fn lose_next(&self, n: u32) {
        self.with(|world| world.ledger.lose += n);
    }

    /// The next `n` events never become deliveries: no list has them.
    pub fn omit_next(&self, n: u32) {
        self.with(|world| world.ledger.omit += n);
    }

    /// Sends a delivery again: same GUID, same bytes.
    pub async fn redeliver(&self, guid: &Guid) -> Sent {
        self.shared.attempt(guid, true).await
    }

    /// Everything that was sent, held or lost, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.with(|world| world.ledger.all().to_vec())
    }

    /// The headers and the body of a delivery, for a test that sends it itself.
    pub fn raw(&self, guid: &Guid) -> (Vec<(String, String)>, Vec<u8>) {
        self.with(|world| {
            let delivery = world.ledger.get(guid);
            (delivery.headers.clone(), delivery.body.to_vec())
        })
    }

    /// Whether bodies are sent as forms (`payload=…`) instead of JSON.
    pub fn send_forms(&self, forms: bool) {
        self.with(|world| world.ledger.form_bodies = forms);
    }
}
