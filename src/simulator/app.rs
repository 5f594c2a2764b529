//! The GitHub Apps of this world: each with its keys, its webhook and its list of deliveries.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::github::ids::AppId;

use super::auth::AppKeys;
use super::deliveries::Ledger;
use super::installation::{Installation, Permissions};
use super::rate::RateLimit;
use super::{Simulator, StartError};

/// The first App's webhook; those after it have higher ids.
const FIRST_HOOK: i64 = 482_613_907;

/// What a webhook of an App may be told.
pub(super) const EVENTS: [&str; 6] = [
    "create",
    "delete",
    "installation_target",
    "organization",
    "push",
    "repository",
];

/// A GitHub App.
#[derive(Debug)]
pub(super) struct App {
    pub(super) id: AppId,
    pub(super) name: String,
    pub(super) slug: String,
    pub(super) hook_id: i64,
    pub(super) keys: AppKeys,
    pub(super) permissions: Permissions,
    /// Events that nobody ticked; the three that GitHub always sends are never in it.
    pub(super) unsubscribed: BTreeSet<String>,
    pub(super) created_at: DateTime<Utc>,
    /// Whether it sends to who cannot prove to be who it sends to.
    pub(super) insecure_ssl: bool,
    pub(super) ledger: Ledger,
    /// The budget of the App itself, which asks with its JWT.
    pub(super) rate: RateLimit,
}

/// One App more on a GitHub that runs already.
#[derive(Debug, Clone)]
pub struct AppSettings {
    pub app_id: AppId,
    /// As in [`super::SimulatorSettings`].
    pub app_public_key_pem: String,
    pub webhook_secret: String,
    /// Without it deliveries are listed as failed.
    pub webhook_url: Option<String>,
}

impl App {
    /// The `number`-th App of its GitHub, from 0.
    pub(super) fn new(
        settings: AppSettings,
        number: usize,
        rate: RateLimit,
        now: DateTime<Utc>,
    ) -> Result<Self, StartError> {
        let keys = AppKeys::from_pems([settings.app_public_key_pem.as_str()])?;
        let mut ledger = Ledger::new(settings.webhook_secret);
        ledger.webhook_url = settings.webhook_url;
        let slug = match number {
            0 => "bindery".to_owned(),
            number => format!("bindery-{}", number + 1),
        };
        let id = settings.app_id;
        Ok(Self {
            id,
            name: "Bindery".to_owned(),
            slug,
            hook_id: (FIRST_HOOK..).nth(number).unwrap_or(FIRST_HOOK),
            keys,
            permissions: read_permissions(),
            unsubscribed: BTreeSet::new(),
            created_at: now,
            insecure_ssl: false,
            ledger,
            rate,
        })
    }

    /// GitHub accepts it as a JWT's issuer, as it does the App's id.
    pub(super) fn client_id(&self) -> String {
        format!("Iv23li{:014}", self.id.get())
    }

    pub(super) fn events(&self) -> Vec<&'static str> {
        let ticked = |event: &&str| !self.unsubscribed.contains(*event);
        EVENTS.into_iter().filter(ticked).collect()
    }

    /// What an installation says that it hears of: what its permissions allow, without the one that
    /// GitHub calls global.
    pub(super) fn events_of(&self, installation: &Installation) -> Vec<&'static str> {
        let mut events = self.events();
        events.retain(|event| *event != "installation_target" && installation.may_hear(event));
        events
    }
}

/// What Bindery's App asks for: to read, never to write.
fn read_permissions() -> Permissions {
    ["contents", "metadata", "members"]
        .into_iter()
        .map(|name| (name.to_owned(), "read".to_owned()))
        .collect()
}

impl Simulator {
    /// Another App on this GitHub, and a handle that means it.
    ///
    /// Both handles show the same world. What is about one App (installing it, its events, secret, URL
    /// and keys, its deliveries and their troubles) is about the App of the handle. A verb sends to
    /// every App what it may hear, one event with one GUID for all, and answers with what was sent to
    /// the App of its handle.
    ///
    /// # Errors
    ///
    /// If the key is none.
    ///
    /// # Panics
    ///
    /// If there is an App of this id.
    pub fn add_app(&self, settings: AppSettings) -> Result<Self, StartError> {
        let id = settings.app_id;
        self.with(|world| {
            assert!(!world.apps.contains_key(&id), "there is an App {id}");
            let rate = RateLimit::new(world.hourly_limit, world.now());
            let app = App::new(settings, world.apps.len(), rate, world.now())?;
            world.apps.insert(id, app);
            Ok(Self {
                app: id,
                ..self.clone()
            })
        })
    }

    /// The App no longer asks for this event.
    pub fn unsubscribe(&self, event: &str) {
        self.app(|app| app.unsubscribed.insert(event.to_owned()));
    }

    pub fn subscribe(&self, event: &str) {
        self.app(|app| app.unsubscribed.remove(event));
    }

    /// What later events are signed with; those that are held keep their signature.
    pub fn set_webhook_secret(&self, secret: impl Into<String>) {
        let secret = secret.into();
        self.ledger(|ledger| ledger.secret = secret);
    }

    /// Where deliveries go from now on.
    pub fn set_webhook_url(&self, url: impl Into<String>) {
        let url = url.into();
        self.ledger(|ledger| ledger.webhook_url = Some(url));
    }

    /// Whether certificates of the webhook's receiver are looked at no more.
    pub fn set_insecure_ssl(&self, insecure: bool) {
        self.app(|app| app.insecure_ssl = insecure);
    }

    /// The App's webhook has no URL any more: nothing is sent.
    pub fn unset_webhook_url(&self) {
        self.ledger(|ledger| ledger.webhook_url = None);
    }

    /// The keys that the App has from now on; JWTs signed with another one are refused.
    ///
    /// # Errors
    ///
    /// If one of them is no RSA key in PEM.
    pub fn set_app_keys(&self, pems: &[&str]) -> Result<(), StartError> {
        let keys = AppKeys::from_pems(pems.iter().copied())?;
        self.app(|app| app.keys = keys);
        Ok(())
    }
}
