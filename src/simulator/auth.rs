//! Who asks: the App by a JWT whose signature is checked, or an installation by a token.

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;

use crate::github::ids::{AppId, InstallationId, RepositoryId};

use super::StartError;
use super::app::App;
use super::installation::Token;
use super::repository::Repository;
use super::rest::Answer;
use super::world::World;

/// GitHub refuses a JWT that lives longer.
const MAX_LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// How far a JWT's `iat` may lie ahead of GitHub's clock.
const MAX_SKEW: TimeDelta = TimeDelta::seconds(60);

/// The App's public keys; two while one replaces the other.
pub(super) struct AppKeys(Vec<DecodingKey>);

impl std::fmt::Debug for AppKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AppKeys({})", self.0.len())
    }
}

impl AppKeys {
    pub(super) fn from_pems<'a>(
        pems: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, StartError> {
        pems.into_iter()
            .map(read_key)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// A public key, or the public half of a private one.
fn read_key(pem: &str) -> Result<DecodingKey, StartError> {
    let key = if pem.contains("PRIVATE KEY") {
        EncodingKey::from_rsa_pem(pem.as_bytes())
            .and_then(|key| Jwk::from_encoding_key(&key, Algorithm::RS256))
            .and_then(|jwk| DecodingKey::from_jwk(&jwk))
    } else {
        DecodingKey::from_rsa_pem(pem.as_bytes())
    };
    key.map_err(|_| StartError::Key)
}

/// Who asks.
#[derive(Debug, Clone)]
pub(super) enum Caller {
    Anonymous,
    /// By JWT.
    App(AppId),
    Installation(Token),
}

impl Caller {
    pub(super) fn installation(&self) -> Option<InstallationId> {
        match self {
            Self::Installation(token) => Some(token.installation),
            Self::Anonymous | Self::App(_) => None,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: Value,
    iat: i64,
    exp: i64,
}

impl Claims {
    /// Whether they name the App, by its id or its client id.
    fn is_issued_by(&self, app: &App) -> bool {
        let issuer = match &self.iss {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        issuer == app.id.to_string() || issuer == app.client_id()
    }
}

impl World {
    /// Reads the `Authorization` header; what cannot be believed is a 401.
    pub(super) fn authenticate(&self, authorization: Option<&str>) -> Result<Caller, Answer> {
        let Some(authorization) = authorization else {
            return Ok(Caller::Anonymous);
        };
        let (scheme, credentials) = authorization.split_once(' ').unwrap_or_default();
        if !["bearer", "token"].contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err(Answer::message(401, "Bad credentials"));
        }
        if credentials.split('.').count() == 3 {
            return self.authenticate_app(credentials);
        }
        self.authenticate_token(credentials)
    }

    fn authenticate_app(&self, jwt: &str) -> Result<Caller, Answer> {
        let mut validation = Validation::new(Algorithm::RS256);
        // Against this GitHub's clock, below; not against the system's.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let signed = self.apps.values().find_map(|app| {
            let mut keys = app.keys.0.iter();
            let read = |key| jsonwebtoken::decode::<Claims>(jwt, key, &validation).ok();
            let claims = keys.find_map(read)?.claims;
            // Apps may have one key in common: then the issuer says which it is.
            (self.apps.len() == 1 || claims.is_issued_by(app)).then_some((app, claims))
        });
        match signed {
            None => Err(Answer::message(
                401,
                "A JSON web token could not be decoded",
            )),
            Some((app, claims)) => self.check(app, &claims).map(|()| Caller::App(app.id)),
        }
    }

    fn check(&self, app: &App, claims: &Claims) -> Result<(), Answer> {
        let now = self.now();
        let at = |seconds| DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default();
        let complaint = if !claims.is_issued_by(app) {
            "'Issuer' claim ('iss') must be an Integer"
        } else if at(claims.exp) <= now {
            "'Expiration time' claim ('exp') must be a numeric value representing the future time \
             at which the assertion expires"
        } else if at(claims.exp) > now + MAX_LIFETIME {
            "'Expiration time' claim ('exp') is too far in the future"
        } else if at(claims.iat) > now + MAX_SKEW {
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion \
             was issued"
        } else {
            return Ok(());
        };
        Err(Answer::message(401, complaint))
    }

    fn authenticate_token(&self, value: &str) -> Result<Caller, Answer> {
        let token = self.tokens.get(value);
        let Some(token) = token.filter(|token| token.expires_at > self.now()) else {
            return Err(Answer::message(401, "Bad credentials"));
        };
        match self.installations.get(&token.installation) {
            Some(found) if found.is_active() => Ok(Caller::Installation(token.clone())),
            Some(found) if !found.uninstalled => Err(Answer::suspended()),
            _ => Err(Answer::message(401, "Bad credentials")),
        }
    }

    /// Whether the caller may know that the repository exists.
    pub(super) fn may_see(&self, caller: &Caller, repository: &Repository) -> bool {
        match caller {
            _ if !repository.private => true,
            Caller::Anonymous => false,
            Caller::App(app) => self.installation_of(*app, repository).is_some(),
            Caller::Installation(token) => self.covers(token, repository.id),
        }
    }

    pub(super) fn covers(&self, token: &Token, id: RepositoryId) -> bool {
        let narrowed = &token.repositories;
        let allowed = narrowed.as_ref().is_none_or(|chosen| chosen.contains(&id));
        let repository = self.repositories.get(&id);
        let installation = self.installations.get(&token.installation);
        allowed
            && repository
                .zip(installation)
                .is_some_and(|(repository, installation)| installation.covers(repository))
    }

    /// Whether the caller may read what is in the repository.
    pub(super) fn may_read_contents(&self, caller: &Caller, repository: &Repository) -> bool {
        match caller {
            _ if !repository.private => true,
            Caller::Installation(token) => self.holds(token, "contents"),
            Caller::Anonymous | Caller::App(_) => false,
        }
    }

    /// What was taken from the installation is gone from the tokens that it has already.
    fn holds(&self, token: &Token, permission: &str) -> bool {
        let installation = self.installations.get(&token.installation);
        token.permissions.contains_key(permission)
            && installation.is_some_and(|found| found.permissions.contains_key(permission))
    }
}
