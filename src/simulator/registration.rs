//! Registering an App from a manifest: what GitHub takes, and the code that it is fetched with.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::github::ids::AppId;

use super::Simulator;
use super::app::{App, EVENTS};
use super::deliveries::Letter;
use super::emission::ALWAYS_SENT;
use super::installation::{Permissions, permission_for};
use super::rate::RateLimit;
use super::world::World;
use super::{StartError, app_key};

/// GitHub wants all of the flow to be done in this time.
const CODE_LIVES: TimeDelta = TimeDelta::hours(1);
/// The longest name of an App.
const MAX_NAME: usize = 34;
/// Between the ids of two Apps.
const STEP: i64 = 13;

/// What an App shall be, as whoever wants one writes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Manifest {
    pub(super) name: String,
    /// Its home page.
    pub(super) url: Option<String>,
    hook_attributes: HookAttributes,
    pub(super) redirect_url: Option<String>,
    default_permissions: Permissions,
    default_events: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct HookAttributes {
    url: Option<String>,
}

/// An App that was registered, until somebody comes with its code.
#[derive(Debug)]
pub(super) struct Registered {
    pub(super) app: AppId,
    /// Shown this once.
    pub(super) pem: String,
    at: DateTime<Utc>,
}

impl Manifest {
    /// What GitHub has against it, in its words.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.url.is_none() {
            faults.push("\"url\" wasn't supplied.".to_owned());
        }
        if self.name.chars().count() > MAX_NAME {
            faults.push(format!(
                "Name is too long (maximum is {MAX_NAME} characters)"
            ));
        }
        let named = |events: Vec<&str>| events.join(" and ");
        let events = || self.default_events.iter().map(String::as_str);
        let unsupported: Vec<&str> = events()
            .filter(|event| ALWAYS_SENT.contains(event) || !EVENTS.contains(event))
            .collect();
        if !unsupported.is_empty() {
            faults.push(format!(
                "Default events unsupported: {}",
                named(unsupported)
            ));
        }
        let granted = |event: &&str| match permission_for(event) {
            Some(needed) => self.default_permissions.contains_key(needed),
            None => true,
        };
        let not_granted: Vec<&str> = events().filter(|event| !granted(event)).collect();
        if !not_granted.is_empty() {
            faults.push(format!(
                "Default events are not supported by permissions: {}",
                named(not_granted)
            ));
        }
        faults
    }
}

impl World {
    /// What GitHub has against a manifest; the name must be free, too.
    pub(super) fn faults_of(&self, manifest: &Manifest) -> Vec<String> {
        let mut faults = manifest.faults();
        let slug = slug_of(&manifest.name);
        if self.apps.values().any(|app| app.slug == slug) {
            faults.push("Name has already been taken".to_owned());
        }
        faults
    }

    /// Makes the App, and gives the code that its key and its secrets are fetched with.
    ///
    /// # Errors
    ///
    /// If no key can be made.
    pub(super) fn register(&mut self, manifest: &Manifest) -> Result<String, StartError> {
        let pem = app_key::make().map_err(|_| StartError::Key)?;
        let highest = self.apps.keys().next_back().map_or(0, |id| id.get());
        let id = AppId::new(highest + STEP).expect("ids count up from a positive number");
        let now = self.now();
        let settings = super::AppSettings {
            app_id: id,
            app_public_key_pem: pem.clone(),
            webhook_secret: self.new_secret(),
            webhook_url: manifest.hook_attributes.url.clone(),
        };
        let rate = RateLimit::new(self.hourly_limit, now);
        let mut app = App::new(settings, self.apps.len(), rate, now)?;
        app.name.clone_from(&manifest.name);
        app.slug = slug_of(&manifest.name);
        app.permissions.clone_from(&manifest.default_permissions);
        let wanted = |event: &&str| manifest.default_events.iter().any(|it| it == event);
        let unwanted = EVENTS.iter().filter(|event| !wanted(event));
        app.unsubscribed = unwanted.map(|event| (*event).to_owned()).collect();
        self.apps.insert(id, app);
        let ping = self.ping(id);
        self.unsent.extend(ping);
        let code = hex::encode(rand::random::<[u8; 20]>());
        let registered = Registered {
            app: id,
            pem,
            at: now,
        };
        self.registrations.insert(code.clone(), registered);
        Ok(code)
    }

    fn new_secret(&self) -> String {
        match self.secretless {
            true => String::new(),
            false => hex::encode(rand::random::<[u8; 20]>()),
        }
    }

    /// What a code is good for: once, and for an hour.
    pub(super) fn convert(&mut self, code: &str) -> Option<Registered> {
        let registered = self.registrations.remove(code)?;
        (self.now() - registered.at < CODE_LIVES).then_some(registered)
    }

    /// What is still to be sent because of the last request.
    pub(super) fn take_unsent(&mut self) -> Vec<Letter> {
        std::mem::take(&mut self.unsent)
    }
}

/// A name as it stands in an App's address.
fn slug_of(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-")
}

impl Simulator {
    /// The Apps that there are, in the order of their ids.
    pub fn app_ids(&self) -> Vec<AppId> {
        self.with(|world| world.apps.keys().copied().collect())
    }

    /// Apps that are registered from now on get no webhook secret, as on some Enterprise Servers.
    pub fn make_no_secrets(&self) {
        self.with(|world| world.secretless = true);
    }

    /// A handle that means this App: one that somebody registered.
    ///
    /// # Panics
    ///
    /// If there is none of this id.
    pub fn as_app(&self, id: AppId) -> Self {
        let there = self.with(|world| world.apps.contains_key(&id));
        assert!(there, "there is no App {id}");
        Self {
            app: id,
            ..self.clone()
        }
    }
}
