//! The HTTP API. Routes own connections and transactions; what they do has a name elsewhere.

#![expect(
    unused_qualifications,
    reason = "the code that utoipa's macros make is qualified in full"
)]

mod asked;
mod audit;
mod auth;
mod bindings;
mod body;
mod budget;
mod console;
mod deliveries;
mod endpoint;
mod etag;
mod explain;
#[doc(hidden)]
pub mod fuzz;
mod grants;
mod guesses;
mod healing;
mod health;
mod jobs;
mod lately;
mod measures;
mod metrics;
mod openapi;
mod organizations;
mod page;
mod per_minute;
mod problem;
mod projects;
mod server;
mod source;
#[cfg(test)]
mod tests;
mod time_limit;
mod tokens;
mod unread;
pub mod webhook;

pub use openapi::document;
pub use problem::{ApiError, Kind, Problem};
pub use server::app;

use std::sync::Arc;

use actix_web::{HttpRequest, web};
use chrono::{DateTime, Utc};
use secrecy::SecretString;

use crate::config::Config;
use crate::context::Context;
use crate::db::{DbError, Pooled};
use crate::ids::OrganizationId;
use budget::Budget;
use endpoint::Endpoint;
use guesses::Guesses;
use lately::Lately;

/// What handlers work with. Cheap to clone; clones are of one server.
#[derive(Debug, Clone)]
pub struct Api {
    pub context: Context,
    /// The start of every link, with the path prefix and without a slash at its end.
    base_url: String,
    /// That of the one command which this server is for; `None`: it is a service's.
    command_token: Option<SecretString>,
    guesses: Guesses,
    refusals: audit::Refusals,
    syncs: bindings::Syncs,
    /// What a scrape found, and that the database answered.
    depths: Lately<Arc<metrics::Depths>>,
    ready: Lately<()>,
    /// What files that are being served hold in memory.
    files: Arc<Budget<OrganizationId>>,
    receiver: Arc<webhook::Receiver>,
}

impl Api {
    /// `base_url` as of [`crate::config::HttpConfig::base_url`], known once the server is bound.
    pub fn new(context: Context, base_url: String) -> Self {
        metrics::recorded();
        Self {
            receiver: Arc::new(webhook::Receiver::new(&context)),
            files: Arc::new(Budget::new(context.config.http.files_memory.as_u64())),
            context,
            base_url,
            command_token: None,
            guesses: Guesses::default(),
            refusals: audit::Refusals::default(),
            syncs: bindings::Syncs::default(),
            depths: Lately::default(),
            ready: Lately::default(),
        }
    }

    /// For one command on the machine itself, which alone knows the token: it may do all, and takes no deliveries.
    #[must_use]
    pub fn for_command(self, token: SecretString) -> Self {
        Self {
            command_token: Some(token),
            ..self
        }
    }

    /// The one of the server that got the request.
    fn of(request: &HttpRequest) -> web::Data<Self> {
        request
            .app_data::<web::Data<Self>>()
            .expect("`app` registers it with the routes")
            .clone()
    }

    async fn read(&self) -> Result<Pooled, DbError> {
        self.context.db.read().await
    }

    async fn write(&self) -> Result<Pooled, DbError> {
        self.context.db.write().await
    }

    fn now(&self) -> DateTime<Utc> {
        self.context.clock.now()
    }

    /// A link to one of our resources; the path is below the prefix.
    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    /// The same, of a path as it was requested.
    fn url_of(&self, requested: &str) -> String {
        self.url(self.below_prefix(requested))
    }

    fn below_prefix<'a>(&self, requested: &'a str) -> &'a str {
        let prefix = self.context.config.http.path_prefix.as_str();
        requested.strip_prefix(prefix).unwrap_or(requested)
    }

    /// The GitHub that new bindings and grants are of, unless they say another.
    fn github_host(&self) -> &str {
        let first = self.context.apps.first();
        first.map_or("github.com", |app| app.host.as_str())
    }

    /// Those that can be bound to, the one that is meant when none is named first.
    fn github_hosts(&self) -> Vec<&str> {
        let mut hosts = vec![self.github_host()];
        for app in self.context.apps.iter() {
            if !hosts.contains(&app.host.as_str()) {
                hosts.push(&app.host);
            }
        }
        hosts
    }

    /// Attempts after which a job that a request enqueues is given up.
    fn max_attempts(&self) -> i32 {
        i32::try_from(self.context.config.queue.max_attempts).unwrap_or(i32::MAX)
    }
}

/// What a process answers that is no receiver: whether it lives, and how it does.
const OF_ANY_ROLE: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// Where GitHub delivers.
const WEBHOOK: &str = "/webhooks/github";

/// The routes of a process with these settings.
fn endpoints_of(config: &Config) -> Vec<Endpoint> {
    let mut served = endpoints();
    if config.http.console {
        served.extend(console::endpoints());
    }
    served.retain(|endpoint| config.roles.receiver || OF_ANY_ROLE.contains(&endpoint.path()));
    served
}

impl Api {
    fn endpoints(&self) -> Vec<Endpoint> {
        let mut served = endpoints_of(&self.context.config);
        served.retain(|endpoint| self.command_token.is_none() || endpoint.path() != WEBHOOK);
        served
    }
}

/// Every route of the API.
fn endpoints() -> Vec<Endpoint> {
    let mut all = vec![
        Endpoint::at(WEBHOOK)
            .post(webhook::receive)
            .in_its_own_time(),
        Endpoint::at("/orgs").get(organizations::list),
        Endpoint::at("/orgs/{org}")
            .get(organizations::get)
            .put(organizations::put)
            .delete(organizations::delete),
        Endpoint::at("/orgs/{org}/projects").get(projects::list),
        Endpoint::at("/orgs/{org}/projects/{project}")
            .get(projects::get)
            .put(projects::put)
            .delete(projects::delete),
    ];
    all.extend(bindings::endpoints());
    all.extend([
        Endpoint::at("/orgs/{org}/installations").get(grants::list),
        Endpoint::at("/orgs/{org}/installations/{installation_id}")
            .get(grants::get)
            .put(grants::put)
            .delete(grants::delete),
        Endpoint::at("/orgs/{org}/audit").get(audit::list_of_organization),
        Endpoint::at("/audit").get(audit::list),
        Endpoint::at("/jobs").get(jobs::list),
        Endpoint::at("/jobs/{id}").get(jobs::get),
        Endpoint::at("/jobs/{id}/retry").post(jobs::command::retry),
        Endpoint::at("/jobs/{id}/cancel").post(jobs::command::cancel),
        Endpoint::at("/deliveries").get(deliveries::list),
        Endpoint::at("/deliveries/{id}").get(deliveries::get),
        Endpoint::at("/deliveries/{id}/replay").post(deliveries::replay),
        Endpoint::at("/explain").get(explain::get),
        Endpoint::at("/healing").get(healing::list),
        Endpoint::at("/tokens")
            .get(tokens::list)
            .post(tokens::create),
        Endpoint::at("/tokens/{id}")
            .get(tokens::get)
            .delete(tokens::revoke),
        Endpoint::at("/livez").get(health::livez),
        Endpoint::at("/readyz").get(health::readyz),
        Endpoint::at("/metrics").get(metrics::metrics),
        Endpoint::at("/openapi.json").get(openapi::json),
        Endpoint::at("/docs").get(openapi::pages),
        Endpoint::at("/docs/{path:.*}").get(openapi::page),
    ]);
    all
}
