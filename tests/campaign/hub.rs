//! The GitHub of the campaign: accounts, repositories that something is bound to and others, and pushes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use bindery::clock::Clock;
use bindery::github::ids::{AppId, InstallationId, RepositoryId};
use bindery::simulator::{Guid, Selection, Simulator, SimulatorSettings};
use tokio::sync::Mutex;

use crate::front::Front;
use crate::names::{GITHUB, Names};
use crate::record::Record;
use crate::truth::{Bound, Truth};

pub const APP_ID: i64 = 4242;
pub const KEY: &str = include_str!("../../fixtures/test-app-key.pem");
/// Known strings, so that they can be looked for where they must not be.
pub const WEBHOOK_SECRET: &str = "canary-of-the-webhook-secret-7f3a";
pub const ADMIN_TOKEN: &str = "canary-of-the-admin-token-51c9";

/// Accounts with an installation each, the repositories of each, and those of them that are bound.
const ACCOUNTS: usize = 4;
const REPOSITORIES: usize = 16;
const BOUND: usize = 6;
pub const BRANCHES: [&str; 2] = ["main", "dev"];
/// GitHub's three days, scaled as the healing's intervals are, and no longer than it takes: an hour and a half
/// of deliveries is what its memory is given.
pub const LISTED_FOR: Duration = Duration::from_secs(90 * 60);

pub struct Account {
    pub installation: InstallationId,
    /// The bound ones first.
    pub repositories: Vec<RepositoryId>,
}

pub struct Hub {
    pub github: Simulator,
    /// Between the service and GitHub's API.
    pub wire: Front,
    pub truth: Arc<Truth>,
    pub record: Arc<Record>,
    pub accounts: Vec<Account>,
    /// Who knows the API's name; otherwise why it goes by its address.
    pub names: Result<Names, String>,
    /// One push at a time, so that the order is known in which a ref moved.
    pushing: Mutex<()>,
    pushes: AtomicU64,
}

impl Hub {
    pub async fn start(names: Result<Names, String>) -> anyhow::Result<Self> {
        let settings = SimulatorSettings {
            listen: "127.0.0.1:0".parse()?,
            app_id: AppId::new(APP_ID).context("an App's id")?,
            app_public_key_pem: KEY.to_owned(),
            webhook_secret: WEBHOOK_SECRET.to_owned(),
            webhook_url: None,
            clock: Clock::system(),
        };
        let github = Simulator::start(settings).await?;
        github.set_hourly_limit(Some(100_000_000));
        github.list_deliveries_for(LISTED_FOR);
        let url: url::Url = github.url().parse()?;
        let port = url.port().unwrap_or_default();
        let wire = Front::start(vec![([127, 0, 0, 1], port).into()]).await?;
        let mut accounts = Vec::new();
        for number in 1..=ACCOUNTS {
            accounts.push(account(&github, number).await);
        }
        let truth = Arc::new(Truth::new(github.clone(), bindings(&accounts)));
        let hub = Self {
            github,
            wire,
            truth,
            record: Arc::default(),
            accounts,
            names,
            pushing: Mutex::default(),
            pushes: AtomicU64::new(0),
        };
        hub.plant().await;
        Ok(hub)
    }

    /// The first commits, of which nobody is told.
    async fn plant(&self) {
        self.github.omit_all(true);
        for repository in self
            .accounts
            .iter()
            .flat_map(|account| &account.repositories)
        {
            for branch in BRANCHES {
                let pushed = self.github.push(*repository, branch, |change| {
                    let change = change.write("README.md", format!("{repository} {branch}"));
                    let change = change.write("docs/guide.md", "a guide");
                    change
                        .write("docs/api/index.md", "an index")
                        .write("src/lib.rs", "fn main() {}")
                });
                self.truth.moved(*repository, branch, pushed.await.after);
            }
        }
        self.github.omit_all(false);
        self.github.hold_deliveries();
    }

    /// What the service calls GitHub's API.
    pub fn api_url(&self) -> String {
        match &self.names {
            Ok(_) => format!("http://{GITHUB}:{}", self.wire.address.port()),
            Err(_) => format!("http://{}", self.wire.address),
        }
    }

    /// Something new on a branch. The deliveries wait to be sent; none, if GitHub makes none of it.
    pub async fn push(&self, repository: RepositoryId, branch: &str) -> Vec<Guid> {
        let number = self.pushes.fetch_add(1, Ordering::SeqCst);
        let path = [
            "README.md",
            "docs/guide.md",
            "docs/api/index.md",
            "src/lib.rs",
        ];
        let path = path[usize::try_from(number % 4).unwrap_or(0)];
        let _one = self.pushing.lock().await;
        let pushed = self.github.push(repository, branch, |change| {
            change.write(path, format!("push {number} to {branch} of {repository}\n"))
        });
        let pushed = pushed.await;
        self.truth.moved(repository, branch, pushed.after);
        self.made(pushed.sent)
    }

    /// The branch goes back to what it held before: legitimately.
    pub async fn push_back(&self, repository: RepositoryId, branch: &str) -> Vec<Guid> {
        let _one = self.pushing.lock().await;
        let Some(before) = self.truth.held_before(repository, branch, 1) else {
            return Vec::new();
        };
        let pushed = self.github.force_push(repository, branch, before).await;
        self.truth.moved(repository, branch, before);
        self.made(pushed.sent)
    }

    /// A push of which GitHub tells nobody, and that no list has.
    pub async fn push_untold(&self, repository: RepositoryId, branch: &str) {
        let _one = self.pushing.lock().await;
        self.github.omit_all(true);
        let number = self.pushes.fetch_add(1, Ordering::SeqCst);
        let pushed = self.github.push(repository, branch, |change| {
            change.write("docs/guide.md", format!("nobody is told of {number}\n"))
        });
        self.truth.moved(repository, branch, pushed.await.after);
        self.github.omit_all(false);
    }

    fn made(&self, sent: Vec<bindery::simulator::Sent>) -> Vec<Guid> {
        let guids = sent.into_iter().map(|sent| sent.guid);
        guids
            .inspect(|guid| self.record.made(guid.as_str()))
            .collect()
    }

    /// The repository that nothing but the probes pushes to, of an account.
    pub fn probe(&self, account: usize) -> RepositoryId {
        self.accounts[account].repositories[0]
    }
}

async fn account(github: &Simulator, number: usize) -> Account {
    let login = format!("octo-{number}");
    github.create_organization(&login);
    github.omit_all(true);
    let installation = github.install(&login, Selection::All).await;
    let mut repositories = Vec::new();
    for repository in 0..REPOSITORIES {
        let name = format!("pages-{repository}");
        repositories.push(github.create_repository(&login, &name).await);
    }
    github.omit_all(false);
    Account {
        installation,
        repositories,
    }
}

/// The root of `main` of each bound repository, a folder of it, and the root of `dev` of every other one.
fn bindings(accounts: &[Account]) -> Vec<Bound> {
    let mut bindings = Vec::new();
    for (account, owner) in accounts.iter().enumerate() {
        for (number, repository) in owner.repositories.iter().take(BOUND).enumerate() {
            let mut bind = |what: &str, branch, root| {
                bindings.push(Bound {
                    name: format!("b{account}-{number}-{what}"),
                    repository: *repository,
                    branch,
                    root,
                });
            };
            bind("main", "main", "");
            bind("docs", "main", "docs");
            if number % 2 == 1 {
                bind("dev", "dev", "");
            }
        }
    }
    bindings
}

impl Bound {
    /// What an operator asks for.
    pub fn request(&self, hub: &Hub) -> serde_json::Value {
        let name = hub.github.name_of(self.repository);
        let (owner, name) = name.map(|name| (name.owner, name.name)).unwrap_or_default();
        serde_json::json!({
            "github_owner": owner,
            "github_repo": name,
            "github_ref": self.branch,
            "root_path": format!("/{}", self.root),
        })
    }
}
