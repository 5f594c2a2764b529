use std::time::Duration;

use crate::github::ids::InstallationId;

use super::Simulator;
use super::requests::Route;

/// Something that goes wrong with requests, as often as it says.
///
/// ```text
/// github.fail(Fault::on(Route::Blob).times(2).status(502));
/// ```
///
/// A fault without `times` happens for ever ([`Simulator::clear_faults`] ends it). The first fault
/// that fits a request is used; delays are in real time, whatever the clock says.
#[derive(Debug, Clone)]
pub struct Fault {
    route: Option<Route>,
    installation: Option<InstallationId>,
    path: Option<String>,
    skip: u32,
    left: Option<u32>,
    pub(super) delay: Duration,
    pub(super) headers: Vec<(String, String)>,
    /// How the message writes the credentials that it was asked with.
    pub(super) quoting: Option<fn(&str) -> String>,
    pub(super) effect: Effect,
}

/// What becomes of the true answer.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    /// Nothing: the delay and the headers were all.
    None,
    /// Another one: a lie, or not even JSON.
    Answer { status: u16, body: Option<Vec<u8>> },
    /// This, and then the rest over and over, for as long as anybody listens.
    Endless { begin: Vec<u8>, again: Vec<u8> },
    /// The connection closes in the middle of the body.
    Cut,
    /// The request is taken and never answered.
    Hang,
}

impl Fault {
    /// At one endpoint.
    pub fn on(route: Route) -> Self {
        Self {
            route: Some(route),
            ..Self::anywhere()
        }
    }

    /// At every endpoint.
    pub fn anywhere() -> Self {
        Self {
            route: None,
            installation: None,
            path: None,
            skip: 0,
            left: None,
            delay: Duration::ZERO,
            headers: Vec::new(),
            quoting: None,
            effect: Effect::None,
        }
    }

    /// Only for requests with a token of this installation.
    pub fn for_installation(mut self, installation: InstallationId) -> Self {
        self.installation = Some(installation);
        self
    }

    /// Only for requests whose path (as sent, with the query) contains this.
    pub fn path_contains(mut self, part: impl Into<String>) -> Self {
        self.path = Some(part.into());
        self
    }

    /// Lets the first `n` fitting requests pass.
    pub fn after(mut self, n: u32) -> Self {
        self.skip = n;
        self
    }

    pub fn times(mut self, n: u32) -> Self {
        self.left = Some(n);
        self
    }

    pub fn always(mut self) -> Self {
        self.left = None;
        self
    }

    /// Answers late.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Answers with this status: an HTML page for 5xx, as GitHub's front door does, else a message.
    pub fn status(mut self, status: u16) -> Self {
        let body = match self.effect {
            Effect::Answer { body, .. } => body,
            _ => None,
        };
        self.effect = Effect::Answer { status, body };
        self
    }

    /// Answers with other bytes; with 200 unless another status is asked for.
    pub fn replace(mut self, body: impl Into<Vec<u8>>) -> Self {
        let status = match self.effect {
            Effect::Answer { status, .. } => status,
            _ => 200,
        };
        let body = Some(body.into());
        self.effect = Effect::Answer { status, body };
        self
    }

    /// Says in the message with what it was asked, written so: a JWT, or an installation's token.
    pub fn quoting(mut self, write: fn(&str) -> String) -> Self {
        self.quoting = Some(write);
        self
    }

    /// Announces the whole body, sends half of it and closes the connection.
    pub fn cut(mut self) -> Self {
        self.effect = Effect::Cut;
        self
    }

    /// Answers with `begin` and then with `again` for ever.
    pub fn endless(mut self, begin: impl Into<Vec<u8>>, again: impl Into<Vec<u8>>) -> Self {
        let (begin, again) = (begin.into(), again.into());
        self.effect = Effect::Endless { begin, again };
        self
    }

    /// Accepts the request and stays silent.
    pub fn hang(mut self) -> Self {
        self.effect = Effect::Hang;
        self
    }

    pub(super) fn hangs(&self) -> bool {
        matches!(self.effect, Effect::Hang)
    }

    fn fits(&self, route: Route, path: &str, installation: Option<InstallationId>) -> bool {
        let here = |part: &String| path.contains(part.as_str());
        self.path.as_ref().is_none_or(here)
            && self.route.is_none_or(|wanted| wanted == route)
            && (self.installation.is_none() || self.installation == installation)
            && self.left != Some(0)
    }

    /// Uses the fault up by one request; whether it strikes this one.
    fn strike(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.left = self.left.map(|left| left - 1);
        true
    }
}

/// The fault that strikes a request, if any.
pub(super) fn strike(
    faults: &mut [Fault],
    route: Route,
    path: &str,
    installation: Option<InstallationId>,
) -> Option<Fault> {
    let fault = faults
        .iter_mut()
        .find(|fault| fault.fits(route, path, installation))?;
    fault.strike().then(|| fault.clone())
}

impl Simulator {
    pub fn fail(&self, fault: Fault) {
        self.with(|world| world.faults.push(fault));
    }

    pub fn clear_faults(&self) {
        self.with(|world| world.faults.clear());
    }

    /// The installation has no request left until its window ends.
    pub fn exhaust_rate_limit(&self, installation: InstallationId, reset_after: Duration) {
        self.with(|world| {
            let reset_at = world.now() + reset_after;
            world.installation_mut(installation).rate.exhaust(reset_at);
        });
    }

    /// GitHub finds the installation too eager; without `retry_after` it does not say for how long (60 s).
    pub fn secondary_limit(&self, installation: InstallationId, retry_after: Option<Duration>) {
        self.with(|world| {
            let now = world.now();
            let limited = world.installation_mut(installation);
            limited.rate.limit_secondary(now, retry_after);
        });
    }

    /// How many requests an hour every caller has from now on (5,000 at first). `None` is an Enterprise
    /// server as it comes: no limits, and no headers about them.
    pub fn set_hourly_limit(&self, limit: Option<u32>) {
        self.with(|world| {
            world.hourly_limit = limit;
            for app in world.apps.values_mut() {
                app.rate.limit = limit;
            }
            world.anonymous_rate.limit = limit;
            for installation in world.installations.values_mut() {
                installation.rate.limit = limit;
            }
        });
    }

    /// From now on the API sees every move of a ref only so long after it.
    pub fn lag_refs(&self, lag: Duration) {
        self.with(|world| world.lag = lag);
    }

    /// Recursive tree listings over so many entries are cut and say `truncated`.
    pub fn set_tree_limit(&self, entries: usize) {
        self.with(|world| world.tree_limit = entries);
    }
}
