//! Who calls, and what they may do. Handlers ask for the proof: a [`Caller`] is somebody whose token
//! is good, a [`Tenant`] an organisation in which they may act.

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::Api;
use super::problem::{ApiError, Kind};
use crate::db::Conn;
use crate::ids::OrganizationId;
use crate::organization::{self, Organization};
use crate::queue::Cause;
use crate::slug::Slug;
use crate::token::{self, Role, Token};

/// Somebody with a good token.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    label: String,
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
            .ok_or_else(|| ApiError::no_such("organisation"))?;
        self.needs(needs)?;
        Ok(Tenant { organization })
    }

    /// Whether what belongs to this organisation, or to none, is there for the caller.
    pub(super) fn sees(&self, organization: Option<OrganizationId>) -> bool {
        self.organization.is_none() || self.organization == organization
    }

    /// Refuses a role that is too low.
    pub(super) fn needs(&self, needs: Role) -> Result<(), ApiError> {
        if self.role >= needs {
            Ok(())
        } else {
            Err(ApiError::role_too_low(self.role, needs))
        }
    }

    /// Refuses also the token of one organisation.
    pub(super) fn needs_global(&self, needs: Role) -> Result<(), ApiError> {
        match self.organization {
            None => self.needs(needs),
            Some(_) => Err(ApiError::global_only()),
        }
    }

    /// The one organisation that the token is for; `None`: all of them.
    pub(super) fn organization(&self) -> Option<OrganizationId> {
        self.organization
    }

    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Why a job exists that the caller asked for.
    pub(super) fn cause(&self) -> Cause {
        Cause::Operator {
            token: self.label.clone(),
        }
    }

    fn configured_admin() -> Self {
        Self {
            label: "configured admin".to_owned(),
            role: Role::Admin,
            organization: None,
        }
    }
}

impl From<Token> for Caller {
    fn from(token: Token) -> Self {
        Self {
            label: token.label,
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
        let source = request.peer_addr().map(|address| address.ip());
        async move {
            let found = match &text {
                Some(text) => authenticate(&api, text).await?,
                None => None,
            };
            match found {
                Some(caller) => Ok(caller),
                None if api.guesses.is_one_too_many(source, api.now()) => Err(ApiError::new(
                    Kind::TooManyAttempts,
                    "many tokens from this address were refused; a good one is still accepted",
                )),
                None => Err(ApiError::unauthorized()),
            }
        }
        .boxed_local()
    }
}

async fn authenticate(api: &Api, text: &SecretString) -> Result<Option<Caller>, ApiError> {
    let configured = api.context.config.access.admin_token.as_ref();
    if configured.is_some_and(|token| is_same(token, text)) {
        return Ok(Some(Caller::configured_admin()));
    }
    let now = api.now();
    let token = token::authenticate(text, now, &mut *api.read().await?).await?;
    if let Some(token) = token.as_ref().filter(|token| token.is_touch_due(now)) {
        touch_later(api, token.clone());
    }
    Ok(token.map(Caller::from))
}

/// Beside the request: it neither waits for the one writer of SQLite nor fails with it.
fn touch_later(api: &Api, token: Token) {
    let (db, now) = (api.context.db.clone(), api.now());
    tokio::spawn(async move {
        let touched = async {
            Ok::<_, crate::db::DbError>(token::touch(&token, now, &mut *db.write().await?).await?)
        };
        if let Err(error) = touched.await {
            tracing::debug!(token.id = %token.id, %error, "the last use of a token was not noted");
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
            label: String::new(),
            role,
            organization,
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
