//! One process on SQLite, killed at random instants under load.

mod reader;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;

use crate::chance::Chance;
use crate::check;
use crate::deliver::Sender;
use crate::front::Front;
use crate::hub::Hub;
use crate::load::Load;
use crate::options::Options;
use crate::process::{Recipe, Slot};
use crate::reader::Reads;
use crate::report::Part;
use crate::scene::{CONVERGES, PATIENCE, Verdicts};
use crate::screen::Screen;
use crate::setup::{bind_everything, canaries, free_address, settings};
use crate::step::{Outcome, Step};
use crate::store::{Store, open};
use crate::watch::{Logs, Sizes};
use reader::Gate;

/// Kills of one database: then the next one begins, so that none grows large.
const KILLS: u32 = 100;
const RATE: u32 = 25;

struct Stage {
    hub: Arc<Hub>,
    sender: Sender,
    load: Load,
    slot: Arc<Slot>,
    path: String,
    store: Store,
    logs: Arc<Logs>,
    sizes: Arc<Sizes>,
    reads: Arc<Reads>,
    verdicts: Arc<Verdicts>,
    gate: Arc<Gate>,
    /// Between GitHub's deliveries and the process.
    _door: Front,
    binary: PathBuf,
}

pub async fn run(
    step: &Step,
    options: &Options,
    seed: u64,
    screen: &Screen,
) -> anyhow::Result<Part> {
    let mut part = Part::new("SQLite, one process");
    part.database = "SQLite, bundled".to_owned();
    let (mut outcome, mut chance) = (Outcome::default(), Chance::of(seed, "sqlite"));
    let mut left = step.times(options.full, options.share);
    while left > 0 {
        screen.say(&format!("{}: {left} kills to come", step.name));
        let kills = left.min(KILLS);
        left -= kills;
        let folder = tempfile::Builder::new()
            .prefix("campaign")
            .tempdir_in(crate::run::disk())?;
        let stage = Stage::start(options, seed + u64::from(left), folder.path()).await?;
        if let Err(error) = stage
            .kill_again_and_again(kills, &mut chance, &mut outcome)
            .await
        {
            outcome.failures.push(format!("{error:#}"));
        }
        stage.close(&mut part).await?;
    }
    part.push(step, &outcome);
    Ok(part)
}

impl Stage {
    async fn start(options: &Options, seed: u64, folder: &Path) -> anyhow::Result<Self> {
        let hub = Arc::new(Hub::start(Err("not tried on SQLite".to_owned())).await?);
        let path = folder.join("bindery.db").display().to_string();
        let logs = Logs::new(canaries(""));
        let recipe = Recipe {
            wrapper: Vec::new(),
            binary: options.binary.clone(),
            arguments: Vec::new(),
            settings: settings(&format!("sqlite://{path}"), &hub.api_url()),
            listens: free_address()?,
            log: options
                .logs
                .as_ref()
                .map(|folder| folder.join("sqlite.log")),
        };
        let slot = Slot::new("sqlite", recipe, None, Arc::clone(&logs));
        slot.start(PATIENCE).await?;
        let door = Front::start(vec![slot.address()]).await?;
        hub.github
            .set_webhook_url(format!("http://{}/webhooks/github", door.address));
        let sender = Sender::new(Arc::clone(&hub));
        let store = Store::Sqlite(path.clone());
        store.execute(WATCH).await?;
        bind_everything(&hub, &format!("http://{}", slot.address())).await?;
        check::converge(&hub, &store, PATIENCE).await?;
        let stage = Self {
            load: Load::start(Arc::clone(&hub), sender.clone(), seed),
            hub,
            sender,
            slot,
            path,
            store,
            logs,
            sizes: Arc::default(),
            reads: Arc::default(),
            verdicts: Arc::default(),
            gate: Arc::default(),
            _door: door,
            binary: options.binary.clone(),
        };
        stage.begin_to_read(seed);
        tokio::spawn(Arc::clone(&stage.sizes).watch(vec![Arc::clone(&stage.slot)]));
        Ok(stage)
    }

    async fn kill_again_and_again(
        &self,
        kills: u32,
        chance: &mut Chance,
        outcome: &mut Outcome,
    ) -> anyhow::Result<()> {
        self.load.set(RATE);
        for _ in 0..kills {
            self.gate.open.store(true, Ordering::SeqCst);
            if chance.percent(10) {
                self.keep_it_busy();
            }
            tokio::time::sleep(chance.millis(30, 500)).await;
            self.close_gate().await;
            let begun = Instant::now();
            self.slot.end().await?;
            let checked = self.check_what_is_left().await;
            let checking = begun.elapsed();
            self.slot.start(PATIENCE).await?;
            outcome.recovered(checked.map(|()| begun.elapsed().saturating_sub(checking)));
            self.hub.github.take_requests();
        }
        Ok(())
    }

    /// Somebody else writes, and takes its time.
    fn keep_it_busy(&self) {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || {
            // It is killed meanwhile: then there is nobody to be kept waiting.
            let _ = open(&path).and_then(|mut connection| {
                connection.batch_execute("BEGIN IMMEDIATE")?;
                std::thread::sleep(Duration::from_millis(150));
                Ok(connection.batch_execute("ROLLBACK")?)
            });
        });
    }

    async fn close_gate(&self) {
        self.gate.open.store(false, Ordering::SeqCst);
        while self.gate.inside.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// On a copy, so that the process itself finds what was left.
    async fn check_what_is_left(&self) -> anyhow::Result<()> {
        let acknowledged: HashSet<String> = {
            let fates = self.hub.record.all().into_iter();
            fates
                .filter(|(_, fate)| fate.acknowledged)
                .map(|(guid, _)| guid)
                .collect()
        };
        let copy = format!("{}-copy", self.path);
        for end in ["", "-wal"] {
            let from = format!("{}{end}", self.path);
            let to = format!("{copy}{end}");
            if Path::new(&from).exists() {
                tokio::fs::copy(from, to).await?;
            } else if Path::new(&to).exists() {
                tokio::fs::remove_file(to).await?;
            }
        }
        let store = Store::Sqlite(copy);
        let intact = store
            .lines("SELECT integrity_check AS line FROM pragma_integrity_check")
            .await?;
        anyhow::ensure!(intact == ["ok"], "integrity_check: {}", intact.join("; "));
        let broken = store
            .lines("SELECT \"table\" AS line FROM pragma_foreign_key_check")
            .await?;
        anyhow::ensure!(
            broken.is_empty(),
            "references to nothing in {}",
            broken.join(", ")
        );
        let kept = store.lines("SELECT guid AS line FROM deliveries").await?;
        let kept: HashSet<String> = kept.into_iter().collect();
        let lost: Vec<_> = acknowledged.difference(&kept).collect();
        anyhow::ensure!(
            lost.is_empty(),
            "I1: acknowledged and not there after a kill: {lost:?}"
        );
        Ok(())
    }

    async fn close(self, part: &mut Part) -> anyhow::Result<()> {
        self.load.set(0);
        self.sender.idle().await;
        let findings = &mut part.findings;
        match check::converge(&self.hub, &self.store, CONVERGES).await {
            Ok(_) => findings.count("I3", self.hub.truth.bindings().count()),
            Err(error) => findings.wrong(format!("{error:#}")),
        }
        check::drained(&self.store).await?;
        let begun = Instant::now();
        let found = loop {
            let mut tried = check::Findings::default();
            let found = check::ledger(&self.hub, &self.store, &mut tried).await?;
            if tried.wrong.is_empty() || begun.elapsed() > PATIENCE {
                findings.add(tried);
                break found;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        part.deliveries.add(found);
        part.publishes += check::publishes(&self.hub, &self.store, &[], findings).await?;
        check::rest(&self.store, findings).await?;
        check::processes(&self.sizes, &self.logs, findings);
        let settings = settings(&format!("sqlite://{}", self.path), &self.hub.api_url());
        check::fsck(&self.binary, &settings, &self.hub, findings).await?;
        for wrong in self.verdicts.all() {
            findings.wrong(wrong);
        }
        self.count(part);
        self.reads.stop();
        self.slot.stop().await?;
        self.hub.github.stop().await;
        Ok(())
    }

    fn count(&self, part: &mut Part) {
        let (answers, seen) = (self.hub.record.answers(), self.logs.seen());
        part.pushes += self.load.pushes();
        part.posts += self.hub.record.sent();
        part.kills += self.slot.kills();
        for (status, times) in answers.by_status {
            *part.answers.entry(status).or_default() += times;
        }
        part.slowest_answer = part.slowest_answer.max(answers.slowest.as_secs_f64());
        part.reads += self.reads.reads.load(Ordering::SeqCst);
        part.reads_a_second = self.reads.rate(1);
        let peak = self.sizes.peak();
        part.peak_rss_kib = part.peak_rss_kib.max(peak.resident_kib);
        part.peak_files = part.peak_files.max(peak.files);
        part.log_lines += seen.lines;
        for (message, times) in seen.errors {
            *part.errors_logged.entry(message).or_default() += times;
        }
    }
}

/// As on PostgreSQL; here nobody else can publish.
const WATCH: &str = "
CREATE TABLE campaign_publishes (
    id INTEGER PRIMARY KEY, binding TEXT NOT NULL, commit_sha TEXT, content_id INTEGER,
    moved INTEGER NOT NULL, job_id INTEGER, fence INTEGER, worker TEXT, who TEXT NOT NULL
);
CREATE TRIGGER campaign_note AFTER UPDATE ON bindings
    WHEN NEW.content_id IS NOT NULL AND (OLD.content_id IS NOT NEW.content_id
        OR OLD.commit_sha IS NOT NEW.commit_sha)
BEGIN
    INSERT INTO campaign_publishes
        (binding, commit_sha, content_id, moved, job_id, fence, worker, who)
    SELECT NEW.name, NEW.commit_sha, NEW.content_id, OLD.content_id IS NOT NEW.content_id,
        NEW.last_job_id, j.fence, j.worker, 'sqlite'
    FROM (SELECT 1) LEFT JOIN jobs j ON j.id = NEW.last_job_id;
END;
";
