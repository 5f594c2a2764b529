//! What a delivery says, for deciding and for the ledger.

use super::ledger::Delivery;
use crate::github::delivery_body::BodyFormat;
use crate::github::event::{Envelope, Event};
use crate::processors::Verdict;

/// What a delivery says.
pub(super) struct Read {
    pub(super) event: Event,
    pub(super) envelope: Envelope,
}

/// Of a body that cannot be read as its event, what becomes of it.
pub(super) fn read(delivery: &Delivery, body: &[u8]) -> Result<Read, Box<Verdict>> {
    let unprocessable = |why: String| Box::new(Verdict::ignored("unprocessable").because(why));
    let format = delivery
        .headers
        .0
        .get("content-type")
        .and_then(|value| BodyFormat::of(value));
    let json = format.unwrap_or(BodyFormat::Json).json(body);
    let json = json.map_err(|unusable| unprocessable(unusable.to_string()))?;
    let envelope = Envelope::parse(&json);
    match Event::parse(&delivery.event, &json) {
        Ok(event) => Ok(Read { event, envelope }),
        Err(unusable) => Err(Box::new(filed(
            *unprocessable(unusable.to_string()),
            envelope,
        ))),
    }
}

/// With what people look it up by.
pub(super) fn filed(mut verdict: Verdict, envelope: Envelope) -> Verdict {
    verdict.about.action = envelope.action;
    verdict.about.repository_github_id = envelope.repository_id;
    verdict.about.installation_github_id = envelope.installation_id;
    verdict
}
