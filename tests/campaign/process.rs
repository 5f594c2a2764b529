//! One place where a process of the real binary runs, and runs again whenever it has ended.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Plain, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::Mutex;

use crate::front::Front;
use crate::signal;
use crate::watch::{Ended, Logs};

/// How a process is started.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// What it is started by, if by something.
    pub wrapper: Vec<String>,
    pub binary: PathBuf,
    pub arguments: Vec<&'static str>,
    pub settings: Vec<(String, String)>,
    pub listens: SocketAddr,
    /// Where its log is kept, if it is.
    pub log: Option<PathBuf>,
}

/// A place for one process at a time. It is started again whenever it ends, until it is stopped.
pub struct Slot {
    pub name: String,
    /// Its own wire to the database.
    pub wire: Option<Front>,
    recipe: Plain<Recipe>,
    child: Mutex<Option<Child>>,
    /// Of the process that runs, 0 for none.
    pid: AtomicU32,
    /// Every process that ran here.
    pids: Plain<Vec<u32>>,
    ready: AtomicBool,
    wanted: AtomicBool,
    kills: AtomicU64,
    logs: Arc<Logs>,
}

impl Slot {
    pub fn new(name: &str, recipe: Recipe, wire: Option<Front>, logs: Arc<Logs>) -> Arc<Self> {
        let slot = Arc::new(Self {
            name: name.to_owned(),
            wire,
            recipe: Plain::new(recipe),
            child: Mutex::default(),
            pid: AtomicU32::new(0),
            pids: Plain::default(),
            ready: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
            kills: AtomicU64::new(0),
            logs,
        });
        tokio::spawn(keep(Arc::downgrade(&slot)));
        slot
    }

    pub fn address(&self) -> SocketAddr {
        self.recipe().listens
    }

    fn recipe(&self) -> Recipe {
        let recipe = self.recipe.lock().unwrap_or_else(PoisonError::into_inner);
        recipe.clone()
    }

    /// From the next start on.
    pub fn set(&self, name: &str, value: &str) {
        let mut recipe = self.recipe.lock().unwrap_or_else(PoisonError::into_inner);
        recipe.settings.retain(|(known, _)| known != name);
        recipe.settings.push((name.to_owned(), value.to_owned()));
    }

    pub fn pid(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::SeqCst)).filter(|pid| *pid != 0)
    }

    pub fn ever_ran(&self, pid: u32) -> bool {
        let pids = self.pids.lock().unwrap_or_else(PoisonError::into_inner);
        pids.contains(&pid)
    }

    pub fn kills(&self) -> u64 {
        self.kills.load(Ordering::SeqCst)
    }

    /// Starts it, and waits until it answers: how long that took.
    pub async fn start(&self, patience: Duration) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        self.wanted.store(true, Ordering::SeqCst);
        self.spawn(&mut *self.child.lock().await)?;
        self.until_ready(patience).await?;
        Ok(begun.elapsed())
    }

    /// SIGKILL, at this instant; it starts again at once.
    pub async fn kill(&self) -> anyhow::Result<()> {
        let mut child = self.child.lock().await;
        if let Some(running) = child.as_mut() {
            // One that has ended by itself meanwhile was not killed.
            if running.try_wait()?.is_none() {
                running.start_kill()?;
                running.wait().await?;
                self.kills.fetch_add(1, Ordering::SeqCst);
            } else {
                self.note_end(running)?;
            }
        }
        self.spawn(&mut child)
    }

    /// SIGTERM: it finishes what it does.
    pub async fn stop(&self) -> anyhow::Result<()> {
        self.wanted.store(false, Ordering::SeqCst);
        let mut child = self.child.lock().await;
        if let Some(mut running) = child.take() {
            signal::send("CONT", &running.id().into_iter().collect::<Vec<_>>()).await?;
            signal::send("TERM", &running.id().into_iter().collect::<Vec<_>>()).await?;
            let ended = tokio::time::timeout(Duration::from_secs(40), running.wait()).await;
            if ended.is_err() {
                self.logs
                    .complain(&self.name, "did not stop within 40 s of a SIGTERM");
                running.kill().await?;
            }
        }
        self.pid.store(0, Ordering::SeqCst);
        Ok(())
    }

    /// SIGKILL, and it stays away.
    pub async fn end(&self) -> anyhow::Result<()> {
        self.wanted.store(false, Ordering::SeqCst);
        let mut child = self.child.lock().await;
        if let Some(mut running) = child.take() {
            running.kill().await?;
            self.kills.fetch_add(1, Ordering::SeqCst);
        }
        self.pid.store(0, Ordering::SeqCst);
        self.ready.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// `STOP` or `CONT`.
    pub async fn signal(&self, signal: &str) -> anyhow::Result<()> {
        signal::send(signal, &self.pid().into_iter().collect::<Vec<_>>()).await
    }

    pub async fn until_ready(&self, patience: Duration) -> anyhow::Result<()> {
        let (begun, address) = (Instant::now(), self.address());
        while begun.elapsed() < patience {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                self.ready.store(true, Ordering::SeqCst);
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::bail!("{} does not listen within {patience:?}", self.name)
    }

    fn spawn(&self, child: &mut Option<Child>) -> anyhow::Result<()> {
        let recipe = self.recipe();
        let mut words = recipe
            .wrapper
            .iter()
            .map(OsString::from)
            .collect::<Vec<_>>();
        words.push(recipe.binary.clone().into());
        let mut spawned = Command::new(&words[0])
            .args(&words[1..])
            .arg("serve")
            .args(&recipe.arguments)
            .env_clear()
            .envs(recipe.settings.iter().map(|(name, value)| (name, value)))
            .env("BINDERY_LISTEN", recipe.listens.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the binary")?;
        let pid = spawned.id().context("a process id")?;
        self.pid.store(pid, Ordering::SeqCst);
        self.pids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(pid);
        self.ready.store(false, Ordering::SeqCst);
        let log = spawned.stderr.take().context("its log")?;
        tokio::spawn(read_log(
            log,
            self.name.clone(),
            recipe.log,
            Arc::clone(&self.logs),
        ));
        *child = Some(spawned);
        Ok(())
    }

    fn note_end(&self, ended: &mut Child) -> anyhow::Result<()> {
        if let Some(status) = ended.try_wait()? {
            let begun = self.ready.load(Ordering::SeqCst);
            self.logs.ended(Ended {
                slot: self.name.clone(),
                status: status.to_string(),
                at_start: !begun,
            });
        }
        Ok(())
    }
}

/// Between two starts of what does not come up.
const AGAIN: Duration = Duration::from_millis(150);

/// Starts what ended by itself again, as whoever runs a service does, and writes down that it did.
async fn keep(slot: std::sync::Weak<Slot>) {
    loop {
        tokio::time::sleep(Duration::from_millis(25)).await;
        let Some(slot) = slot.upgrade() else {
            return;
        };
        if !slot.wanted.load(Ordering::SeqCst) {
            continue;
        }
        if !slot.ready.load(Ordering::SeqCst)
            && tokio::net::TcpStream::connect(slot.address()).await.is_ok()
        {
            slot.ready.store(true, Ordering::SeqCst);
        }
        let mut child = slot.child.lock().await;
        let Some(running) = child.as_mut() else {
            continue;
        };
        let ended = matches!(running.try_wait(), Ok(Some(_)));
        if ended && !slot.ready.load(Ordering::SeqCst) {
            // It cannot be for now: not faster than a service manager.
            tokio::time::sleep(AGAIN).await;
        }
        if ended && slot.wanted.load(Ordering::SeqCst) {
            // A complaint of the operating system comes again with the next round.
            let _ = slot.note_end(running);
            let _ = slot.spawn(&mut child);
        }
    }
}

async fn read_log(log: ChildStderr, slot: String, keep: Option<PathBuf>, logs: Arc<Logs>) {
    let mut kept = keep.and_then(|path| {
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .ok()
    });
    let mut lines = BufReader::new(log).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line);
        logs.line(&slot, &line);
        if let Some(kept) = &mut kept {
            // A full disk of the harness is not what is tried here.
            let _ = writeln!(kept, "{line}");
        }
    }
}
