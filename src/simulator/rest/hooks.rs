use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::github::ids::AppId;
use crate::simulator::auth::Caller;
use crate::simulator::deliveries::{Attempt, Delivery, Letter};
use crate::simulator::payload::timestamp;
use crate::simulator::requests::Route;
use crate::simulator::world::World;

use super::route::Call;
use super::{Answer, Asked};

/// What of a webhook is to be changed.
#[derive(Debug, Default, Deserialize)]
struct HookChange {
    url: Option<String>,
    content_type: Option<String>,
    insecure_ssl: Option<Value>,
    secret: Option<String>,
}

impl World {
    pub(super) fn answer_hook_config(
        &mut self,
        asked: &Asked,
        caller: &Caller,
    ) -> Result<Answer, Answer> {
        let app = Self::only_app(caller)?;
        if asked.method == "PATCH" {
            let change = serde_json::from_slice(&asked.body)
                .map_err(|_| Answer::message(400, "Problems parsing JSON"))?;
            self.change_hook(app, change);
        }
        Ok(Answer::json(200, &self.hook_config(app)))
    }

    fn change_hook(&mut self, app: AppId, change: HookChange) {
        let app = self.app_mut(app);
        if let Some(insecure) = change.insecure_ssl {
            app.insecure_ssl = insecure == "1" || insecure == 1;
        }
        if let Some(url) = change.url {
            app.ledger.webhook_url = Some(url);
        }
        if let Some(kind) = change.content_type {
            app.ledger.form_bodies = kind == "form";
        }
        if let Some(secret) = change.secret {
            app.ledger.secret = secret;
        }
    }

    /// The secret is never shown: whether there is one.
    pub(in crate::simulator) fn hook_config(&self, app: AppId) -> Value {
        let app = self.app(app);
        let mut shown = json!({
            "content_type": if app.ledger.form_bodies { "form" } else { "json" },
            "insecure_ssl": if app.insecure_ssl { "1" } else { "0" },
        });
        if let Some(url) = &app.ledger.webhook_url {
            shown["url"] = url.clone().into();
        }
        if !app.ledger.secret.is_empty() {
            shown["secret"] = "********".into();
        }
        shown
    }

    pub(super) fn answer_hook(
        &self,
        asked: &Asked,
        call: &Call,
        caller: &Caller,
    ) -> Result<Answer, Answer> {
        let app = Self::only_app(caller)?;
        if call.route == Route::HookDeliveries {
            return self.list_deliveries(app, asked);
        }
        let (delivery, attempt) = self.find_attempt(app, &call.what)?;
        Ok(match call.route {
            Route::Redelivery => Answer::json(202, &json!({})),
            _ => Answer::json(200, &self.whole(app, delivery, attempt)),
        })
    }

    /// What a granted request for redelivery makes GitHub send, a moment later.
    pub(super) fn to_redeliver(&self, call: &Call, caller: &Caller) -> Option<Letter> {
        let app = Self::only_app(caller).ok()?;
        let asked = call.route == Route::Redelivery;
        let (delivery, _) = self.find_attempt(app, &call.what).ok().filter(|_| asked)?;
        let guid = delivery.guid.clone();
        Some(Letter { app, guid })
    }

    fn find_attempt(&self, app: AppId, id: &str) -> Result<(&Delivery, &Attempt), Answer> {
        let id: i64 = id.parse().map_err(|_| Answer::not_found())?;
        let found = self.app(app).ledger.attempt(id, self.listed_since());
        found.ok_or_else(Answer::not_found)
    }

    /// Newest first; the cursor is opaque to clients, and to us the id of the last one listed, with how
    /// often cursors had expired when it was given.
    fn list_deliveries(&self, app: AppId, asked: &Asked) -> Result<Answer, Answer> {
        let ledger = &self.app(app).ledger;
        let parameters = asked.parameters();
        let per_page = asked.number("per_page").unwrap_or(30).clamp(1, 100);
        let below = match parameters.get("cursor") {
            None => i64::MAX,
            Some(cursor) => read_cursor(cursor, ledger.cursors_expired)?,
        };
        let status = parameters.get("status").map(String::as_str);
        let mut listed: Vec<(&Delivery, &Attempt)> = ledger
            .attempts(self.listed_since())
            .filter(|(_, attempt)| attempt.id < below && has_status(attempt, status))
            .take(per_page + 1)
            .collect();
        let more = listed.len() > per_page;
        listed.truncate(per_page);
        let link = listed.last().filter(|_| more).map(|(_, last)| {
            let base = &asked.base;
            let cursor = format!("v1_{}_{}", ledger.cursors_expired, last.id);
            format!(
                "<{base}/app/hook/deliveries?per_page={per_page}&cursor={cursor}>; rel=\"next\""
            )
        });
        let shown: Vec<Value> = listed.iter().map(|(d, a)| line(d, a)).collect();
        Ok(Answer::json(200, &shown).link(link))
    }

    /// Older attempts are gone from the list.
    fn listed_since(&self) -> DateTime<Utc> {
        self.now() - self.retention()
    }

    fn whole(&self, app: AppId, delivery: &Delivery, attempt: &Attempt) -> Value {
        let mut shown = line(delivery, attempt);
        let headers: serde_json::Map<String, Value> = delivery
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        let payload: Value = serde_json::from_slice(&delivery.payload).unwrap_or_default();
        let app = self.app(app);
        shown["url"] = app.ledger.webhook_url.clone().into();
        shown["hook_id"] = app.hook_id.into();
        shown["request"] = json!({"headers": headers, "payload": payload});
        shown["response"] = json!({"headers": {}, "payload": attempt.answer});
        shown
    }
}

fn read_cursor(cursor: &str, expired: u32) -> Result<i64, Answer> {
    cursor
        .strip_prefix(&format!("v1_{expired}_"))
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| Answer::message(422, "Invalid cursor"))
}

/// GitHub's own filter, with its trap: what got no answer is neither success nor failure.
fn has_status(attempt: &Attempt, wanted: Option<&str>) -> bool {
    match wanted {
        Some("success") => attempt.status.is_some_and(|s| (200..400).contains(&s)),
        Some("failure") => attempt.status.is_some_and(|s| (400..600).contains(&s)),
        _ => true,
    }
}

fn line(delivery: &Delivery, attempt: &Attempt) -> Value {
    let status = match attempt.status {
        None => "failed to connect to host".to_owned(),
        Some(200..300) => "OK".to_owned(),
        Some(code) => format!("Invalid HTTP Response: {code}"),
    };
    json!({
        "id": attempt.id,
        "guid": delivery.guid.as_str(),
        "delivered_at": timestamp(attempt.at),
        "redelivery": attempt.redelivery,
        "duration": attempt.duration,
        "status": status,
        "status_code": attempt.status.unwrap_or(0),
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation,
        "repository_id": delivery.repository,
        "throttled_at": delivery.throttled_at.map(timestamp),
    })
}
