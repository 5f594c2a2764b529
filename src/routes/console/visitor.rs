//! Somebody who is signed in: what every page asks for.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use super::cookie;
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::problem::ApiError;
use crate::session::SessionSecret;
use crate::token::Role;

pub(super) struct Visitor {
    pub(super) api: web::Data<Api>,
    pub(super) caller: Caller,
    pub(super) session: SessionSecret,
}

impl Visitor {
    pub(super) async fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let api = Api::of(request);
        let session = cookie::read(request.headers(), &api).ok_or_else(ApiError::unauthorized)?;
        let caller = Caller::of_session(&session, request, &api).await?;
        Ok(Self {
            api,
            caller,
            session,
        })
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.api.now()
    }

    /// The path of a page, given below the console's own.
    pub(super) fn link(&self, path: &str) -> String {
        link(&self.api, path)
    }

    /// Whether what needs this role of a token of all organisations is there for them.
    pub(super) fn may_globally(&self, needs: Role) -> bool {
        self.caller.is_global() && self.may(needs)
    }

    pub(super) fn may(&self, needs: Role) -> bool {
        self.caller.role() >= needs
    }
}

/// The same for whoever is not signed in.
pub(super) fn link(api: &Api, path: &str) -> String {
    let prefix = api.context.config.http.path_prefix.as_str();
    format!("{prefix}/console{path}")
}

impl FromRequest for Visitor {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move { Self::of(&request).await }.boxed_local()
    }
}
