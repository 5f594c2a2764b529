use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::github::ids::{AppId, InstallationId, RepositoryId};
use crate::simulator::app::App;
use crate::simulator::auth::Caller;
use crate::simulator::installation::{Installation, Permissions, Token};
use crate::simulator::payload::{self, timestamp};
use crate::simulator::requests::Route;
use crate::simulator::world::World;

use super::route::Call;
use super::{Answer, Asked, Page};

/// An installation access token lives for an hour.
const LIFETIME: TimeDelta = TimeDelta::hours(1);

/// What a request for a token may narrow.
#[derive(Debug, Default, Deserialize)]
struct Narrowing {
    repositories: Option<Vec<String>>,
    repository_ids: Option<Vec<RepositoryId>>,
    permissions: Option<Permissions>,
}

impl World {
    /// Only the App itself may go on, with its JWT.
    pub(super) fn only_app(caller: &Caller) -> Result<AppId, Answer> {
        match caller {
            Caller::App(app) => Ok(*app),
            Caller::Anonymous | Caller::Installation(_) => Err(Answer::message(
                401,
                "A JSON web token could not be decoded",
            )),
        }
    }

    pub(super) fn answer_app(
        &self,
        asked: &Asked,
        call: &Call,
        caller: &Caller,
    ) -> Result<Answer, Answer> {
        let app = Self::only_app(caller)?;
        match call.route {
            Route::AppInstallations => Ok(self.app_installations(app, asked)),
            Route::AppInstallation => {
                let found = self.listed_installation(app, &call.what)?;
                Ok(Answer::json(200, &payload::installation(self, found)))
            }
            Route::OwnerInstallation => {
                let owner = self.find_owner(&call.what).ok_or_else(Answer::not_found)?;
                let found = self.installation_on(app, owner.id);
                let found = found.ok_or_else(Answer::not_found)?;
                Ok(Answer::json(200, &payload::installation(self, found)))
            }
            _ => Ok(self.app_itself(app)),
        }
    }

    fn installations_of_app(&self, app: AppId) -> impl Iterator<Item = &Installation> {
        let installed = self.installations.values();
        installed.filter(move |found| found.app == app && !found.uninstalled)
    }

    fn app_itself(&self, id: AppId) -> Answer {
        Answer::json(200, &self.app_shown(self.app(id)))
    }

    pub(super) fn app_shown(&self, app: &App) -> Value {
        json!({
            "id": app.id,
            "client_id": app.client_id(),
            "slug": app.slug,
            "node_id": payload::node_id("A", app.id.get()),
            "owner": payload::owner(&self.host, self.owner(self.actor)),
            "name": app.name,
            "description": "",
            "external_url": "https://example.com",
            "html_url": format!("{}/apps/{}", self.host.web(), app.slug),
            "created_at": timestamp(app.created_at),
            "updated_at": timestamp(app.created_at),
            "permissions": app.permissions,
            "events": app.events(),
            "installations_count": self.installations_of_app(app.id).count(),
        })
    }

    fn app_installations(&self, app: AppId, asked: &Asked) -> Answer {
        let installed = self.installations_of_app(app);
        let page = Page::of(asked, "/app/installations", installed.collect());
        let shown: Vec<_> = page
            .items
            .iter()
            .map(|found| payload::installation(self, found))
            .collect();
        Answer::json(200, &shown).link(page.link)
    }

    fn listed_installation(&self, app: AppId, id: &str) -> Result<&Installation, Answer> {
        id.parse()
            .ok()
            .and_then(InstallationId::new)
            .and_then(|id| self.installations.get(&id))
            .filter(|found| found.app == app && !found.uninstalled)
            .ok_or_else(Answer::not_found)
    }

    /// Mints an installation token, for all that the installation may or for less.
    pub(super) fn mint(
        &mut self,
        asked: &Asked,
        id: &str,
        caller: &Caller,
    ) -> Result<Answer, Answer> {
        let app = Self::only_app(caller)?;
        let installation = self.listed_installation(app, id)?;
        if installation.suspended_at.is_some() {
            return Err(Answer::suspended());
        }
        let narrowing = read_narrowing(&asked.body)?;
        let token = Token {
            installation: installation.id,
            expires_at: self.now() + LIFETIME,
            permissions: narrow_permissions(installation, narrowing.permissions.as_ref())?,
            repositories: self.narrow_repositories(installation, &narrowing)?,
        };
        let selection = match &token.repositories {
            Some(_) => "selected",
            None => installation.selection.as_str(),
        };
        let value = format!("ghs_{}", hex::encode(rand::random::<[u8; 18]>()));
        let mut shown = payload::fields(json!({
            "token": value,
            "expires_at": timestamp(token.expires_at),
            "permissions": token.permissions,
            "repository_selection": selection,
        }));
        if let Some(chosen) = &token.repositories {
            let listed = chosen.iter().filter_map(|id| self.repositories.get(id));
            let listed = listed.map(|repository| payload::repository(self, repository));
            shown.insert("repositories".into(), listed.collect());
        }
        self.tokens.insert(value, token);
        Ok(Answer::json(201, &shown))
    }

    fn narrow_repositories(
        &self,
        installation: &Installation,
        narrowing: &Narrowing,
    ) -> Result<Option<BTreeSet<RepositoryId>>, Answer> {
        if narrowing.repositories.is_none() && narrowing.repository_ids.is_none() {
            return Ok(None);
        }
        let covered = self.repositories_of(installation);
        let by_name = narrowing.repositories.iter().flatten().map(|name| {
            let named = covered.iter().find(|r| r.name.eq_ignore_ascii_case(name));
            named.map(|repository| repository.id)
        });
        let by_id = narrowing.repository_ids.iter().flatten().map(|id| {
            let known = covered.iter().any(|repository| repository.id == *id);
            known.then_some(*id)
        });
        let chosen: Option<BTreeSet<_>> = by_name.chain(by_id).collect();
        chosen.map(Some).ok_or_else(|| {
            Answer::message(
                422,
                "There is at least one repository that does not exist or is not accessible to the parent installation.",
            )
        })
    }

    pub(super) fn rate_limit(&self, caller: &Caller) -> Answer {
        let budget = match caller {
            Caller::Anonymous => &self.anonymous_rate,
            Caller::App(app) => &self.app(*app).rate,
            Caller::Installation(token) => &self.installations[&token.installation].rate,
        };
        if budget.limit.is_none() {
            return Answer::message(404, "Rate limiting is not enabled.");
        }
        let core = json!({
            "limit": budget.limit,
            "used": budget.used,
            "remaining": budget.remaining(),
            "reset": budget.reset_at.timestamp(),
        });
        Answer::json(200, &json!({"resources": {"core": core}, "rate": core}))
    }
}

fn read_narrowing(body: &[u8]) -> Result<Narrowing, Answer> {
    if body.is_empty() {
        return Ok(Narrowing::default());
    }
    serde_json::from_slice(body).map_err(|_| Answer::message(400, "Problems parsing JSON"))
}

fn narrow_permissions(
    installation: &Installation,
    wanted: Option<&Permissions>,
) -> Result<Permissions, Answer> {
    let Some(wanted) = wanted else {
        return Ok(installation.permissions.clone());
    };
    let granted = |(name, level): (&String, &String)| match installation.permissions.get(name) {
        Some(granted) => granted == level || level == "read",
        None => false,
    };
    if !wanted.iter().all(granted) {
        return Err(Answer::message(
            422,
            "The permissions requested are not granted to this installation.",
        ));
    }
    let mut permissions = wanted.clone();
    permissions.insert("metadata".into(), "read".into());
    Ok(permissions)
}
