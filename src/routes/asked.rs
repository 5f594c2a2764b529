//! A request as the audit log tells of it.

use std::net::IpAddr;

use actix_web::{HttpMessage, HttpRequest};
use tracing_actix_web::RequestId;

use super::problem::ApiError;
use super::{Api, audit};
use crate::audit::{Action, Actor, NewAuditEvent};

/// Characters of a path. Longer ones lead nowhere.
const MAX_PLACE: usize = 512;

#[derive(Debug, Clone)]
pub(super) struct Asked {
    action: Action,
    place: String,
    source: Option<IpAddr>,
    request_id: Option<String>,
}

impl Asked {
    pub(super) fn of(request: &HttpRequest, api: &Api) -> Result<Self, ApiError> {
        let route = request.match_pattern().unwrap_or_default();
        let action = audit::action(request.method(), &route)
            .ok_or_else(|| ApiError::internal(&format_args!("{route} is no action")))?;
        let id = request.extensions().get::<RequestId>().copied();
        let path = api.below_prefix(request.path());
        // The console's places are the API's: what is done there is told as if it were done here.
        let within = path.strip_prefix("/console");
        let place = within.filter(|rest| rest.starts_with('/')).unwrap_or(path);
        Ok(Self {
            action,
            place: printable(place),
            source: request.peer_addr().map(|peer| peer.ip().to_canonical()),
            request_id: id.map(|id| id.to_string()),
        })
    }

    pub(super) fn by(&self, actor: Actor, status: u16) -> NewAuditEvent {
        NewAuditEvent {
            actor,
            source: self.source,
            action: self.action,
            organization: None,
            place: self.place.clone(),
            detail: None,
            status,
            request_id: self.request_id.clone(),
        }
    }

    #[cfg(test)]
    pub(super) fn for_tests() -> Self {
        Self {
            action: Action::OrganizationRead,
            place: "/orgs".to_owned(),
            source: None,
            request_id: None,
        }
    }
}

/// Without what PostgreSQL does not keep, and what would move a terminal's cursor.
fn printable(path: &str) -> String {
    let plain = |c: char| match c.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => c,
    };
    path.chars().take(MAX_PLACE).map(plain).collect()
}
