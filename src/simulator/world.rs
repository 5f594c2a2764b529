//! All that this GitHub knows.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::github::RepositoryName;
use crate::github::ids::{AppId, InstallationId, OwnerId, RepositoryId};

use super::app::App;
use super::archive::ArchiveToken;
use super::deliveries::{Guid, Letter};
use super::faults::Fault;
use super::host::Host;
use super::ids::Ids;
use super::installation::{Installation, Token};
use super::oddities::Oddities;
use super::owner::{Owner, OwnerKind};
use super::rate::RateLimit;
use super::redirects::Redirects;
use super::registration::Registered;
use super::repository::Repository;
use super::requests::Request;

/// Entries that GitHub lists in one recursive tree before it says `truncated`.
const TREE_LIMIT: usize = 100_000;

/// All that exists on this GitHub.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) apps: BTreeMap<AppId, App>,
    pub(super) owners: BTreeMap<OwnerId, Owner>,
    pub(super) repositories: BTreeMap<RepositoryId, Repository>,
    pub(super) installations: BTreeMap<InstallationId, Installation>,
    pub(super) tokens: HashMap<String, Token>,
    /// What links to archives of private repositories are good with.
    pub(super) archive_tokens: HashMap<String, ArchiveToken>,
    pub(super) redirects: Redirects,
    /// Who does everything here.
    pub(super) actor: OwnerId,
    /// What the next events are given instead of GUIDs of their own.
    pub(super) chosen_guids: VecDeque<Guid>,
    pub(super) faults: Vec<Fault>,
    pub(super) requests: Vec<Request>,
    /// All that anybody ever asked with.
    pub(super) credentials: BTreeSet<String>,
    pub(super) lag: Duration,
    pub(super) tree_limit: usize,
    /// What every installation gets.
    pub(super) hourly_limit: Option<u32>,
    pub(super) anonymous_rate: RateLimit,
    pub(super) commits_made: usize,
    pub(super) ids: Ids,
    pub(super) host: Host,
    /// Less than the host's own, where somebody made it so.
    pub(super) listed_for: Option<TimeDelta>,
    pub(super) oddities: Oddities,
    /// Whether registered Apps get no webhook secret.
    pub(super) secretless: bool,
    /// By their codes.
    pub(super) registrations: HashMap<String, Registered>,
    /// What is to be sent a moment after the answer to a request.
    pub(super) unsent: Vec<Letter>,
}

impl World {
    pub(super) fn new(clock: Clock, app: App) -> Self {
        let now = clock.now();
        let octocat = OwnerId::new(583_231).expect("a positive number");
        let mut world = Self {
            clock,
            apps: BTreeMap::from([(app.id, app)]),
            owners: BTreeMap::new(),
            repositories: BTreeMap::new(),
            installations: BTreeMap::new(),
            tokens: HashMap::new(),
            archive_tokens: HashMap::new(),
            redirects: Redirects::default(),
            actor: octocat,
            chosen_guids: VecDeque::new(),
            faults: Vec::new(),
            requests: Vec::new(),
            credentials: BTreeSet::new(),
            lag: Duration::ZERO,
            tree_limit: TREE_LIMIT,
            hourly_limit: Some(RateLimit::USUAL),
            anonymous_rate: RateLimit::new(Some(RateLimit::USUAL), now),
            commits_made: 0,
            ids: Ids::default(),
            host: Host::default(),
            listed_for: None,
            oddities: Oddities::default(),
            secretless: false,
            registrations: HashMap::new(),
            unsent: Vec::new(),
        };
        world.add_owner(octocat, "octocat", OwnerKind::User);
        world
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// How long deliveries are listed.
    pub(super) fn retention(&self) -> TimeDelta {
        self.listed_for.unwrap_or_else(|| self.host.retention())
    }

    /// Whether nobody made anything here yet; the one who does everything is always there.
    pub(super) fn is_empty(&self) -> bool {
        self.owners.len() == 1 && self.repositories.is_empty() && self.installations.is_empty()
    }

    fn add_owner(&mut self, id: OwnerId, login: &str, kind: OwnerKind) {
        let login = login.to_owned();
        self.owners.insert(id, Owner { id, login, kind });
    }

    /// # Panics
    ///
    /// If the login is taken: GitHub would refuse.
    pub(super) fn create_owner(&mut self, login: &str, kind: OwnerKind) -> OwnerId {
        assert!(
            self.find_owner(login).is_none(),
            "the login {login} is taken"
        );
        let mut id = self.ids.owner();
        while self.owners.contains_key(&id) {
            id = self.ids.owner();
        }
        self.add_owner(id, login, kind);
        id
    }

    pub(super) fn find_owner(&self, login: &str) -> Option<&Owner> {
        self.owners
            .values()
            .find(|owner| owner.login.eq_ignore_ascii_case(login))
    }

    /// # Panics
    ///
    /// If nobody has that login: the story is wrong.
    pub(super) fn owner_id(&self, login: &str) -> OwnerId {
        match self.find_owner(login) {
            Some(owner) => owner.id,
            None => panic!("nobody on this GitHub is called {login}"),
        }
    }

    pub(super) fn owner(&self, id: OwnerId) -> &Owner {
        &self.owners[&id]
    }

    /// # Panics
    ///
    /// If there is no such repository (any more): the story is wrong.
    pub(super) fn repository(&self, id: RepositoryId) -> &Repository {
        match self.repositories.get(&id) {
            Some(repository) => repository,
            None => panic!("no repository {id} on this GitHub"),
        }
    }

    /// # Panics
    ///
    /// As [`World::repository`].
    pub(super) fn repository_mut(&mut self, id: RepositoryId) -> &mut Repository {
        match self.repositories.get_mut(&id) {
            Some(repository) => repository,
            None => panic!("no repository {id} on this GitHub"),
        }
    }

    /// # Panics
    ///
    /// If there never was such an installation: the story is wrong.
    pub(super) fn installation_mut(&mut self, id: InstallationId) -> &mut Installation {
        match self.installations.get_mut(&id) {
            Some(installation) => installation,
            None => panic!("no installation {id} on this GitHub"),
        }
    }

    /// # Panics
    ///
    /// As [`World::installation_mut`], and if it was uninstalled: nobody can change what ended.
    pub(super) fn installed_mut(&mut self, id: InstallationId) -> &mut Installation {
        let installation = self.installation_mut(id);
        assert!(!installation.uninstalled, "{id} is uninstalled");
        installation
    }

    pub(super) fn name_of(&self, repository: &Repository) -> RepositoryName {
        RepositoryName::new(self.owner(repository.owner).login.clone(), &repository.name)
    }

    pub(super) fn find_repository(&self, name: &RepositoryName) -> Option<&Repository> {
        let owner = self.find_owner(&name.owner)?.id;
        self.repositories.values().find(|repository| {
            repository.owner == owner && repository.name.eq_ignore_ascii_case(&name.name)
        })
    }

    /// The repository that once had this name, while no other one took it.
    pub(super) fn find_redirect(&self, name: &RepositoryName) -> Option<&Repository> {
        self.repositories.get(&self.redirects.find(name)?)
    }

    /// # Panics
    ///
    /// If a repository is called so: GitHub would refuse.
    pub(super) fn assert_free(&self, name: &RepositoryName) {
        assert!(
            self.find_repository(name).is_none(),
            "the name {name} is taken"
        );
    }

    pub(super) fn app(&self, id: AppId) -> &App {
        &self.apps[&id]
    }

    /// # Panics
    ///
    /// If there is no such App: handles are given out only for those that are there.
    pub(super) fn app_mut(&mut self, id: AppId) -> &mut App {
        self.apps.get_mut(&id).expect("an App of this GitHub")
    }

    /// What one event has in every delivery that tells of it.
    pub(super) fn next_guid(&mut self) -> Guid {
        let chosen = self.chosen_guids.pop_front();
        chosen.unwrap_or_else(Guid::random)
    }

    /// The installations that cover a repository, at most one of each App, suspended or not.
    pub(super) fn installations_of(
        &self,
        repository: &Repository,
    ) -> impl Iterator<Item = &Installation> {
        let covering = |installation: &&Installation| installation.covers(repository);
        self.installations.values().filter(covering)
    }

    /// The one of them that is an App's.
    pub(super) fn installation_of(
        &self,
        app: AppId,
        repository: &Repository,
    ) -> Option<&Installation> {
        let mut covering = self.installations_of(repository);
        covering.find(|installation| installation.app == app)
    }

    /// What an account has of an App, suspended or not.
    pub(super) fn installation_on(&self, app: AppId, account: OwnerId) -> Option<&Installation> {
        self.installations.values().find(|installation| {
            !installation.uninstalled && installation.app == app && installation.account == account
        })
    }

    /// The repositories of an installation, by id.
    pub(super) fn repositories_of(&self, installation: &Installation) -> Vec<&Repository> {
        self.repositories
            .values()
            .filter(|repository| installation.holds(repository))
            .collect()
    }
}
