//! Who calls, and what they may do. Handlers ask for the proof: a [`Caller`] is somebody whose token
//! is good, a [`Tenant`] an organisation in which they may act.
//!
//! A token is read from the one header alone: no cookie is, so no page of another origin can act for
//! whoever has one. The console's cookie is read by the console, which asks more of a form than that.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::Api;
use super::asked::Asked;
use super::problem::{ApiError, Kind};
use super::source::Source;
use crate::audit::{Actor, NewAuditEvent};
use crate::db::Conn;
use crate::ids::{OrganizationId, TokenId};
use crate::organization::{self, Organization};
use crate::queue::Cause;
use crate::session::{self, Holder, SessionSecret};
use crate::slug::Slug;
use crate::token::{self, Presented, Role, Token};

/// Somebody with a good token, and what they ask for.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    somebody: Somebody,
    asked: Asked,
}

/// Whom a token is of.
#[derive(Debug, Clone)]
struct Somebody {
    actor: Actor,
    role: Role,
    /// `None`: all organisations.
    organization: Option<OrganizationId>,
}

/// An organisation in which the caller has the role that was asked for.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) organization: Organization,
}

impl Caller {
    /// Whoever shows this token, if it is good.
    pub(super) async fn of_token(
        text: Option<&SecretString>,
        request: &HttpRequest,
        api: &Api,
    ) -> Result<Self, ApiError> {
        let source = Source::of(request.peer_addr());
        let found = match text {
            Some(text) => authenticate(api, source, text).await?,
            None => None,
        };
        match found {
            Some(somebody) => Self::known(somebody, request, api),
            None => Err(refused(source, api)),
        }
    }

    /// Whoever is signed in to the console by this session, if it is good.
    pub(super) async fn of_session(
        secret: &SessionSecret,
        request: &HttpRequest,
        api: &Api,
    ) -> Result<Self, ApiError> {
        let source = Source::of(request.peer_addr());
        let now = api.now();
        let configured = api.context.config.access.admin_token.as_ref();
        let turn = api.guesses.turn(source, now).await;
        let holder = session::holder(secret, configured, now, &mut *api.read().await?).await?;
        drop(turn);
        let somebody = match holder {
            Some(Holder::Token(token)) => {
                touch_if_due(&token, api);
                token.into()
            }
            Some(Holder::ConfiguredAdmin) => Somebody::admin(Actor::ConfiguredAdmin),
            None => return Err(refused(source, api)),
        };
        Self::known(somebody, request, api)
    }

    fn known(somebody: Somebody, request: &HttpRequest, api: &Api) -> Result<Self, ApiError> {
        let asked = Asked::of(request, api)?;
        let caller = Self { somebody, asked };
        request.extensions_mut().insert(caller.clone());
        Ok(caller)
    }

    /// The organisation of this slug, if the caller may see it; then, whether the role is enough.
    pub(super) async fn tenant(
        &self,
        slug: &str,
        needs: Role,
        conn: &mut Conn,
    ) -> Result<Tenant, ApiError> {
        let found = match slug.parse::<Slug>() {
            Ok(slug) => organization::find(slug.as_str(), conn).await?,
            Err(_) => None,
        };
        let organization = found
            .filter(|organization| self.sees(Some(organization.id)))
            .ok_or_else(|| self.no_such("organisation"))?;
        self.needs(needs)?;
        Ok(Tenant { organization })
    }

    /// Whether what belongs to this organisation, or to none, is there for the caller.
    pub(super) fn sees(&self, organization: Option<OrganizationId>) -> bool {
        let own = self.somebody.organization;
        own.is_none() || own == organization
    }

    /// The answer to what is not there, or not for the caller: in the same words, and to the token of one
    /// organisation a refusal in either case.
    pub(super) fn no_such(&self, thing: &str) -> ApiError {
        self.beyond(ApiError::no_such(thing))
    }

    /// The same, in other words.
    pub(super) fn beyond(&self, error: ApiError) -> ApiError {
        match self.somebody.organization {
            Some(_) => error.for_want_of_rights(),
            None => error,
        }
    }

    /// Refuses a role that is too low.
    pub(super) fn needs(&self, needs: Role) -> Result<(), ApiError> {
        let has = self.somebody.role;
        if has >= needs {
            Ok(())
        } else {
            Err(ApiError::role_too_low(has, needs))
        }
    }

    /// Refuses also the token of one organisation.
    pub(super) fn needs_global(&self, needs: Role) -> Result<(), ApiError> {
        match self.somebody.organization {
            None => self.needs(needs),
            Some(_) => Err(ApiError::global_only()),
        }
    }

    /// The one organisation that the token is for; `None`: all of them.
    pub(super) fn organization(&self) -> Option<OrganizationId> {
        self.somebody.organization
    }

    /// Whether the token is for all organisations.
    pub(super) fn is_global(&self) -> bool {
        self.somebody.organization.is_none()
    }

    pub(super) fn role(&self) -> Role {
        self.somebody.role
    }

    pub(super) fn label(&self) -> &str {
        self.somebody.actor.label()
    }

    /// Why a job exists that the caller asked for.
    pub(super) fn cause(&self) -> Cause {
        Cause::Operator {
            token: self.label().to_owned(),
        }
    }

    /// Tells callers apart: the id of their token.
    pub(super) fn account(&self) -> Option<TokenId> {
        self.somebody.actor.token_id()
    }

    /// What the audit log is to say of a request that was answered so.
    pub(super) fn did(&self, status: u16) -> NewAuditEvent {
        self.asked.by(self.somebody.actor.clone(), status)
    }
}

impl Somebody {
    /// Who may do all without a token of the database.
    fn admin(actor: Actor) -> Self {
        Self {
            actor,
            role: Role::Admin,
            organization: None,
        }
    }
}

impl From<Token> for Somebody {
    fn from(token: Token) -> Self {
        Self {
            actor: Actor::Token {
                id: token.id,
                label: token.label,
            },
            role: token.role,
            organization: token.organization_id,
        }
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let api = Api::of(request);
        let text = bearer(request.headers());
        let request = request.clone();
        async move { Self::of_token(text.as_ref(), &request, &api).await }.boxed_local()
    }
}

/// One more refusal of this address's.
fn refused(source: Source, api: &Api) -> ApiError {
    if api.guesses.is_one_too_many(source, api.now()) {
        return ApiError::new(
            Kind::TooManyAttempts,
            "many tokens from this address were refused; a good one is still accepted",
        );
    }
    ApiError::unauthorized()
}

/// What cannot be a token is refused without the database, and who guessed too often asks it in a line.
async fn authenticate(
    api: &Api,
    source: Source,
    text: &SecretString,
) -> Result<Option<Somebody>, ApiError> {
    let of_command = api.command_token.as_ref();
    if of_command.is_some_and(|token| is_same(token, text)) {
        return Ok(Some(Somebody::admin(Actor::CommandLine)));
    }
    let configured = api.context.config.access.admin_token.as_ref();
    if configured.is_some_and(|token| is_same(token, text)) {
        return Ok(Some(Somebody::admin(Actor::ConfiguredAdmin)));
    }
    let Some(presented) = Presented::of(text) else {
        return Ok(None);
    };
    let now = api.now();
    let turn = api.guesses.turn(source, now).await;
    let token = token::authenticate(presented, now, &mut *api.read().await?).await?;
    drop(turn);
    if let Some(token) = &token {
        touch_if_due(token, api);
    }
    Ok(token.map(Somebody::from))
}

fn touch_if_due(token: &Token, api: &Api) {
    if token.is_touch_due(api.now()) {
        touch_later(api, token.clone());
    }
}

const TOUCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Beside the request: it neither waits for the one writer of SQLite nor fails with it.
fn touch_later(api: &Api, token: Token) {
    let (db, now) = (api.context.db.clone(), api.now());
    tokio::spawn(async move {
        let touched = async {
            Ok::<_, crate::db::DbError>(token::touch(&token, now, &mut *db.write().await?).await?)
        };
        // A database that does not answer keeps no connection for this.
        let touched = tokio::time::timeout(TOUCH_TIMEOUT, touched).await;
        if !matches!(touched, Ok(Ok(()))) {
            tracing::debug!(token.id = %token.id, "the last use of a token was not noted");
        }
    });
}

/// The token of the one `Authorization` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<SecretString> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.into())
}

/// In a time that tells nothing: what is compared are codes under a key that nobody knows.
fn is_same(one: &SecretString, other: &SecretString) -> bool {
    let key = rand::random::<[u8; 32]>();
    let code = |text: &SecretString| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes a key of any length");
        mac.update(text.expose_secret().as_bytes());
        mac
    };
    let expected = code(one).finalize().into_bytes();
    code(other).verify_slice(&expected).is_ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn token_of(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_str(value).expect("a header's value");
            headers.append(HeaderName::from_static("authorization"), value);
        }
        bearer(&headers).map(|token| token.expose_secret().to_owned())
    }

    #[test]
    fn a_bearer_token_comes_in_one_header() {
        for good in ["Bearer x", "bearer x", "BEARER  x "] {
            assert_eq!(token_of(&[good]).as_deref(), Some("x"), "{good}");
        }
        for bad in [
            &[][..],
            &["x"],
            &["Bearer"],
            &["Bearer "],
            &["Basic x"],
            &["Bearer x", "Bearer x"],
        ] {
            assert_eq!(token_of(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn only_the_same_token_is_the_same() {
        let secret = |text: &str| SecretString::from(text);
        assert!(is_same(&secret("abc"), &secret("abc")));
        for other in ["", "ab", "abcd", "abd"] {
            assert!(!is_same(&secret("abc"), &secret(other)), "{other}");
        }
    }

    #[test]
    fn a_role_may_what_those_before_it_may() {
        let caller = |role, organization| Caller {
            somebody: Somebody {
                actor: Actor::ConfiguredAdmin,
                role,
                organization,
            },
            asked: Asked::for_tests(),
        };
        let operator = caller(Role::Operator, None);
        assert!(operator.needs(Role::Viewer).is_ok());
        assert!(operator.needs_global(Role::Operator).is_ok());
        assert!(operator.needs(Role::Admin).is_err());
        let scoped = caller(Role::Admin, Some(OrganizationId::new(1)));
        assert!(scoped.needs(Role::Admin).is_ok());
        assert!(scoped.needs_global(Role::Viewer).is_err());
        assert!(scoped.sees(Some(OrganizationId::new(1))));
        assert!(!scoped.sees(Some(OrganizationId::new(2))) && !scoped.sees(None));
    }
}
