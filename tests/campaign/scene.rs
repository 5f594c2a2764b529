//! Everything that a fault on PostgreSQL is tried on: replicas, their database, GitHub, senders, readers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::chance::Chance;
use crate::deliver::Sender;
use crate::front::Front;
use crate::hub::Hub;
use crate::load::Load;
use crate::names::Names;
use crate::options::Options;
use crate::postgres::Postgres;
use crate::process::Slot;
use crate::reader::{Reader, Reads};
use crate::setup::{WATCH, bind_everything, canaries, slot};
use crate::store::Store;
use crate::watch::{Logs, Sizes};

/// What minutes are here: the defaults are 60 s, 5 min and 5 min.
pub const LEASE: Duration = Duration::from_secs(2);
pub const INTERVAL: Duration = Duration::from_secs(10);
pub const PATIENCE: Duration = Duration::from_secs(60);
/// I3: a minute after the last fault, and five for a ref of GitHub's that seems to lag behind a push that
/// came late: that wait is not scaled.
pub const CONVERGES: Duration = Duration::from_secs(360);
pub const READERS: u64 = 4;

/// What was found to be wrong.
#[derive(Default)]
pub struct Verdicts(Mutex<Vec<String>>);

impl Verdicts {
    pub fn add(&self, wrong: String) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < 50 {
            all.push(wrong);
        }
    }

    pub fn all(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

pub struct Scene {
    pub hub: Arc<Hub>,
    pub sender: Sender,
    pub load: Load,
    pub postgres: Postgres,
    pub store: Store,
    pub receivers: Vec<Arc<Slot>>,
    pub workers: Vec<Arc<Slot>>,
    /// Between GitHub's deliveries and the receivers.
    pub door: Front,
    pub logs: Arc<Logs>,
    pub sizes: Arc<Sizes>,
    pub reads: Arc<Reads>,
    pub verdicts: Arc<Verdicts>,
    pub seed: u64,
    pub binary: PathBuf,
}

impl Scene {
    pub async fn start(options: &Options, seed: u64, folder: &Path) -> anyhow::Result<Self> {
        let names = Names::start().map_err(|error| format!("{error:#}"));
        let hub = Arc::new(Hub::start(names).await?);
        let postgres = Postgres::start(folder).await?;
        let password = postgres.url.password().unwrap_or_default().to_owned();
        let logs = Logs::new(canaries(&password));
        let mut slots = Vec::new();
        for (name, role) in [
            ("receiver_1", "--no-worker"),
            ("receiver_2", "--no-worker"),
            ("worker_1", "--no-receiver"),
            ("worker_2", "--no-receiver"),
        ] {
            slots.push(slot(name, role, options, &hub, &postgres, &logs).await?);
        }
        let receivers = slots[..2].to_vec();
        let door = Front::start(receivers.iter().map(|slot| slot.address()).collect()).await?;
        hub.github
            .set_webhook_url(format!("http://{}/webhooks/github", door.address));
        let sender = Sender::new(Arc::clone(&hub));
        let scene = Self {
            load: Load::start(Arc::clone(&hub), sender.clone(), seed),
            sender,
            store: postgres.store(),
            postgres,
            receivers,
            workers: slots[2..].to_vec(),
            door,
            logs,
            sizes: Arc::default(),
            reads: Arc::default(),
            verdicts: Arc::default(),
            hub,
            seed,
            binary: options.binary.clone(),
        };
        scene.open().await?;
        Ok(scene)
    }

    async fn open(&self) -> anyhow::Result<()> {
        for slot in self.slots() {
            slot.start(PATIENCE).await?;
        }
        self.store
            .execute(WATCH)
            .await
            .context("cannot watch publishes")?;
        let api = format!("http://{}", self.receivers[0].address());
        bind_everything(&self.hub, &api).await?;
        tokio::spawn(Arc::clone(&self.sizes).watch(self.slots().cloned().collect()));
        for number in 0..READERS {
            let reader = Reader {
                url: self.postgres.url.to_string(),
                truth: Arc::clone(&self.hub.truth),
                reads: Arc::clone(&self.reads),
                verdicts: Arc::clone(&self.verdicts),
                chance: Chance::of(self.seed, &format!("reader {number}")),
            };
            tokio::spawn(reader.run());
        }
        self.converge(PATIENCE).await?;
        Ok(())
    }

    pub fn slots(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.receivers.iter().chain(&self.workers)
    }

    pub fn chance(&self, purpose: &str) -> Chance {
        Chance::of(self.seed, purpose)
    }

    /// Waits until every binding holds what its branch holds and nothing waits; how long that took.
    pub async fn converge(&self, patience: Duration) -> anyhow::Result<Duration> {
        crate::check::converge(&self.hub, &self.store, patience).await
    }

    /// Pushes to a repository of an account and waits until that is published: how long it took.
    pub async fn probe(&self, account: usize, patience: Duration) -> anyhow::Result<Duration> {
        let repository = self.hub.probe(account);
        let begun = Instant::now();
        let guids = self.hub.push(repository, "main").await;
        let sender = self.sender.clone();
        tokio::spawn(async move { sender.send_all(&guids).await });
        let head = self.hub.github.head(repository, "main");
        let held = format!(
            "SELECT COALESCE(commit_sha, '') AS line FROM bindings WHERE name = 'b{account}-0-main'"
        );
        loop {
            let found = tokio::time::timeout(Duration::from_secs(2), self.store.lines(&held)).await;
            if let Ok(Ok(found)) = found
                && found.concat() == head.to_string()
            {
                return Ok(begun.elapsed());
            }
            anyhow::ensure!(
                begun.elapsed() < patience,
                "a push of {:?} ago is not published",
                begun.elapsed()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How long after now a push takes again to be published, everything being well.
    pub async fn recover(&self) -> anyhow::Result<Duration> {
        self.probe(0, PATIENCE).await
    }

    pub async fn end(self) -> anyhow::Result<()> {
        self.reads.stop();
        for slot in self.slots() {
            slot.stop().await?;
        }
        self.hub.github.stop().await;
        self.postgres.stop().await
    }
}
