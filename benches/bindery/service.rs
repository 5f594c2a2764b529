//! A process of the real binary.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::answer::Answer;
use crate::app;
use crate::database::Database;
use crate::signal;

pub const BINARY: &str = env!("CARGO_BIN_EXE_bindery");
pub const ADMIN_TOKEN: &str = "the-admin-token-of-the-benchmark";
/// For a start and for a stop.
const PATIENCE: Duration = Duration::from_secs(40);

pub struct Service {
    pub address: SocketAddr,
    pub pid: u32,
    /// From its start until it said that it is ready.
    pub ready_after: Duration,
    child: Child,
}

/// How one is started.
pub struct Recipe<'a> {
    pub database: &'a Database,
    pub arguments: &'a [&'a str],
    /// The address of GitHub's API.
    pub github: String,
    /// Where its log may go.
    pub folder: &'a Path,
}

impl Recipe<'_> {
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DATABASE_URL", self.database.url.clone()),
            ("GITHUB_API_URL", self.github.clone()),
            ("GITHUB_APP_ID", app::ID.to_string()),
            ("GITHUB_APP_PRIVATE_KEY", app::KEY.to_owned()),
            ("GITHUB_WEBHOOK_SECRET", app::SECRET.to_owned()),
            ("BINDERY_ADMIN_TOKEN", ADMIN_TOKEN.to_owned()),
            // GitHub's limits are not what is measured, nor what is done unasked.
            ("GITHUB_REQUESTS_PER_MINUTE", "1000000".to_owned()),
            ("BINDERY_SWEEP_INTERVAL", "1d".to_owned()),
            ("BINDERY_POLL_INTERVAL", "1d".to_owned()),
        ]
    }

    fn log(&self) -> PathBuf {
        self.folder.join("service.log")
    }
}

impl Service {
    /// Returns when it is ready.
    pub async fn start(recipe: &Recipe<'_>) -> anyhow::Result<Self> {
        let address = free_address()?;
        let log = File::create(recipe.log())?;
        let begun = Instant::now();
        let mut child = Command::new(BINARY)
            .arg("serve")
            .args(recipe.arguments)
            .env_clear()
            .envs(recipe.settings())
            .env("BINDERY_LISTEN", address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the binary")?;
        let pid = child.id().context("a process id")?;
        until_ready(&mut child, address)
            .await
            .with_context(|| format!("its log ends with: {}", last_line(&recipe.log())))?;
        Ok(Self {
            address,
            pid,
            ready_after: begun.elapsed(),
            child,
        })
    }

    /// What it holds in memory now.
    pub fn resident_mb(&self) -> anyhow::Result<f64> {
        let held = signal::held(self.pid).context("the service has ended")?;
        Ok(held.resident_kib as f64 * 1024.0 / 1e6)
    }

    pub async fn stop(mut self) -> anyhow::Result<()> {
        signal::send("TERM", &[self.pid]).await?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = ended.context("the service does not stop")??;
        anyhow::ensure!(status.success(), "the service ended with {status}");
        Ok(())
    }
}

async fn until_ready(child: &mut Child, address: SocketAddr) -> anyhow::Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if is_ready(address).await {
            return Ok(());
        }
        if let Some(status) = child.try_wait()? {
            bail!("the service ended with {status} before it was ready");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bail!("the service was not ready within {PATIENCE:?}")
}

async fn is_ready(address: SocketAddr) -> bool {
    // Nobody listens yet.
    ask(address).await.unwrap_or(false)
}

async fn ask(address: SocketAddr) -> anyhow::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await?;
    let mut answer = Vec::with_capacity(4096);
    while stream.read_buf(&mut answer).await? > 0 {
        if let Some(answer) = Answer::parse(&answer)? {
            return Ok(answer.status == 200);
        }
    }
    Ok(false)
}

/// Below the ports that the system hands out, so that nobody gets it meanwhile.
fn free_address() -> anyhow::Result<SocketAddr> {
    for _ in 0..100 {
        let port = 20_000 + rand::random::<u16>() % 12_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no free port")
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or("nothing").to_owned()
}
