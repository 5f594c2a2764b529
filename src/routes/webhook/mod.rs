//! `POST /webhooks/github`: the first leg. Proves a delivery, hands it to the inbox, and answers once
//! it is committed. Speaks to no binding and never to GitHub.

mod body;
mod head;
mod refusal;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use body::{Announced, BodyReader};
use head::Head;
use refusal::{LogSampler, Refusal};

use super::problem::ApiError;
use super::source::Source;
use super::{Api, Problem};
use crate::apps::{App, Apps};
use crate::config::WebhookConfig;
use crate::context::Context;
use crate::github::delivery_body::{BodyFormat, UnusableBody, prove_object};
use crate::github::event::{self, Event};
use crate::github::header;
use crate::github::signature::SecretAge;
use crate::inbox::{Inbox, NewDelivery, Recorded};

/// From the head to the answer. GitHub gives up after 10 seconds, and must have been answered by then.
const ANSWER_WITHIN: Duration = Duration::from_millis(8_800);

/// What the database has after a body that took up all of that: a body has nine seconds at most, unless the
/// settings say otherwise.
const AT_LEAST: Duration = Duration::from_millis(500);

/// Bodies from this size on are hashed and parsed off the server's own threads.
const LARGE: usize = 256 << 10;

/// What the route needs.
#[derive(Debug)]
pub struct Receiver {
    apps: Apps,
    inbox: Inbox,
    config: WebhookConfig,
    bodies: BodyReader,
    log: LogSampler,
}

/// The answer to a proven delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receipt {
    /// The delivery's GUID.
    delivery: String,
    status: ReceiptStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptStatus {
    Received,
    /// It is in the ledger already; nothing was changed.
    Duplicate,
}

impl Receiver {
    pub fn new(context: &Context) -> Self {
        let config = context.config.webhook.clone();
        Self {
            apps: context.apps.clone(),
            inbox: Inbox::new(context.db.clone(), context.clock.clone()),
            bodies: BodyReader::new(&config),
            config,
            log: LogSampler::default(),
        }
    }

    async fn receive(
        &self,
        request: &HttpRequest,
        payload: web::Payload,
    ) -> Result<HttpResponse, Refusal> {
        if self.apps.is_empty() {
            return Err(Refusal::NotConfigured);
        }
        let answer_by = Instant::now() + ANSWER_WITHIN;
        let head = Head::parse(request.headers(), &self.apps, &self.config)?;
        let announced = Announced {
            format: head.format,
            length: head.length,
            source: Source::of(request.peer_addr()),
        };
        let body = self.bodies.read(payload, &announced).await?;
        let proven = prove(head, body.bytes, self.config.max_body.as_u64()).await?;
        let proven_at = Instant::now();
        let identity = head::identity(request.headers())?;
        let is_ping_of_another = identity.event == "ping"
            && proven.rejected.is_none()
            && !is_our_ping(&proven, request.headers());
        let is_ping = identity.event == "ping" && !is_ping_of_another;
        let rejected = proven.rejected.clone();
        let new = NewDelivery {
            app: proven.app.row,
            guid: identity.guid.clone(),
            event: identity.event,
            headers: kept_headers(request.headers()),
            signed_by: Some(proven.signed_by.into()),
            sent_at: None,
            body: proven.body,
            rejected: proven.rejected.map(|unusable| unusable.to_string()),
        };
        let answer_by = answer_by.max(proven_at + AT_LEAST);
        let recorded = self.record(new, answer_by).await?;
        if let Some(unusable) = rejected {
            return Err(Refusal::Unusable(unusable.to_string()));
        }
        let status = match recorded {
            Recorded::Received => ReceiptStatus::Received,
            Recorded::Duplicate => ReceiptStatus::Duplicate,
        };
        let receipt = Receipt {
            delivery: identity.guid,
            status,
        };
        Ok(if is_ping {
            HttpResponse::Ok().json(receipt)
        } else {
            HttpResponse::Accepted().json(receipt)
        })
    }

    async fn record(&self, new: NewDelivery, answer_by: Instant) -> Result<Recorded, Refusal> {
        let event = event::label(&new.event);
        match tokio::time::timeout_at(answer_by, self.inbox.record(new)).await {
            Ok(Ok(recorded)) => {
                metrics::counter!("bindery_deliveries_received_total", "event" => event)
                    .increment(1);
                Ok(recorded)
            }
            Ok(Err(error)) => Err(Refusal::NotStored(error.to_string())),
            Err(_) => Err(Refusal::NotStored("the database took too long".to_owned())),
        }
    }
}

/// A body whose signature is good.
struct Proven {
    app: Arc<App>,
    signed_by: SecretAge,
    body: Vec<u8>,
    format: BodyFormat,
    /// Signed, and of no use.
    rejected: Option<UnusableBody>,
}

/// Verifies the signature over the raw bytes, then that they are one JSON object.
async fn prove(head: Head, body: Vec<u8>, max_payload: u64) -> Result<Proven, Refusal> {
    let max_payload = usize::try_from(max_payload).unwrap_or(usize::MAX);
    if body.len() < LARGE {
        return prove_now(&head, body, max_payload);
    }
    let proven = web::block(move || prove_now(&head, body, max_payload)).await;
    proven.map_err(|error| Refusal::NotStored(error.to_string()))?
}

fn prove_now(head: &Head, body: Vec<u8>, max_payload: usize) -> Result<Proven, Refusal> {
    let signer = head.candidates.iter().find_map(|app| {
        let age = app.secrets.verify(&head.signature, &body)?;
        Some((app.clone(), age))
    });
    let Some((app, signed_by)) = signer else {
        return Err(Refusal::Unauthorized("signature_mismatch"));
    };
    let rejected = check_payload(head.format, &body, max_payload).err();
    Ok(Proven {
        app,
        signed_by,
        body,
        format: head.format,
        rejected,
    })
}

fn check_payload(format: BodyFormat, body: &[u8], max_payload: usize) -> Result<(), UnusableBody> {
    let json = format.json(body)?;
    if json.len() > max_payload {
        return Err(UnusableBody::TooLarge { limit: max_payload });
    }
    prove_object(&json)
}

/// A ping is answered 200 only when it is this App's: its set-up page shows the answer.
fn is_our_ping(proven: &Proven, headers: &HeaderMap) -> bool {
    let json = proven
        .format
        .json(&proven.body)
        .unwrap_or(Cow::Borrowed(b""));
    let Ok(Event::Ping(ping)) = Event::parse("ping", &json) else {
        return false;
    };
    let hook = headers
        .get(header::HOOK_ID)
        .and_then(|value| value.to_str().ok());
    ping.is_for(proven.app.app_id, hook)
}

fn kept_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let value = |name: &str| {
        let value = header::kept(headers.get(name)?.as_bytes());
        Some((name.to_owned(), value))
    };
    header::KEPT.into_iter().filter_map(value).collect()
}

/// Receives a webhook of GitHub's
///
/// The body must be signed with the App's webhook secret (`X-Hub-Signature-256`) over its raw bytes.
/// An answer of 2xx means that the delivery is stored; what it asks for is done afterwards.
#[utoipa::path(
    post,
    path = "/webhooks/github",
    tag = "webhook",
    request_body(content = String, content_type = "application/json"),
    responses(
        (status = 200, description = "A ping of this App's webhook", body = Receipt),
        (status = 202, description = "Stored, or stored before", body = Receipt),
        (status = 400, description = "Signed, but not usable", body = Problem),
        (status = 401, description = "Not proven to be from GitHub", body = Problem),
        (status = 408, description = "The body did not arrive in time", body = Problem),
        (status = 413, description = "Over 25 MiB", body = Problem),
        (status = 415, description = "Neither JSON nor a form, or compressed", body = Problem),
        (status = 431, description = "Headers of more than 32 KiB", body = Problem),
        (status = 503, description = "Not stored; send it again later", body = Problem),
    )
)]
pub async fn receive(
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let receiver = Api::of(&request).receiver.clone();
    let answer = receiver.receive(&request, payload).await;
    answer.map_err(|refusal| receiver.log.log(&refusal, request.headers()))
}
