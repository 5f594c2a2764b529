//! A PostgreSQL of our own to break: started, stopped, killed, frozen and filled for real.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::signal;
use crate::store::Store;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/with-postgres");
/// Says where it is, and keeps it for as long as somebody listens.
const HOLD: &str = "echo \"$BINDERY_TEST_POSTGRES_URL\"; echo \"$BINDERY_TEST_POSTGRES_DATA\"; \
    echo \"$BINDERY_TEST_POSTGRES_CONTROL\"; exec cat";

pub struct Postgres {
    pub url: url::Url,
    data: PathBuf,
    control: PathBuf,
    holder: Child,
}

impl Postgres {
    /// In a folder of its own below `folder`.
    pub async fn start(folder: &std::path::Path) -> anyhow::Result<Self> {
        let mut holder = Command::new(SCRIPT)
            .args(["--durable", "sh", "-c", HOLD])
            .env("TMPDIR", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run scripts/with-postgres")?;
        let out = holder.stdout.take().context("its output")?;
        let mut lines = BufReader::new(out).lines();
        let mut next = async || anyhow::Ok(lines.next_line().await?.context("no PostgreSQL")?);
        Ok(Self {
            url: next().await?.parse()?,
            data: next().await?.into(),
            control: next().await?.into(),
            holder,
        })
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        // Whatever was done to it, it can be stopped.
        signal::send("CONT", &self.processes()).await?;
        drop(self.holder.stdin.take());
        self.holder.wait().await?;
        Ok(())
    }

    pub fn address(&self) -> anyhow::Result<std::net::SocketAddr> {
        let port = self.url.port().context("a port")?;
        Ok((std::net::Ipv4Addr::LOCALHOST, port).into())
    }

    pub fn store(&self) -> Store {
        Store::Postgres(self.url.to_string())
    }

    pub async fn version(&self) -> anyhow::Result<String> {
        let version = self.store().lines("SHOW server_version").await?;
        Ok(version.concat())
    }

    /// `fast` or `immediate`.
    pub async fn restart(&self, mode: &str) -> anyhow::Result<()> {
        let restarted = self
            .control(&["restart", &format!("--mode={mode}")])
            .await?;
        anyhow::ensure!(restarted, "PostgreSQL did not restart");
        Ok(())
    }

    /// The postmaster dies without a word; its children notice by themselves.
    pub async fn kill(&self) -> anyhow::Result<()> {
        let family = self.processes();
        signal::send("KILL", &family[..1.min(family.len())]).await?;
        let begun = Instant::now();
        while family.iter().any(|pid| signal::is_alive(*pid)) {
            if begun.elapsed() > Duration::from_secs(20) {
                bail!("PostgreSQL's processes outlive their postmaster");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.start_again().await
    }

    async fn start_again(&self) -> anyhow::Result<()> {
        for _ in 0..10 {
            if self.control(&["start"]).await? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("PostgreSQL does not start again")
    }

    /// Starts it if it has given up by itself.
    pub async fn revive(&self) -> anyhow::Result<()> {
        if self.control(&["status"]).await? {
            return Ok(());
        }
        self.start_again().await
    }

    pub async fn freeze(&self) -> anyhow::Result<()> {
        signal::send("STOP", &self.processes()).await
    }

    pub async fn thaw(&self) -> anyhow::Result<()> {
        signal::send("CONT", &self.processes()).await
    }

    /// The postmaster and its children.
    pub fn processes(&self) -> Vec<u32> {
        let file = std::fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        let first = file.lines().next().and_then(|line| line.parse().ok());
        first.map(signal::family).unwrap_or_default()
    }

    async fn control(&self, arguments: &[&str]) -> anyhow::Result<bool> {
        let status = Command::new(&self.control)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await
            .context("cannot run pg_ctl")?;
        Ok(status.success())
    }

    pub async fn until_it_answers(&self, patience: Duration) -> anyhow::Result<()> {
        let (begun, store) = (Instant::now(), self.store());
        while begun.elapsed() < patience {
            let answer = store.lines("SELECT '1' AS line");
            if matches!(tokio::time::timeout(patience, answer).await, Ok(Ok(_))) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("PostgreSQL does not answer within {patience:?}")
    }
}
