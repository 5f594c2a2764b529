//! What goes wrong with deliveries on their way.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Simulator;
use super::deliveries::{Attempt, Guid};

/// Above it GitHub does not deliver at all.
const MAX_PAYLOAD: usize = 25 * 1024 * 1024;

/// How the next events and POSTs go wrong.
#[derive(Debug)]
pub(super) struct Troubles {
    lose: Trouble,
    omit: Trouble,
    throttle: Trouble,
    max_payload: usize,
}

/// Strikes so many of the next, or all of them.
#[derive(Debug, Default)]
struct Trouble {
    left: u32,
    always: bool,
}

impl Trouble {
    fn strikes(&mut self) -> bool {
        if self.always {
            return true;
        }
        let strikes = self.left > 0;
        self.left = self.left.saturating_sub(1);
        strikes
    }
}

impl Default for Troubles {
    fn default() -> Self {
        Self {
            lose: Trouble::default(),
            omit: Trouble::default(),
            throttle: Trouble::default(),
            max_payload: MAX_PAYLOAD,
        }
    }
}

impl Troubles {
    /// Whether the next POST shall get lost on its way.
    pub(super) fn loses_one(&mut self) -> bool {
        self.lose.strikes()
    }

    /// Whether the next event shall never become a delivery.
    pub(super) fn omits_one(&mut self) -> bool {
        self.omit.strikes()
    }

    /// Since when the next delivery is kept back, if it is.
    pub(super) fn throttles_one(&mut self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.throttle.strikes().then_some(now)
    }

    pub(super) fn is_too_large(&self, payload: &[u8]) -> bool {
        payload.len() > self.max_payload
    }
}

impl Simulator {
    /// The next `n` POSTs (redeliveries too) are listed and never arrive.
    pub fn lose_next(&self, n: u32) {
        self.ledger(|ledger| ledger.troubles.lose.left += n);
    }

    /// Whether from now on every POST is listed and none arrives: nothing gets in, the API answers.
    pub fn lose_all(&self, lost: bool) {
        self.ledger(|ledger| ledger.troubles.lose.always = lost);
    }

    /// The next `n` events never become deliveries: no list has them.
    pub fn omit_next(&self, n: u32) {
        self.ledger(|ledger| ledger.troubles.omit.left += n);
    }

    /// Whether from now on no event becomes a delivery: the world changes and nobody is told.
    pub fn omit_all(&self, omitted: bool) {
        self.ledger(|ledger| ledger.troubles.omit.always = omitted);
    }

    /// GitHub finds the account too busy: the next `n` deliveries wait in the outbox, and its list will
    /// say since when.
    pub fn throttle_next(&self, n: u32) {
        self.ledger(|ledger| ledger.troubles.throttle.left += n);
    }

    /// Deliveries are listed for so long (three days at first) and then forgotten, their bytes too: what
    /// keeps the memory of a long run bounded.
    pub fn list_deliveries_for(&self, time: Duration) {
        let time = TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
        self.with(|world| world.listed_for = Some(time));
    }

    /// Larger payloads are not delivered at all (25 MiB at first).
    pub fn set_payload_limit(&self, bytes: usize) {
        self.ledger(|ledger| ledger.troubles.max_payload = bytes);
    }

    /// A held delivery that fails on its way: GitHub lists it, nobody receives it.
    pub fn drop_delivery(&self, guid: &Guid) {
        self.list_as(guid, None);
    }

    /// GitHub's list says of a delivery that it was answered so, although nobody was asked: a success
    /// that never arrived, a redirect that counts as one, a second line with the same GUID.
    pub fn list_as(&self, guid: &Guid, status: Option<u16>) {
        self.with(|world| {
            let attempt = Attempt::unsent(world.now(), status);
            world.app_mut(self.app).ledger.record_attempt(guid, attempt);
        });
    }

    /// Every cursor that the list of deliveries has given so far is refused from now on (422).
    pub fn expire_cursors(&self) {
        self.ledger(|ledger| ledger.cursors_expired += 1);
    }
}
