//! A believable GitHub: real git objects, stable ids, redirects, tokens, signed deliveries, and all the
//! ways in which these go wrong. The demo, the integration tests and `bindery simulate` run on it.
//!
//! Its verbs are those of GitHub's world (`push`, `rename`, `transfer`, `suspend`, …): each changes the
//! world and sends the deliveries that GitHub would send. It knows nothing of Bindery.

mod app;
pub mod app_key;
mod archive;
mod auth;
mod change;
mod deliveries;
pub mod disk;
mod emission;
mod faults;
mod forging;
mod host;
mod ids;
mod installation;
mod objects;
mod oddities;
mod owner;
mod payload;
mod rate;
mod redirects;
mod registration;
mod repository;
mod requests;
mod rest;
mod sending;
mod signing;
mod stall;
mod tree;
mod troubles;
mod verbs;
mod world;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::clock::Clock;
use crate::github::ids::AppId;

pub use app::AppSettings;
pub use change::Change;
pub use deliveries::{Attempt, Delivery, Guid, Sent};
pub use faults::Fault;
pub use ids::FirstIds;
pub use installation::Selection;
pub use requests::{Request, Route};
pub use verbs::{Pushed, RepositoryTruth};

use app::App;
use deliveries::Ledger;
use rate::RateLimit;
use requests::InFlight;
use rest::Listening;
use stall::Stall;
use world::World;

/// How a simulated GitHub starts: one App, one webhook, an empty world.
#[derive(Debug, Clone)]
pub struct SimulatorSettings {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    pub app_id: AppId,
    /// With which the App's JWTs are checked: a public key in PEM, or a private one whose public half is used.
    pub app_public_key_pem: String,
    pub webhook_secret: String,
    /// Without it deliveries are listed as failed.
    pub webhook_url: Option<String>,
    /// Which time it is on this GitHub.
    pub clock: Clock,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the App's key is not an RSA key in PEM")]
    Key,
    #[error("cannot listen")]
    Listen(#[from] std::io::Error),
    #[error("cannot make the client that sends deliveries")]
    Client(#[from] reqwest::Error),
}

/// A running GitHub. Clones are handles to the same one; it stops with the last.
#[derive(Debug, Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
    listening: Arc<Listening>,
    /// Which App the verbs about one are about.
    app: AppId,
}

/// What the verbs and the HTTP server have in common.
#[derive(Debug)]
struct Shared {
    world: Mutex<World>,
    http: reqwest::Client,
    in_flight: InFlight,
    stall: Stall,
    /// How much that the API was asked for is still to be sent: redeliveries, and a new App's ping.
    redelivering: watch::Sender<usize>,
}

impl Shared {
    fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        // A verb that panics names a mistake in the story and leaves the world as it was.
        look(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Simulator {
    /// # Errors
    ///
    /// If the address is taken or the key is none.
    pub async fn start(settings: SimulatorSettings) -> Result<Self, StartError> {
        let now = settings.clock.now();
        let rate = RateLimit::new(Some(RateLimit::USUAL), now);
        let first = AppSettings {
            app_id: settings.app_id,
            app_public_key_pem: settings.app_public_key_pem,
            webhook_secret: settings.webhook_secret,
            webhook_url: settings.webhook_url,
        };
        let app = first.app_id;
        let world = World::new(settings.clock, App::new(first, 0, rate, now)?);
        let http = sending::client()?;
        let shared = Arc::new(Shared {
            world: Mutex::new(world),
            http,
            in_flight: InFlight::default(),
            stall: Stall::default(),
            redelivering: watch::Sender::default(),
        });
        let listening = Arc::new(rest::listen(settings.listen, Arc::clone(&shared))?);
        Ok(Self {
            shared,
            listening,
            app,
        })
    }

    /// What `GITHUB_API_URL` is set to: no slash at the end.
    pub fn url(&self) -> String {
        let path = self.with(|world| world.host.path());
        format!("http://{}{path}", self.listening.address)
    }

    /// Stops answering. Requests in flight are cut.
    pub async fn stop(&self) {
        self.listening.stop().await;
    }

    fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        self.shared.with(look)
    }

    fn app<T>(&self, look: impl FnOnce(&mut App) -> T) -> T {
        self.with(|world| look(world.app_mut(self.app)))
    }

    fn ledger<T>(&self, look: impl FnOnce(&mut Ledger) -> T) -> T {
        self.app(|app| look(&mut app.ledger))
    }
}
