//! Listing what GitHub remembers, newest first, and keeping what the ledger does not have.
//!
//! What is missing is fetched before the list is at its end, some at a time: whoever begins anew, because a
//! process died in the middle of three days of deliveries, does not begin at nothing.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::Sweep;
use super::concern::{Concern, UnsyncedOwners, Worth};
use super::fetch::Fetched;
use crate::github::GitHubError;
use crate::github::client::{Deliveries, HookDelivery};
use crate::inbox::{self, SeenDelivery};
use crate::refresh::Trouble;

/// Listings that are begun, should GitHub no longer take the cursor of the one before.
const TRIES: usize = 3;

/// Missing deliveries that are fetched together. Of one that is listed in several of these, as a redelivery
/// long after the first, the newest attempt counts.
const TOGETHER: usize = 100;

/// Characters of a GUID or an event's name: what the webhook takes, too.
const MAX_TEXT: usize = 128;

/// A delivery that the ledger does not have, and should.
#[derive(Debug, Clone)]
pub(super) struct Missing {
    /// Of the newest attempt: GitHub forgets it last.
    pub(super) id: i64,
    pub(super) guid: String,
    pub(super) event: String,
    /// At the first attempt that is listed.
    pub(super) delivered_at: DateTime<Utc>,
    /// At the newest.
    pub(super) attempted_at: DateTime<Utc>,
}

/// What a listing has come to.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) entries: usize,
    /// Passed over: not even the ledger could take them.
    pub(super) unreadable: usize,
    /// Recorded without their bodies.
    pub(super) seen: usize,
    /// By GitHub's clock; of what is older than all that could not be read.
    pub(super) newest: Option<DateTime<Utc>>,
    /// How many the ledger did not have, and should.
    pub(super) missing: usize,
    /// Why it does not go back as far as it should.
    pub(super) cut: Option<GitHubError>,
}

impl Sweep<'_> {
    /// And fetches.
    pub(super) async fn list(
        &self,
        since: DateTime<Utc>,
        fetched: &mut Fetched,
    ) -> Result<Listed, Trouble> {
        let unsynced = {
            let mut conn = self.context.db.read().await?;
            UnsyncedOwners::read(self.app, &mut conn).await?
        };
        let mut longest = Listed::default();
        for _ in 0..TRIES {
            let listed = self.try_to_list(since, &unsynced, fetched).await?;
            // A cursor was refused: it is good for a while only.
            let again = matches!(listed.cut, Some(GitHubError::Unexpected(_)));
            if listed.cut.is_none() || listed.entries >= longest.entries {
                longest = listed;
            }
            if !again {
                break;
            }
        }
        Ok(longest)
    }

    /// As far as the pages go that can be read.
    async fn try_to_list(
        &self,
        since: DateTime<Utc>,
        unsynced: &UnsyncedOwners,
        fetched: &mut Fetched,
    ) -> Result<Listed, Trouble> {
        let mut listed = Listed::default();
        let mut missing = HashMap::new();
        let mut cursor = None;
        loop {
            let page = match self.app.github.hook_deliveries(cursor.as_ref()).await {
                Err(error) if cursor.is_some() => {
                    listed.cut = Some(error);
                    break;
                }
                page => page?,
            };
            listed.entries += page.deliveries.len();
            self.sort(&page, since, unsynced, &mut listed, &mut missing)
                .await?;
            if missing.len() >= TOGETHER {
                listed.missing += self.fetch_all(&mut missing, fetched).await?;
            }
            // They are in the order of their attempts, as good as: the page that has none is the end.
            let mut entries = page.deliveries.iter();
            let past =
                !page.deliveries.is_empty() && entries.all(|entry| entry.delivered_at < since);
            match page.next {
                Some(next) if !past => cursor = Some(next),
                _ => break,
            }
        }
        listed.missing += self.fetch_all(&mut missing, fetched).await?;
        Ok(listed)
    }

    /// The oldest first.
    async fn fetch_all(
        &self,
        missing: &mut HashMap<String, Missing>,
        fetched: &mut Fetched,
    ) -> Result<usize, Trouble> {
        let mut missing: Vec<Missing> = missing.drain().map(|(_, missing)| missing).collect();
        missing.sort_by_key(|missing| (missing.delivered_at, missing.id));
        self.fetch(&missing, fetched).await?;
        Ok(missing.len())
    }

    /// Records what is of no use to us; notes what has to be fetched.
    async fn sort(
        &self,
        page: &Deliveries,
        since: DateTime<Utc>,
        unsynced: &UnsyncedOwners,
        listed: &mut Listed,
        missing: &mut HashMap<String, Missing>,
    ) -> Result<(), Trouble> {
        let (plain, odd): (Vec<_>, Vec<_>) = page
            .deliveries
            .iter()
            .filter(|entry| entry.delivered_at >= since)
            .partition(|entry| is_plain(&entry.guid) && is_plain(&entry.event));
        let newest = plain.iter().map(|entry| entry.delivered_at).max();
        listed.newest = listed.newest.max(newest);
        let unreadable = page.unreadable + odd.len();
        if unreadable > 0 {
            listed.unreadable += unreadable;
            listed.newest = None;
        }
        let new = self.not_in_the_ledger(plain).await?;
        if new.is_empty() {
            return Ok(());
        }
        let mut conn = self.context.db.read().await?;
        let concern = Concern::of(&new, unsynced, self.app, &mut conn).await?;
        drop(conn);
        let mut seen = Vec::new();
        for entry in new {
            match concern.worth(entry) {
                Worth::Fetching => note(entry, missing),
                Worth::Nothing(reason) => seen.push(as_seen(entry, reason)),
            }
        }
        listed.seen += self.record_seen(&seen).await?;
        Ok(())
    }

    async fn not_in_the_ledger<'p>(
        &self,
        entries: Vec<&'p HookDelivery>,
    ) -> Result<Vec<&'p HookDelivery>, Trouble> {
        let guids: Vec<&str> = entries.iter().map(|entry| entry.guid.as_str()).collect();
        let mut conn = self.context.db.read().await?;
        let known = inbox::known_guids(self.app.row, &guids, &mut conn).await?;
        let new = entries.into_iter();
        Ok(new.filter(|entry| !known.contains(&entry.guid)).collect())
    }

    pub(super) async fn record_seen(&self, seen: &[SeenDelivery]) -> Result<usize, Trouble> {
        if seen.is_empty() {
            return Ok(0);
        }
        let now = self.context.clock.now();
        let mut conn = self.context.db.write().await?;
        Ok(inbox::record_seen(self.app.row, seen, now, &mut conn).await?)
    }
}

/// One GUID may be listed many times: its redeliveries, and pages that overlap.
fn note(entry: &HookDelivery, missing: &mut HashMap<String, Missing>) {
    let noted = missing
        .entry(entry.guid.clone())
        .or_insert_with(|| Missing {
            id: entry.id,
            guid: entry.guid.clone(),
            event: entry.event.clone(),
            delivered_at: entry.delivered_at,
            attempted_at: entry.delivered_at,
        });
    noted.id = noted.id.max(entry.id);
    noted.delivered_at = noted.delivered_at.min(entry.delivered_at);
    noted.attempted_at = noted.attempted_at.max(entry.delivered_at);
}

fn as_seen(entry: &HookDelivery, reason: &'static str) -> SeenDelivery {
    SeenDelivery {
        guid: entry.guid.clone(),
        event: entry.event.clone(),
        action: entry.action.clone().filter(|action| is_plain(action)),
        repository: entry.repository_id,
        installation: entry.installation_id,
        reason,
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_TEXT && !text.chars().any(char::is_control)
}
