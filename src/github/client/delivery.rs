use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use reqwest::header::LINK;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::GitHub;
use super::answer::or_default;
use super::request::{Cap, Request};
use super::transport::Answer;
use crate::github::error::GitHubError;
use crate::github::ids::{InstallationId, RepositoryId};

/// One delivery as GitHub remembers it, for three days (seven on Enterprise Server).
///
/// Read leniently: one odd entry must not hide the others of its page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HookDelivery {
    /// Of this attempt; a redelivery has its own.
    pub id: i64,
    /// Of the event: what `X-GitHub-Delivery` said at every attempt.
    pub guid: String,
    pub delivered_at: DateTime<Utc>,
    #[serde(default, deserialize_with = "or_default")]
    pub redelivery: bool,
    /// GitHub's opinion, such as `OK` or `failed to connect`: not to be trusted, a redirect counts as success.
    #[serde(default, deserialize_with = "or_default")]
    pub status: String,
    /// 0 when nobody answered.
    #[serde(default, deserialize_with = "or_default")]
    pub status_code: i64,
    pub event: String,
    #[serde(default, deserialize_with = "or_default")]
    pub action: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub installation_id: Option<InstallationId>,
    #[serde(default, deserialize_with = "or_default")]
    pub repository_id: Option<RepositoryId>,
    /// Set when GitHub held the delivery back.
    #[serde(default, deserialize_with = "or_default")]
    pub throttled_at: Option<DateTime<Utc>>,
}

/// One page of deliveries, newest first. Pages may overlap.
#[derive(Debug, Clone)]
pub struct Deliveries {
    pub deliveries: Vec<HookDelivery>,
    /// Entries of the page that could not be read, and must not hide the others.
    pub unreadable: usize,
    /// `None` on the last page.
    pub next: Option<DeliveryCursor>,
}

/// Where the next page begins; GitHub's own, and good for a while only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryCursor(pub(super) String);

/// A delivery with what was sent.
#[derive(Debug, Clone)]
pub struct FetchedDelivery {
    pub delivery: HookDelivery,
    /// The headers that GitHub sent with it.
    pub headers: BTreeMap<String, String>,
    /// The payload as JSON: the same values as the body that was signed, not the same bytes.
    pub payload: Box<RawValue>,
}

/// GitHub's largest page.
const PER_PAGE: u32 = 100;

impl GitHub {
    /// What GitHub sent, or tried to send, to this App's webhook; the newest first when `cursor` is `None`.
    ///
    /// # Errors
    /// A cursor that GitHub no longer takes is `Unexpected`: begin again without one.
    pub async fn hook_deliveries(
        &self,
        cursor: Option<&DeliveryCursor>,
    ) -> Result<Deliveries, GitHubError> {
        let mut request =
            Request::get("/app/hook/deliveries", &[], self.json_cap()).query("per_page", PER_PAGE);
        if let Some(cursor) = cursor {
            request = request.query("cursor", &cursor.0);
        }
        let answer = self.as_app(&request).await?;
        let (deliveries, unreadable) = answer.json_list()?;
        Ok(Deliveries {
            deliveries,
            unreadable,
            next: next_cursor(&answer),
        })
    }

    /// One attempt with its payload, by [`HookDelivery::id`].
    pub async fn hook_delivery(&self, id: i64) -> Result<FetchedDelivery, GitHubError> {
        #[derive(Deserialize)]
        struct Sent {
            #[serde(default)]
            headers: BTreeMap<String, serde_json::Value>,
            payload: Box<RawValue>,
        }
        #[derive(Deserialize)]
        struct WithRequest {
            request: Sent,
        }
        let route = "/app/hook/deliveries/{delivery_id}";
        let cap = Cap {
            what: "delivery",
            is_of_a_thing: true,
            ..self.large_json_cap()
        };
        let request = Request::get(route, &[&id], cap);
        let answer = self.as_app(&request).await?;
        let delivery = answer.json()?;
        let WithRequest { request: sent } = answer.json()?;
        let text = |(name, value): (String, serde_json::Value)| {
            value.as_str().map(|text| (name, text.to_owned()))
        };
        Ok(FetchedDelivery {
            delivery,
            headers: sent.headers.into_iter().filter_map(text).collect(),
            payload: sent.payload,
        })
    }
}

/// The cursor out of `Link: <…?cursor=v1_123>; rel="next"`. Its URL is read, never requested.
pub(super) fn next_cursor(answer: &Answer) -> Option<DeliveryCursor> {
    let links = answer.header(LINK.as_str())?;
    let next = links
        .split(',')
        .find(|link| link.contains(r#"rel="next""#))?;
    let url = next.trim().strip_prefix('<')?.split_once('>')?.0;
    let url = Url::parse(url).ok()?;
    let (_, cursor) = url.query_pairs().find(|(name, _)| name == "cursor")?;
    Some(DeliveryCursor(cursor.into_owned()))
}
