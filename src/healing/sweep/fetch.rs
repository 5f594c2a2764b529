//! Fetching what was missed, one by one and the oldest first, into the inbox that everything else comes by.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::Sweep;
use super::listing::Missing;
use crate::github::GitHubError;
use crate::github::client::FetchedDelivery;
use crate::github::delivery_body::prove_object;
use crate::github::header;
use crate::inbox::{self, NewDelivery, Recorded, SeenDelivery};
use crate::refresh::Trouble;

/// So many in a row that GitHub cannot answer for may be no matter of single deliveries: whether it
/// lists them still tells.
const OUTAGE: usize = 3;

/// GitHub may list a delivery before it gives its body: one that it does not have is given up when it was
/// sent longer ago than this.
const UNSETTLED: TimeDelta = TimeDelta::hours(1);

/// What became of those that were missed.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    pub(super) recorded: u64,
    /// By the webhook, while this one looked.
    pub(super) arrived: u64,
    /// GitHub listed them, and gives their bodies no more.
    pub(super) not_kept: u64,
    pub(super) failed: u64,
    pub(super) first_error: Option<String>,
}

impl Sweep<'_> {
    /// One that cannot be fetched is in nobody's way. What has been recorded stays so, however this ends.
    pub(super) async fn fetch(
        &self,
        missing: &[Missing],
        fetched: &mut Fetched,
    ) -> Result<(), Trouble> {
        let mut in_a_row = 0;
        for one in missing {
            match self.app.github.hook_delivery(one.id).await {
                Ok(delivery) => {
                    in_a_row = 0;
                    match self.record(one, &delivery).await? {
                        Recorded::Received => fetched.recorded += 1,
                        Recorded::Duplicate => fetched.arrived += 1,
                    }
                }
                Err(GitHubError::NotFound) if self.is_settled(one) => {
                    fetched.not_kept += self.give_up(one, "not_kept_by_github").await?;
                }
                Err(GitHubError::TooLarge { .. }) => {
                    fetched.not_kept += self.give_up(one, "payload_too_large").await?;
                }
                Err(error @ GitHubError::Unavailable(_)) => {
                    in_a_row += 1;
                    if in_a_row == OUTAGE {
                        in_a_row = 0;
                        self.app.github.hook_deliveries(None).await?;
                    }
                    fetched.note(one, error);
                }
                Err(error @ (GitHubError::NotFound | GitHubError::Unexpected(_))) => {
                    fetched.note(one, error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether GitHub's replicas have had the time to agree on its body.
    fn is_settled(&self, missing: &Missing) -> bool {
        missing.attempted_at < self.context.clock.now() - UNSETTLED
    }

    async fn record(
        &self,
        missing: &Missing,
        fetched: &FetchedDelivery,
    ) -> Result<Recorded, Trouble> {
        let payload = fetched.payload.get().as_bytes();
        let new = NewDelivery {
            app: self.app.row,
            guid: missing.guid.clone(),
            event: missing.event.clone(),
            headers: kept_headers(&fetched.headers),
            signed_by: None,
            sent_at: Some(missing.delivered_at),
            body: payload.to_vec(),
            rejected: prove_object(payload)
                .err()
                .map(|unusable| unusable.to_string()),
        };
        let now = self.context.clock.now();
        let recorded = inbox::record(new, now, &self.context.db).await?;
        tracing::info!(
            delivery.guid = missing.guid,
            github.event = missing.event,
            delivered_at = %missing.delivered_at,
            "fetched a delivery that had not arrived"
        );
        Ok(recorded)
    }

    async fn give_up(&self, missing: &Missing, reason: &'static str) -> Result<u64, Trouble> {
        let seen = SeenDelivery {
            guid: missing.guid.clone(),
            event: missing.event.clone(),
            action: None,
            repository: None,
            installation: None,
            reason,
        };
        Ok(self.record_seen(&[seen]).await? as u64)
    }
}

impl Fetched {
    fn note(&mut self, missing: &Missing, error: GitHubError) {
        self.failed += 1;
        self.first_error
            .get_or_insert_with(|| format!("{}: {:#}", missing.guid, anyhow::Error::from(error)));
    }
}

/// As GitHub lists them, in any case; but the payload is JSON, whatever it was sent as.
fn kept_headers(listed: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = listed
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), header::kept(value.as_bytes())))
        .filter(|(name, _)| header::KEPT.contains(&name.as_str()))
        .collect();
    headers.insert(
        header::CONTENT_TYPE.to_owned(),
        "application/json".to_owned(),
    );
    headers
}
