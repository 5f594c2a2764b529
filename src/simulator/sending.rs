//! Sending deliveries: signed, held back, lost, repeated or reordered.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::github::ids::{InstallationId, RepositoryId};

use super::deliveries::{Attempt, Delivery, Guid, Sent};
use super::signing::{self, Envelope};
use super::world::World;
use super::{Shared, Simulator, payload};

/// What all deliveries of a process are sent with: making a client costs more than starting a GitHub.
static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();

const ALWAYS_SENT: [&str; 3] = ["installation", "installation_repositories", "ping"];

/// It keeps no connection: one belongs to the runtime that opened it, and a process may have several.
pub(super) fn client() -> reqwest::Result<reqwest::Client> {
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .build()?;
    Ok(CLIENT.get_or_init(|| client).clone())
}

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
        let heard = emission.installation.is_none_or(|id| {
            let installation = self.installations.get(&id);
            installation.is_none_or(|found| found.may_hear(emission.event))
        });
        if !wanted || !heard {
            return None;
        }
        if self.ledger.troubles.omits_one() {
            return None;
        }
        let fields = std::mem::take(&mut emission.fields);
        let payload = payload::complete(self, &emission, fields).into_bytes();
        if self.ledger.troubles.is_too_large(&payload) {
            return None;
        }
        let delivery = self.address(&emission, payload);
        let guid = delivery.guid.clone();
        self.ledger.record(delivery);
        Some(guid)
    }

    fn address(&mut self, emission: &Emission, payload: Vec<u8>) -> Delivery {
        let now = self.now();
        let guid = self.ledger.new_guid();
        let throttled_at = self.ledger.troubles.throttles_one(now);
        let payload: Arc<[u8]> = payload.into();
        let form = self.ledger.form_bodies;
        let body = if form {
            signing::form_body(&payload).into()
        } else {
            Arc::clone(&payload)
        };
        let envelope = Envelope {
            app: self.app.id,
            secret: &self.ledger.secret,
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
    fn sign_again(&mut self, guid: &Guid) {
        let headers = {
            let delivery = self.ledger.get(guid);
            let envelope = Envelope {
                app: self.app.id,
                secret: &self.ledger.secret,
                host: &self.host,
                guid,
                event: &delivery.event,
                form: !Arc::ptr_eq(&delivery.body, &delivery.payload),
            };
            signing::headers(&envelope, &delivery.body)
        };
        self.ledger.get_mut(guid).headers = headers;
    }

    fn record_attempt(&mut self, guid: &Guid, answer: Answered, redelivery: bool) {
        let attempt = Attempt {
            redelivery,
            answer: answer.body,
            duration: answer.duration,
            ..Attempt::unsent(self.now(), answer.status)
        };
        self.ledger.record_attempt(guid, attempt);
    }
}

/// How one POST ended.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) status: Option<u16>,
    pub(super) body: String,
    duration: f64,
}

impl Shared {
    /// One POST, with what came of it written down.
    pub(super) async fn attempt(&self, guid: &Guid, redelivery: bool) -> Sent {
        let (lost, url) = self.with(|world| {
            if redelivery {
                world.sign_again(guid);
            }
            let lost = world.ledger.troubles.loses_one();
            (lost, world.ledger.webhook_url.clone())
        });
        let answer = match url {
            Some(url) if !lost => {
                let (headers, body) = self.with(|world| world.ledger.get(guid).wire());
                self.post(&url, &headers, body).await
            }
            _ => Answered::default(),
        };
        self.with(|world| {
            world.record_attempt(guid, answer, redelivery);
            Sent::from(world.ledger.get(guid))
        })
    }

    pub(super) async fn post(
        &self,
        url: &str,
        headers: &[(String, String)],
        body: Arc<[u8]>,
    ) -> Answered {
        let begun = Instant::now();
        let post = self
            .http
            .post(url)
            .timeout(self.with(|world| world.host.deadline()));
        let request = headers
            .iter()
            .fold(post, |request, (name, value)| request.header(name, value));
        let answer = async {
            let answer = request.body(Bytes::from_owner(body)).send().await?;
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
                tracing::debug!(%error, "a delivery did not arrive");
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
        let holding = self.ledger(|ledger| ledger.holding);
        for guid in &guids {
            let throttled = self.with(|world| world.ledger.get(guid).throttled_at.is_some());
            if !holding && !throttled {
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
        self.ledger(|ledger| ledger.holding = true);
    }

    /// Sends what waits, and verbs send at once again.
    pub async fn release_deliveries(&self) -> Vec<Sent> {
        self.ledger(|ledger| ledger.holding = false);
        self.deliver_all().await
    }

    /// What waits to be sent, oldest first.
    pub fn outbox(&self) -> Vec<Guid> {
        self.ledger(|ledger| {
            let held = ledger.all().iter().filter(|delivery| delivery.held);
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

    /// Sends a delivery again: same GUID, same bytes.
    pub async fn redeliver(&self, guid: &Guid) -> Sent {
        self.shared.attempt(guid, true).await
    }

    /// Waits until every redelivery that the API was asked for has been sent.
    pub async fn redelivered(&self) {
        let mut waiting = self.shared.redelivering.subscribe();
        // It cannot fail: the sender lives as long as this GitHub.
        let _ = waiting.wait_for(|waiting| *waiting == 0).await;
    }

    /// Everything that was sent, held or lost, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.ledger(|ledger| ledger.all().to_vec())
    }

    /// One of them; of several with this GUID the last.
    pub fn delivery(&self, guid: &Guid) -> Delivery {
        self.ledger(|ledger| ledger.get(guid).clone())
    }

    /// The next event gets this GUID, whether another one has it or not; several calls queue up.
    pub fn next_guid(&self, guid: impl Into<Guid>) {
        let guid = guid.into();
        self.ledger(|ledger| ledger.chosen_guids.push_back(guid));
    }

    /// The headers and the body of a delivery, for a test that sends it itself.
    pub fn raw(&self, guid: &Guid) -> (Vec<(String, String)>, Vec<u8>) {
        let (headers, body) = self.ledger(|ledger| ledger.get(guid).wire());
        (headers, body.to_vec())
    }

    /// Whether bodies are sent as forms (`payload=…`) instead of JSON.
    pub fn send_forms(&self, forms: bool) {
        self.ledger(|ledger| ledger.form_bodies = forms);
    }
}
