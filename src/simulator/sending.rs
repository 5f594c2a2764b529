//! Sending deliveries: signed, held back, lost, repeated or reordered.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;

use super::deliveries::{Attempt, Delivery, Guid, Letter, Sent};
use super::world::World;
use super::{Shared, Simulator};

/// What all deliveries of a process are sent with: making a client costs more than starting a GitHub.
static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();

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

/// How one POST ended.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) status: Option<u16>,
    pub(super) body: String,
    duration: f64,
}

impl World {
    fn record_attempt(&mut self, letter: &Letter, answer: Answered, redelivery: bool) {
        let attempt = Attempt {
            redelivery,
            answer: answer.body,
            duration: answer.duration,
            ..Attempt::unsent(self.now(), answer.status)
        };
        let ledger = &mut self.app_mut(letter.app).ledger;
        ledger.record_attempt(&letter.guid, attempt);
    }
}

impl Shared {
    /// One POST, with what came of it written down.
    pub(super) async fn attempt(&self, letter: &Letter, redelivery: bool) -> Sent {
        let (lost, url, (headers, body)) = self.with(|world| {
            if redelivery {
                world.sign_again(letter);
            }
            let ledger = &mut world.app_mut(letter.app).ledger;
            let lost = ledger.troubles.loses_one();
            let url = ledger.webhook_url.clone();
            (lost, url, ledger.get(&letter.guid).wire())
        });
        let answer = match url {
            Some(url) if !lost => self.post(&url, &headers, body).await,
            _ => Answered::default(),
        };
        self.with(|world| {
            world.record_attempt(letter, answer, redelivery);
            Sent::from(world.app(letter.app).ledger.get(&letter.guid))
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
    /// Sends what a verb caused, one after the other, unless deliveries are held. Answers with what is
    /// for the App of this handle.
    pub(super) async fn send(&self, letters: Vec<Letter>) -> Vec<Sent> {
        for letter in &letters {
            let waits = self.with(|world| {
                let ledger = &world.app(letter.app).ledger;
                ledger.holding || ledger.get(&letter.guid).throttled_at.is_some()
            });
            if !waits {
                self.shared.attempt(letter, false).await;
            }
        }
        let mine = letters.iter().filter(|letter| letter.app == self.app);
        self.ledger(|ledger| {
            mine.map(|letter| Sent::from(ledger.get(&letter.guid)))
                .collect()
        })
    }

    fn letter(&self, guid: &Guid) -> Letter {
        Letter {
            app: self.app,
            guid: guid.clone(),
        }
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
        self.shared.attempt(&self.letter(guid), false).await
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
        self.shared.attempt(&self.letter(guid), true).await
    }

    /// Waits until all that requests make GitHub send has been sent: redeliveries, and a new App's ping.
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
        self.with(|world| world.chosen_guids.push_back(guid));
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
