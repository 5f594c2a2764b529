use std::sync::Arc;

use super::Simulator;
use super::deliveries::{Guid, Sent};
use super::sending::Answered;

impl Simulator {
    /// Sends a delivery's body under other headers, as whoever recorded it can: only the body is
    /// signed. GitHub's list knows nothing of it.
    ///
    /// Headers are replaced by their names (`X-GitHub-Event`); an empty value leaves one out.
    pub async fn forge(&self, guid: &Guid, headers: &[(&str, &str)]) -> Sent {
        let (delivery, url) = self.ledger(|ledger| {
            let url = ledger.webhook_url.clone();
            (ledger.get(guid).clone(), url)
        });
        let forged = replaced(delivery.headers, headers);
        let said = |name: &str| value(&forged, name).unwrap_or_default().to_owned();
        let (guid, event) = (said("X-GitHub-Delivery"), said("X-GitHub-Event"));
        let answer = match url {
            Some(url) => {
                let body = Arc::clone(&delivery.body);
                self.shared.post(&url, &forged, body).await
            }
            None => Answered::default(),
        };
        Sent {
            guid: guid.as_str().into(),
            event,
            action: delivery.action,
            status: answer.status,
            body: answer.body,
        }
    }
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let named = headers
        .iter()
        .find(|(one, _)| one.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str())
}

fn replaced(mut headers: Vec<(String, String)>, others: &[(&str, &str)]) -> Vec<(String, String)> {
    for (name, value) in others {
        headers.retain(|(one, _)| !one.eq_ignore_ascii_case(name));
        if !value.is_empty() {
            headers.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    headers
}
