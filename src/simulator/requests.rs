//! The log of requests, and what they were for.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};

use crate::github::ids::InstallationId;

use super::Simulator;

/// The endpoints that this GitHub has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    App,
    AppInstallations,
    AppInstallation,
    /// `POST …/access_tokens`
    AccessToken,
    /// `GET` and `PATCH /app/hook/config`
    HookConfig,
    HookDeliveries,
    HookDelivery,
    /// `POST …/attempts`
    Redelivery,
    /// `GET /installation/repositories`
    InstallationRepositories,
    /// The installation of an organisation or a user, by login.
    OwnerInstallation,
    RateLimit,
    /// The page `…/settings/apps/new`, of a user or an organisation
    RegisterApp,
    /// `POST /app-manifests/{code}/conversions`
    ManifestConversion,
    Repository,
    /// `GET …/installation`
    RepositoryInstallation,
    Branch,
    /// `GET …/commits/{ref}`
    Commit,
    /// `GET …/git/ref/{ref}`
    Ref,
    MatchingRefs,
    /// `GET …/git/commits/{sha}`
    GitCommit,
    Tree,
    Blob,
    /// `GET …/git/tags/{sha}`
    Tag,
    /// `GET …/tarball/{ref}`: where the archive is.
    Archive,
    /// The archive itself; no part of the API.
    Codeload,
    /// Nothing that this GitHub knows; it answers 404.
    Unknown,
}

impl Route {
    /// Whether the answer shows what is in a repository.
    pub(super) const fn needs_contents(self) -> bool {
        matches!(
            self,
            Self::Branch
                | Self::Commit
                | Self::Ref
                | Self::MatchingRefs
                | Self::GitCommit
                | Self::Tree
                | Self::Blob
                | Self::Tag
                | Self::Archive
        )
    }
}

/// One request that GitHub got, with what it answered.
#[derive(Debug, Clone)]
pub struct Request {
    pub at: DateTime<Utc>,
    pub method: String,
    pub route: Route,
    /// As it was sent, with the query.
    pub path: String,
    /// 0 for one that was left hanging.
    pub status: u16,
    /// Whose token it came with.
    pub installation: Option<InstallationId>,
    /// It had `If-None-Match`.
    pub conditional: bool,
    /// Of the answer's body.
    pub bytes: usize,
}

/// How many requests are being answered, and how many at most were at once.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    now: AtomicUsize,
    peak: AtomicUsize,
}

/// One request being answered.
pub(super) struct Flying<'a>(&'a InFlight);

impl InFlight {
    pub(super) fn begin(&self) -> Flying<'_> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.peak.fetch_max(now, Ordering::SeqCst);
        Flying(self)
    }
}

impl Drop for Flying<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Simulator {
    /// The most requests that were ever being answered at once. With a [`super::Fault`] that delays,
    /// it shows how many a client dares.
    pub fn peak_in_flight(&self) -> usize {
        self.shared.in_flight.peak.load(Ordering::SeqCst)
    }

    /// Every request so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.with(|world| world.requests.clone())
    }

    /// The requests since the last call of this.
    pub fn take_requests(&self) -> Vec<Request> {
        self.with(|world| std::mem::take(&mut world.requests))
    }

    /// Every JWT and every token that anybody ever asked with: what nobody else may come to see.
    pub fn credentials(&self) -> Vec<String> {
        self.with(|world| world.credentials.iter().cloned().collect())
    }

    /// How many requests an endpoint got (since they were last taken).
    pub fn count(&self, route: Route) -> usize {
        self.with(|world| world.requests.iter().filter(|r| r.route == route).count())
    }

    /// Requests to what this GitHub does not have: most likely the client's mistake.
    pub fn unexpected_requests(&self) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.route == Route::Unknown);
        requests
    }
}
