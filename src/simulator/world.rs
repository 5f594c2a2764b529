//! All that this GitHub knows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::github::RepositoryName;
use crate::github::ids::{AppId, InstallationId, OwnerId, RepositoryId};

use super::auth::AppKeys;
use super::deliveries::Ledger;
use super::faults::Fault;
use super::host::Host;
use super::ids::Ids;
use super::installation::{Installation, Permissions, Token};
use super::oddities::Oddities;
use super::owner::{Owner, OwnerKind};
use super::rate::RateLimit;
use super::redirects::Redirects;
use super::repository::Repository;
use super::requests::Request;

/// Entries that GitHub lists in one recursive tree before it says `truncated`.
const TREE_LIMIT: usize = 100_000;

/// All that exists on this GitHub.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) app: App,
    pub(super) owners: BTreeMap<OwnerId, Owner>,
    pub(super) repositories: BTreeMap<RepositoryId, Repository>,
    pub(super) installations: BTreeMap<InstallationId, Installation>,
    pub(super) tokens: HashMap<String, Token>,
    pub(super) redirects: Redirects,
    /// Who does everything here.
    pub(super) actor: OwnerId,
    pub(super) ledger: Ledger,
    pub(super) faults: Vec<Fault>,
    pub(super) requests: Vec<Request>,
    pub(super) lag: Duration,
    pub(super) tree_limit: usize,
    /// What every installation gets.
    pub(super) hourly_limit: Option<u32>,
    /// The budget of the App itself, which asks with its JWT.
    pub(super) app_rate: RateLimit,
    pub(super) anonymous_rate: RateLimit,
    pub(super) commits_made: usize,
    pub(super) ids: Ids,
    pub(super) host: Host,
    pub(super) oddities: Oddities,
}

/// The one GitHub App that this world knows.
#[derive(Debug)]
pub(super) struct App {
    pub(super) id: AppId,
    pub(super) keys: AppKeys,
    pub(super) permissions: Permissions,
    /// Events that nobody ticked; the three that GitHub always sends are never in it.
    pub(super) unsubscribed: BTreeSet<String>,
    pub(super) created_at: DateTime<Utc>,
}

/// What a webhook of this App may be told.
const EVENTS: [&str; 6] = [
    "create",
    "delete",
    "installation_target",
    "organization",
    "push",
    "repository",
];

impl App {
    /// GitHub accepts it as a JWT's issuer, as it does the App's id.
    pub(super) fn client_id(&self) -> String {
        format!("Iv23li{:014}", self.id.get())
    }

    pub(super) fn events(&self) -> Vec<&'static str> {
        let ticked = |event: &&str| !self.unsubscribed.contains(*event);
        EVENTS.into_iter().filter(ticked).collect()
    }

    /// What an installation says that it hears of: what its permissions allow, without the one that
    /// GitHub calls global.
    pub(super) fn events_of(&self, installation: &Installation) -> Vec<&'static str> {
        let mut events = self.events();
        events.retain(|event| *event != "installation_target" && installation.may_hear(event));
        events
    }
}

impl World {
    pub(super) fn new(clock: Clock, app: AppId, keys: AppKeys, secret: String) -> Self {
        let now = clock.now();
        let octocat = OwnerId::new(583_231).expect("a positive number");
        let mut world = Self {
            clock,
            app: App {
                id: app,
                keys,
                permissions: read_permissions(),
                unsubscribed: BTreeSet::new(),
                created_at: now,
            },
            owners: BTreeMap::new(),
            repositories: BTreeMap::new(),
            installations: BTreeMap::new(),
            tokens: HashMap::new(),
            redirects: Redirects::default(),
            actor: octocat,
            ledger: Ledger::new(secret),
            faults: Vec::new(),
            requests: Vec::new(),
            lag: Duration::ZERO,
            tree_limit: TREE_LIMIT,
            hourly_limit: Some(RateLimit::USUAL),
            app_rate: RateLimit::new(Some(RateLimit::USUAL), now),
            anonymous_rate: RateLimit::new(Some(RateLimit::USUAL), now),
            commits_made: 0,
            ids: Ids::default(),
            host: Host::default(),
            oddities: Oddities::default(),
        };
        world.add_owner(octocat, "octocat", OwnerKind::User);
        world
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
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
        self.redirects.end_login(login, id);
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

    /// The installation that covers a repository, suspended or not.
    pub(super) fn installation_of(&self, repository: &Repository) -> Option<&Installation> {
        self.installations.values().find(|installation| {
            !installation.uninstalled
                && installation.account == repository.owner
                && installation.selection.includes(repository.id)
        })
    }

    pub(super) fn installation_on(&self, account: OwnerId) -> Option<&Installation> {
        self.installations
            .values()
            .find(|installation| !installation.uninstalled && installation.account == account)
    }

    /// The repositories of an installation, by id.
    pub(super) fn repositories_of(&self, installation: &Installation) -> Vec<&Repository> {
        self.repositories
            .values()
            .filter(|repository| {
                repository.owner == installation.account
                    && installation.selection.includes(repository.id)
            })
            .collect()
    }
}

/// What Bindery's App asks for: to read, never to write.
pub(super) fn read_permissions() -> Permissions {
    ["contents", "metadata", "members"]
        .into_iter()
        .map(|name| (name.to_owned(), "read".to_owned()))
        .collect()
}
