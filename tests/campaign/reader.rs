//! Readers of published content, the whole time: each read is one statement, and so one instant.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio_postgres::{NoTls, Row};

use crate::chance::Chance;
use crate::scene::Verdicts;
use crate::truth::{Progress, Seen, Truth};

/// A binding, and the whole list of the files that it shows.
const READ: &str = "SELECT b.name, bound.github_id, b.commit_sha, c.id, source.github_id, c.tree_sha, \
    (SELECT string_agg(f.mode || ' ' || f.sha || ' ' || f.path, chr(10) ORDER BY f.path) \
     FROM content_files f WHERE f.content_id = c.id) \
    FROM bindings b \
    JOIN repositories bound ON bound.id = b.repository_id \
    JOIN contents c ON c.id = b.content_id \
    JOIN repositories source ON source.id = c.repository_id \
    WHERE b.name = $1";

/// Reads a second of each reader.
const RATE: u32 = 350;
/// A read that took longer was one of a database that was away.
const AWAY: Duration = Duration::from_millis(250);

#[derive(Default)]
pub struct Reads {
    pub reads: AtomicU64,
    /// Of them, those that found content.
    pub shown: AtomicU64,
    /// While the database answered, over all readers.
    up_micros: AtomicU64,
    stop: AtomicBool,
}

impl Reads {
    /// A second, while the database was there.
    pub fn rate(&self, readers: u64) -> f64 {
        let micros = self.up_micros.load(Ordering::SeqCst) / readers.max(1);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let (reads, micros) = (
            self.reads.load(Ordering::SeqCst) as f64,
            micros.max(1) as f64,
        );
        reads * 1e6 / micros
    }

    pub fn count(&self, shown: bool, took: Duration) {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.shown.fetch_add(u64::from(shown), Ordering::SeqCst);
        self.up(took);
    }

    pub fn up(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.up_micros.fetch_add(micros, Ordering::SeqCst);
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

pub struct Reader {
    pub url: String,
    pub truth: Arc<Truth>,
    pub reads: Arc<Reads>,
    pub verdicts: Arc<Verdicts>,
    pub chance: Chance,
}

impl Reader {
    /// Until it is stopped, whatever happens to the database.
    pub async fn run(mut self) {
        let mut names: Vec<String> = self
            .truth
            .bindings()
            .map(|bound| bound.name.clone())
            .collect();
        names.sort();
        let mut progress = Progress::default();
        while !self.reads.is_stopped() {
            // It is away: that is somebody else's experiment.
            let _ = self.read_while_it_lasts(&names, &mut progress).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn read_while_it_lasts(
        &mut self,
        names: &[String],
        progress: &mut Progress,
    ) -> Result<(), tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await?;
        tokio::spawn(connection);
        let read = client.prepare(READ).await?;
        let mut next = tokio::time::Instant::now();
        let mut last = Instant::now();
        while !self.reads.is_stopped() {
            next += Duration::from_secs(1) / RATE;
            let behind = tokio::time::Instant::now().saturating_duration_since(next);
            if behind > AWAY {
                next = tokio::time::Instant::now();
            }
            tokio::time::sleep_until(next).await;
            let name = self.chance.pick(names);
            let begun = Instant::now();
            let row = client.query_opt(&read, &[&name.as_str()]).await?;
            if begun.elapsed() < AWAY {
                self.reads.count(row.is_some(), last.elapsed().min(AWAY));
            }
            last = Instant::now();
            if let Some(row) = row {
                self.judge(&row, progress).await;
            }
        }
        Ok(())
    }

    async fn judge(&self, row: &Row, progress: &mut Progress) {
        match seen(row) {
            Ok(seen) => judge(&self.truth, &seen, progress, &self.verdicts).await,
            Err(error) => self
                .verdicts
                .add(format!("I6: a reader cannot read: {error:#}")),
        }
    }
}

/// Somebody else pushes meanwhile: what is not known yet may be known a moment later.
pub async fn judge(truth: &Truth, seen: &Seen, progress: &mut Progress, verdicts: &Verdicts) {
    if !truth.knows(seen) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    if let Err(wrong) = truth.judge(seen, progress) {
        verdicts.add(wrong);
    }
}

fn seen(row: &Row) -> anyhow::Result<Seen> {
    let commit: Option<String> = row.try_get(2)?;
    Ok(Seen {
        binding: row.try_get(0)?,
        bound: row.try_get(1)?,
        commit: commit.unwrap_or_default().parse()?,
        content: row.try_get(3)?,
        source: row.try_get(4)?,
        tree: row.try_get::<_, String>(5)?.parse()?,
        files: row.try_get::<_, Option<String>>(6)?.unwrap_or_default(),
    })
}
