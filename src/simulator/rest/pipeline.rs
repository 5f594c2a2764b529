use sha2::{Digest, Sha256};

use crate::simulator::auth::Caller;
use crate::simulator::deliveries::Letter;
use crate::simulator::faults::{self, Effect, Fault};
use crate::simulator::host::ENTERPRISE_VERSION;
use crate::simulator::rate::{Limited, RateLimit};
use crate::simulator::requests::{Request, Route};
use crate::simulator::world::World;

use super::answer::JSON;
use super::route::{self, Call};
use super::{Answer, Asked};

/// What GitHub's front door shows when what is behind it fails.
const UNICORN: &[u8] = b"<html><body><h1>Unicorn!</h1></body></html>";

/// Versions of the API that GitHub serves.
const API_VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];

/// An answer, and what happens besides.
#[derive(Debug)]
pub(super) struct Handled {
    pub(super) answer: Answer,
    pub(super) fault: Option<Fault>,
    /// What is sent a moment later, and whether that is a redelivery.
    pub(super) later: Vec<(Letter, bool)>,
}

impl World {
    /// From the door to the log: faults, credentials, budget, the answer itself, its ETag.
    pub(super) fn handle(&mut self, asked: &Asked) -> Handled {
        let call = route::parse(&asked.method, self.host.path(), &asked.path);
        let caller = self.authenticate(asked.authorization.as_deref());
        if let Some(credentials) = asked.credentials()
            && !self.credentials.contains(credentials)
        {
            self.credentials.insert(credentials.to_owned());
        }
        let installation = caller.as_ref().ok().and_then(Caller::installation);
        let path = with_query(asked);
        let fault = faults::strike(&mut self.faults, call.route, &path, installation);
        let broken = fault.as_ref().and_then(|fault| broken(fault, asked));
        let redeliver = match &caller {
            Ok(caller) if broken.is_none() => self.to_redeliver(&call, caller),
            _ => None,
        };
        let mut answer = match (broken, caller) {
            (Some(broken), _) => broken,
            (None, Err(refusal)) => refusal,
            (None, Ok(caller)) => self.within_budget(asked, &call, &caller),
        };
        let first = self.take_unsent().into_iter().map(|letter| (letter, false));
        let later = redeliver.map(|letter| (letter, true));
        let later = later.into_iter().chain(first).collect();
        self.stamp(&mut answer, fault.as_ref());
        let hung = fault.as_ref().is_some_and(Fault::hangs);
        self.requests.push(Request {
            at: self.now(),
            method: asked.method.clone(),
            route: call.route,
            path,
            status: if hung { 0 } else { answer.status },
            installation,
            conditional: asked.if_none_match.is_some(),
            bytes: answer.body.len(),
        });
        Handled {
            answer,
            fault,
            later,
        }
    }

    fn within_budget(&mut self, asked: &Asked, call: &Call, caller: &Caller) -> Answer {
        if call.route == Route::Codeload {
            return self.codeload(asked, call, caller).unwrap_or_else(|no| no);
        }
        if let Some(refusal) = bad_client(asked) {
            return refusal;
        }
        let now = self.now();
        self.budget(caller).roll(now);
        let free = call.route == Route::RateLimit;
        let checked = self.budget(caller).check(now);
        let answer = match checked {
            Err(limited) if !free => limit_answer(limited, caller),
            _ => conditional(asked, self.answer(asked, call, caller)),
        };
        let budget = self.budget(caller);
        if !free && checked.is_ok() && answer.status != 304 {
            budget.used += 1;
        }
        with_budget(answer, budget)
    }

    fn budget(&mut self, caller: &Caller) -> &mut RateLimit {
        match caller {
            Caller::Anonymous => &mut self.anonymous_rate,
            Caller::App(app) => &mut self.app_mut(*app).rate,
            Caller::Installation(token) => &mut self.installation_mut(token.installation).rate,
        }
    }

    fn answer(&mut self, asked: &Asked, call: &Call, caller: &Caller) -> Answer {
        let answered = match call.route {
            Route::AccessToken => self.mint(asked, &call.what, caller),
            Route::App
            | Route::AppInstallations
            | Route::AppInstallation
            | Route::OwnerInstallation => self.answer_app(asked, call, caller),
            Route::HookDeliveries | Route::HookDelivery | Route::Redelivery => {
                self.answer_hook(asked, call, caller)
            }
            Route::HookConfig => self.answer_hook_config(asked, caller),
            Route::RegisterApp => self.register_page(asked, call),
            Route::ManifestConversion => self.conversion(&call.what),
            Route::InstallationRepositories => self.installation_repositories(asked, caller),
            Route::RateLimit => Ok(self.rate_limit(caller)),
            Route::Archive => self.archive_link(asked, call, caller),
            Route::Unknown => Err(Answer::not_found()),
            _ => self.answer_repository(asked, call, caller),
        };
        answered.unwrap_or_else(|refusal| refusal)
    }

    /// The headers that every answer has, and those that a fault adds.
    fn stamp(&self, answer: &mut Answer, fault: Option<&Fault>) {
        let date = self.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        answer.headers.push(("date".into(), date));
        let id = hex::encode_upper(rand::random::<[u8; 10]>());
        answer.headers.push(("x-github-request-id".into(), id));
        if self.host.enterprise().is_some() {
            let version = ENTERPRISE_VERSION.to_owned();
            answer
                .headers
                .push(("x-github-enterprise-version".into(), version));
        }
        let added = fault.into_iter().flat_map(|fault| fault.headers.clone());
        answer.headers.extend(added);
    }
}

fn with_query(asked: &Asked) -> String {
    if asked.query.is_empty() {
        asked.path.clone()
    } else {
        format!("{}?{}", asked.path, asked.query)
    }
}

/// What a fault answers instead of the truth.
fn broken(fault: &Fault, asked: &Asked) -> Option<Answer> {
    if let (Some(write), Effect::Answer { status, .. }) = (fault.quoting, &fault.effect) {
        let credentials = asked.credentials().unwrap_or_default();
        return Some(Answer::message(
            *status,
            &format!("Not {}", write(credentials)),
        ));
    }
    match &fault.effect {
        Effect::None | Effect::Cut => None,
        Effect::Hang | Effect::Endless { .. } => Some(Answer::bytes(200, "text/plain", Vec::new())),
        Effect::Answer {
            status,
            body: Some(body),
        } => Some(Answer::bytes(*status, JSON, body.clone())),
        Effect::Answer {
            status: status @ 500..,
            body: None,
        } => Some(Answer::bytes(*status, "text/html", UNICORN.to_vec())),
        Effect::Answer { status, body: None } => {
            Some(Answer::message(*status, "Something went wrong"))
        }
    }
}

fn bad_client(asked: &Asked) -> Option<Answer> {
    if asked.user_agent.as_deref().unwrap_or_default().is_empty() {
        let text = "Request forbidden by administrative rules. Please make sure your request has a \
                    User-Agent header.\n";
        return Some(Answer::bytes(403, "text/html", text.into()));
    }
    let version = asked.api_version.as_deref();
    version
        .filter(|version| !API_VERSIONS.contains(version))
        .map(|version| Answer::message(400, &format!("\"{version}\" is not a supported version.")))
}

fn limit_answer(limited: Limited, caller: &Caller) -> Answer {
    match limited {
        Limited::Primary => {
            let whose = match caller.installation() {
                Some(id) => format!("installation ID {id}"),
                None => "this App".to_owned(),
            };
            Answer::message(403, &format!("API rate limit exceeded for {whose}."))
        }
        Limited::Secondary { retry_after } => {
            let answer = Answer::message(
                403,
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            );
            match retry_after {
                Some(seconds) => answer.header("retry-after", seconds.to_string()),
                None => answer,
            }
        }
    }
}

/// An ETag on every good answer to a GET, different for every token; 304 for who has it already.
fn conditional(asked: &Asked, answer: Answer) -> Answer {
    if asked.method != "GET" || answer.status != 200 {
        return answer;
    }
    let mut hash = Sha256::new();
    hash.update(&answer.body);
    hash.update(asked.authorization.as_deref().unwrap_or_default());
    hash.update(asked.accept.as_deref().unwrap_or_default());
    let opaque = format!("\"{}\"", hex::encode(hash.finalize()));
    let known = asked.if_none_match.as_deref().is_some_and(|known| {
        known
            .split(',')
            .any(|one| one.trim().trim_start_matches("W/") == opaque)
    });
    let mut answer = answer.header("etag", format!("W/{opaque}"));
    if known {
        answer.status = 304;
        answer.body.clear();
    }
    answer
}

fn with_budget(answer: Answer, budget: &RateLimit) -> Answer {
    let (Some(limit), Some(remaining)) = (budget.limit, budget.remaining()) else {
        return answer;
    };
    answer
        .header("x-ratelimit-limit", limit.to_string())
        .header("x-ratelimit-remaining", remaining.to_string())
        .header("x-ratelimit-used", budget.used.to_string())
        .header("x-ratelimit-reset", budget.reset_at.timestamp().to_string())
        .header("x-ratelimit-resource", "core")
}
