use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::github::ids::{AppId, InstallationId, RepositoryId};

use super::troubles::Troubles;

/// What `X-GitHub-Delivery` carries: the same for every attempt at one event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(String);

impl Guid {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Shaped like a UUID, as GitHub's are, but with no promise to be one.
    pub(super) fn random() -> Self {
        let hex = hex::encode(rand::random::<[u8; 16]>());
        let groups = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        Self(groups.join("-"))
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Guid {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// One event that GitHub has for the App, and what became of it.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub guid: Guid,
    pub event: String,
    pub action: Option<String>,
    pub installation: Option<InstallationId>,
    pub repository: Option<RepositoryId>,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Since when GitHub kept it back, where it did.
    pub throttled_at: Option<DateTime<Utc>>,
    /// The JSON of the event, whatever the content type it is sent with.
    pub payload: Arc<[u8]>,
    /// The headers of the last attempt, or of the first one to come.
    pub headers: Vec<(String, String)>,
    /// The bytes on the wire: what the signature is over.
    pub body: Arc<[u8]>,
    /// Waits in the outbox.
    pub held: bool,
    pub attempts: Vec<Attempt>,
}

/// One POST, or one that should have been: a line of GitHub's list.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub redelivery: bool,
    /// `None` when nobody answered.
    pub status: Option<u16>,
    /// What the receiver said.
    pub answer: String,
    /// Seconds.
    pub duration: f64,
}

impl Attempt {
    /// A line of the list that no POST stands behind.
    pub(super) fn unsent(at: DateTime<Utc>, status: Option<u16>) -> Self {
        Self {
            id: 0,
            at,
            redelivery: false,
            status,
            answer: String::new(),
            duration: 0.0,
        }
    }
}

impl Delivery {
    /// What goes over the wire: headers and body.
    pub(super) fn wire(&self) -> (Vec<(String, String)>, Arc<[u8]>) {
        (self.headers.clone(), Arc::clone(&self.body))
    }

    /// What the receiver answered last.
    pub fn status(&self) -> Option<u16> {
        self.attempts.last()?.status
    }
}

/// A delivery by the App that it is for: Apps that hear of one event get its GUID both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) app: AppId,
    pub(super) guid: Guid,
}

/// What one verb made GitHub send, with the receiver's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub guid: Guid,
    pub event: String,
    pub action: Option<String>,
    /// `None` while it is held, or when it never arrived.
    pub status: Option<u16>,
    /// The receiver's answer.
    pub body: String,
}

impl From<&Delivery> for Sent {
    fn from(delivery: &Delivery) -> Self {
        let last = delivery.attempts.last();
        Self {
            guid: delivery.guid.clone(),
            event: delivery.event.clone(),
            action: delivery.action.clone(),
            status: last.and_then(|attempt| attempt.status),
            body: last
                .map(|attempt| attempt.answer.clone())
                .unwrap_or_default(),
        }
    }
}

/// Everything that was sent or should have been, and how the next ones go.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) secret: String,
    pub(super) webhook_url: Option<String>,
    pub(super) form_bodies: bool,
    pub(super) holding: bool,
    pub(super) troubles: Troubles,
    /// How often all cursors were made invalid.
    pub(super) cursors_expired: u32,
    deliveries: Vec<Delivery>,
    /// So many of the oldest have given their bytes up: nothing lists them any more.
    shed: usize,
    /// Every attempt in the order of its id: delivery, and which of its attempts.
    order: Vec<(usize, usize)>,
    by_guid: HashMap<Guid, usize>,
    next_attempt: i64,
}

impl Ledger {
    pub(super) fn new(secret: String) -> Self {
        Self {
            secret,
            webhook_url: None,
            form_bodies: false,
            holding: false,
            troubles: Troubles::default(),
            cursors_expired: 0,
            deliveries: Vec::new(),
            shed: 0,
            order: Vec::new(),
            by_guid: HashMap::new(),
            next_attempt: 12_345_678_900,
        }
    }

    pub(super) fn record(&mut self, delivery: Delivery) {
        self.by_guid
            .insert(delivery.guid.clone(), self.deliveries.len());
        self.deliveries.push(delivery);
    }

    /// Gives up the bytes of what happened before `at`; that it happened stays known.
    pub(super) fn shed(&mut self, at: DateTime<Utc>) {
        while let Some(oldest) = self.deliveries.get_mut(self.shed)
            && oldest.at < at
            && !oldest.held
        {
            oldest.payload = Arc::default();
            oldest.body = Arc::default();
            oldest.headers = Vec::new();
            for attempt in &mut oldest.attempts {
                attempt.answer = String::new();
            }
            self.shed += 1;
        }
    }

    pub(super) fn all(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// # Panics
    ///
    /// If there was no such delivery: the story is wrong.
    pub(super) fn get(&self, guid: &Guid) -> &Delivery {
        &self.deliveries[self.index(guid)]
    }

    /// # Panics
    ///
    /// As [`Ledger::get`].
    pub(super) fn get_mut(&mut self, guid: &Guid) -> &mut Delivery {
        let index = self.index(guid);
        &mut self.deliveries[index]
    }

    fn index(&self, guid: &Guid) -> usize {
        match self.by_guid.get(guid) {
            Some(index) => *index,
            None => panic!("no delivery {guid} on this GitHub"),
        }
    }

    /// Writes one attempt down under the next id.
    pub(super) fn record_attempt(&mut self, guid: &Guid, mut attempt: Attempt) {
        self.next_attempt += 7;
        attempt.id = self.next_attempt;
        let index = self.index(guid);
        let delivery = &mut self.deliveries[index];
        self.order.push((index, delivery.attempts.len()));
        delivery.held = false;
        delivery.attempts.push(attempt);
    }

    /// An attempt that GitHub still lists.
    pub(super) fn attempt(&self, id: i64, since: DateTime<Utc>) -> Option<(&Delivery, &Attempt)> {
        let at = |(delivery, attempt): &(usize, usize)| {
            let delivery = &self.deliveries[*delivery];
            (delivery, &delivery.attempts[*attempt])
        };
        let found = self.order.binary_search_by_key(&id, |line| at(line).1.id);
        let found = at(&self.order[found.ok()?]);
        (found.1.at > since && found.0.at > since).then_some(found)
    }

    /// What `GET /app/hook/deliveries` has to list, newest first.
    pub(super) fn attempts(
        &self,
        since: DateTime<Utc>,
    ) -> impl Iterator<Item = (&Delivery, &Attempt)> {
        let attempts = self.order.iter().rev().map(|(delivery, attempt)| {
            let delivery = &self.deliveries[*delivery];
            (delivery, &delivery.attempts[*attempt])
        });
        attempts
            .take_while(move |(_, attempt)| attempt.at > since)
            .filter(move |(delivery, _)| delivery.at > since)
    }
}
