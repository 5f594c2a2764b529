//! Signing in with a token, and out again.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use diesel_async::AsyncConnection;
use maud::html;
use secrecy::SecretString;
use serde::Deserialize;

use super::meant::{Meant, check_origin};
use super::visitor::{Visitor, link};
use super::{cookie, frame, query};
use crate::audit;
use crate::db::Conn;
use crate::routes::Api;
use crate::routes::auth::Caller;
use crate::routes::body::Body;
use crate::routes::problem::{ApiError, Kind};
use crate::session::{self, SessionSecret, SignIn};

pub(super) async fn show(api: web::Data<Api>, request: HttpRequest) -> HttpResponse {
    if Visitor::of(&request).await.is_ok() {
        return to(&link(&api, ""));
    }
    form(&api, &query::given(&request, "next"), None)
}

#[derive(Deserialize)]
struct Shown {
    token: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn sign_in(
    api: web::Data<Api>,
    request: HttpRequest,
    body: Body,
) -> Result<HttpResponse, ApiError> {
    check_origin(&request, &api)?;
    let shown: Shown = body.form().await?;
    let token = SecretString::from(shown.token.trim());
    let caller = match Caller::of_token(Some(&token), &request, &api).await {
        Ok(caller) => caller,
        Err(refusal) => return refused(&api, &shown.next, refusal),
    };
    let mut conn = api.write().await?;
    let secret = conn
        .transaction(async |conn| begin(&caller, &token, &api, conn).await)
        .await?;
    tracing::info!(token = caller.label(), "somebody signed in to the console");
    let mut answer = to(&own_page(&shown.next, &api));
    set_cookie(&mut answer, &cookie::set(&secret, &api));
    Ok(answer)
}

async fn begin(
    caller: &Caller,
    token: &SecretString,
    api: &Api,
    conn: &mut Conn,
) -> Result<SessionSecret, ApiError> {
    let with = match caller.account() {
        Some(id) => SignIn::Token(id),
        None => SignIn::ConfiguredAdmin(token),
    };
    let secret = session::create(with, api.now(), conn).await?;
    let mut event = caller.did(303).at("/console".to_owned());
    event.organization = caller.organization();
    audit::record(&event, api.now(), conn).await?;
    Ok(secret)
}

pub(super) async fn sign_out(meant: Meant) -> Result<HttpResponse, ApiError> {
    let api = &meant.api;
    let mut conn = api.write().await?;
    conn.transaction(async |conn| {
        if session::end(&meant.session, conn).await? {
            let mut event = meant.caller.did(303).at("/console".to_owned());
            event.organization = meant.caller.organization();
            audit::record(&event, api.now(), conn).await?;
        }
        Ok::<_, ApiError>(())
    })
    .await?;
    let mut answer = to(&link(api, "/sign-in"));
    set_cookie(&mut answer, &cookie::clear(api));
    Ok(answer)
}

/// A token that is not good: the form again, saying so. Anything else is a failure.
fn refused(api: &Api, next: &str, refusal: ApiError) -> Result<HttpResponse, ApiError> {
    let says = match refusal.kind() {
        Kind::Unauthorized => "This token is not known, was revoked, or has expired.",
        Kind::TooManyAttempts => {
            "Many tokens from this address were refused. Wait a minute; a good one is still accepted."
        }
        _ => return Err(refusal),
    };
    let mut answer = form(api, next, Some(says));
    *answer.status_mut() = match refusal.kind() {
        Kind::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::UNAUTHORIZED,
    };
    Ok(answer)
}

fn form(api: &Api, next: &str, says: Option<&str>) -> HttpResponse {
    let is_plain = url::Url::parse(&api.base_url).is_ok_and(|url| url.scheme() == "http");
    let content = html! {
        p.brand { (frame::mark(api)) "Bindery" }
        h1 { "Sign in" }
        form.stack method="post" action=(link(api, "/sign-in")) {
            @if let Some(says) = says { p.alert id="says" role="alert" { (says) } }
            input type="hidden" name="next" value=(next);
            label.field {
                span { "Token" }
                input type="password" name="token" required autofocus autocomplete="current-password"
                    spellcheck="false" maxlength="512" aria-describedby=[says.map(|_| "says")];
            }
            button.button.main type="submit" { "Sign in" }
        }
        p.quiet { "A token of the API, such as " code { "POST /tokens" } " makes. What it may do, you may do here. "
            "You are signed out after 12 hours, or when the token ends." }
        @if is_plain && cookie::is_secure(api) {
            p.alert { "This address is plain HTTP: your browser will not keep you signed in. Set "
                code { "BINDERY_PUBLIC_URL" } " to the https:// address of the service." }
        }
    };
    frame::answer(frame::bare(api, "Sign in", &content))
}

/// The page that was asked for, if it is one of ours: a link here leads nowhere else.
fn own_page(next: &str, api: &Api) -> String {
    let home = link(api, "");
    let is_ours = next
        .strip_prefix(&home)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let is_plain = next.len() <= 2_048 && next.bytes().all(|byte| byte.is_ascii_graphic());
    if is_ours && is_plain && !next.contains('\\') {
        next.to_owned()
    } else {
        home
    }
}

pub(super) fn to(place: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, place))
        .finish()
}

fn set_cookie(answer: &mut HttpResponse, line: &str) {
    if let Ok(line) = header::HeaderValue::from_str(line) {
        answer.headers_mut().insert(header::SET_COOKIE, line);
    }
}
