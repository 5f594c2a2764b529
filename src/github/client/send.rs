//! Sending a request as the App or under an installation, within its budget, with one fresh token if refused.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::GitHub;
use super::budget::Asker;
use super::etag::{Conditional, ETag};
use super::installation::ROUTE_BY_NAME;
use super::request::Request;
use super::transport::{Answer, Credentials};
use crate::github::app_auth::InstallationToken;
use crate::github::error::{AccessLost, GitHubError};
use crate::github::ids::InstallationId;
use crate::github::needed;

/// The current key, the other key, and once more each when our clock turns out to be wrong.
const MAX_REFUSALS: usize = 4;

/// An answer under an installation, and the token it was got with.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) answer: Answer,
    token: InstallationToken,
}

impl GitHub {
    /// Asks as the App itself.
    pub(super) async fn as_app(&self, request: &Request) -> Result<Answer, GitHubError> {
        let mut refused = Vec::new();
        let mut signed = self
            .signer
            .sign(self.clock.now())
            .map_err(GitHubError::unexpected)?;
        loop {
            let credentials = Credentials {
                bearer: &signed.jwt,
                if_none_match: None,
            };
            let answer = self.ask(Asker::App, request, credentials).await?;
            if answer.status != StatusCode::UNAUTHORIZED {
                if !answer.status.is_server_error() {
                    self.signer.accepted(&signed);
                }
                return Ok(answer);
            }
            refused.push(signed);
            let next = self
                .signer
                .sign_after_refusal(&refused, answer.at)
                .map_err(GitHubError::unexpected)?;
            match next {
                Some(next) if refused.len() < MAX_REFUSALS => signed = next,
                _ => return Err(GitHubError::Unauthorized),
            }
        }
    }

    /// Asks as an installation. A token that is refused is replaced, once.
    pub(super) async fn as_installation(
        &self,
        id: InstallationId,
        request: &Request,
        etag: Option<&ETag>,
    ) -> Result<Answered, GitHubError> {
        let answered = self.ask_with_token(id, request, etag).await?;
        if answered.answer.status != StatusCode::UNAUTHORIZED {
            return answered.settle();
        }
        if answered.token.may_lag(answered.answer.at) {
            return Err(answered.answer.unavailable());
        }
        self.tokens.forget(id, &answered.token).await;
        let again = self.ask_with_token(id, request, etag).await?;
        if again.answer.status == StatusCode::UNAUTHORIZED {
            return Err(again.answer.unavailable());
        }
        again.settle()
    }

    async fn ask_with_token(
        &self,
        id: InstallationId,
        request: &Request,
        etag: Option<&ETag>,
    ) -> Result<Answered, GitHubError> {
        let asker = Asker::Installation(id);
        // A pause spares the mint too.
        self.budgets.of(asker).check(self.clock.now())?;
        let token = self.tokens.get(id, self.clock.now(), self.mint(id)).await?;
        let credentials = Credentials {
            bearer: &token.secret,
            if_none_match: etag.and_then(|etag| etag.for_token(&token)),
        };
        let answer = self.ask(asker, request, credentials).await?;
        Ok(Answered { answer, token })
    }

    /// One exchange within the asker's budget. Nothing is sent while a pause holds.
    async fn ask(
        &self,
        asker: Asker,
        request: &Request,
        credentials: Credentials<'_>,
    ) -> Result<Answer, GitHubError> {
        let budget = self.budgets.of(asker);
        budget.check(self.clock.now())?;
        let _own_place = budget.enter().await;
        let place = self.transport.enter().await;
        // Others may have been told to stop while this one waited.
        budget.check(self.clock.now())?;
        let started = Instant::now();
        let result = self.transport.exchange(request, credentials, &place).await;
        report(asker, request, &result, started.elapsed());
        let answer = result?;
        if let Some(date) = answer.date() {
            self.signer.observe(date, answer.at);
        }
        budget.learn(&answer)?;
        Ok(answer)
    }

    /// A token for the whole installation, so that it serves every repository and the access checks.
    async fn mint(&self, id: InstallationId) -> Result<InstallationToken, GitHubError> {
        let read = |name| (name, "read");
        let permissions: BTreeMap<_, _> = needed::PERMISSIONS.into_iter().map(read).collect();
        let request = Request::post(
            "/app/installations/{installation_id}/access_tokens",
            &[&id],
            json!({ "permissions": permissions }),
            self.json_cap(),
        );
        let answer = self.as_app(&request).await?;
        if answer.is_missing() {
            return Err(AccessLost::NotInstalled.into());
        }
        if answer.status == StatusCode::UNPROCESSABLE_ENTITY {
            return Err(answer.permission_missing());
        }
        minted(&answer)
    }
}

/// The token in the answer to a mint; how long it lives is GitHub's two instants apart.
pub(super) fn minted(answer: &Answer) -> Result<InstallationToken, GitHubError> {
    #[derive(Deserialize)]
    struct Minted {
        token: String,
        expires_at: DateTime<Utc>,
    }
    let Minted { token, expires_at } = answer.json()?;
    let lifetime = expires_at - answer.date().unwrap_or(answer.at);
    Ok(InstallationToken::new(token.into(), answer.at, lifetime))
}

impl Answered {
    /// Notes that the token works, unless the answer may be about the token alone.
    fn settle(self) -> Result<Self, GitHubError> {
        let Self { answer, token } = &self;
        if answer.status == StatusCode::FORBIDDEN {
            let lost = answer.refusal();
            let permission = matches!(
                lost,
                GitHubError::AccessLost(AccessLost::PermissionMissing { .. })
            );
            if permission && token.may_lag(answer.at) {
                return Err(answer.unavailable());
            }
        } else if !answer.status.is_server_error() {
            token.prove();
        }
        Ok(self)
    }

    /// The value and its ETag, or that nothing changed since the ETag sent.
    pub(super) fn conditional<T>(
        &self,
        etag: Option<&ETag>,
        read: impl FnOnce(&Answer) -> Result<T, GitHubError>,
    ) -> Result<Conditional<T>, GitHubError> {
        let asked = etag.and_then(|etag| etag.for_token(&self.token)).is_some();
        if asked && self.answer.status == StatusCode::NOT_MODIFIED {
            return Ok(Conditional::NotModified);
        }
        let value = read(&self.answer)?;
        let etag = self
            .answer
            .etag()
            .and_then(|header| ETag::new(&self.token, header));
        Ok(Conditional::Modified { value, etag })
    }
}

impl From<AccessLost> for GitHubError {
    fn from(lost: AccessLost) -> Self {
        Self::AccessLost(lost)
    }
}

/// Says that GitHub was asked; by the route, since a URL tells what somebody keeps in private repositories.
fn report(
    asker: Asker,
    request: &Request,
    result: &Result<Answer, GitHubError>,
    elapsed: Duration,
) {
    let status = result.as_ref().map_or("none".to_owned(), |answer| {
        answer.status.as_u16().to_string()
    });
    tracing::debug!(
        method = %request.method,
        route = request.route,
        status,
        installation.id = asker.installation(),
        elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        "asked GitHub"
    );
    metrics::counter!(
        "bindery_github_requests_total",
        "route" => request.route,
        "status" => counted(request.route, status)
    )
    .increment(1);
}

/// The status, unless the counter would tell whoever can read it whether a private repository is there:
/// a tenant has any name asked for by binding it.
fn counted(route: &str, status: String) -> String {
    match status.as_str() {
        "200" | "404" | "451" if route == ROUTE_BY_NAME => "answered".to_owned(),
        _ => status,
    }
}
