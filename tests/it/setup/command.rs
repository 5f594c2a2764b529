//! `bindery setup` as a process that somebody types to.

use std::path::Path;
use std::process::Stdio;

use bindery::simulator::Simulator;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::process::PATIENCE;

pub const BINARY: &str = env!("CARGO_BIN_EXE_bindery");
/// Nobody listens there.
pub const WEBHOOK: &str = "http://127.0.0.1:9/webhooks/github";

/// Waits for somebody to confirm.
pub struct SettingUp {
    /// The page to open.
    pub page: String,
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

/// How it ended.
pub struct Ended {
    pub status: Option<i32>,
    pub said: String,
    pub complained: String,
}

pub fn command(folder: &Path, github: &Simulator, more: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(["setup", "--api-url", &github.url()])
        .args(more)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl SettingUp {
    pub async fn begin(folder: &Path, github: &Simulator, more: &[&str]) -> Self {
        let mut child = command(folder, github, more)
            .spawn()
            .expect("the binary starts");
        let said = child.stdout.take().expect("what it says");
        let mut said = BufReader::new(said).lines();
        let page = tokio::time::timeout(PATIENCE, async {
            loop {
                let line = said
                    .next_line()
                    .await
                    .expect("text")
                    .expect("a page to open");
                if line.trim().starts_with("http://127.0.0.1:") {
                    return line.trim().to_owned();
                }
            }
        });
        let page = page.await.expect("it says what to open");
        Self { page, child, said }
    }

    pub async fn paste(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("it listens");
        let line = format!("{text}\n");
        stdin.write_all(line.as_bytes()).await.expect("it reads");
    }

    pub async fn end(mut self) -> Ended {
        let ended = tokio::time::timeout(PATIENCE, async {
            let mut said = String::new();
            while let Some(line) = self.said.next_line().await.expect("text") {
                said += &format!("{line}\n");
            }
            let mut complained = String::new();
            let stderr = self.child.stderr.as_mut().expect("its complaints");
            stderr.read_to_string(&mut complained).await.expect("text");
            let status = self.child.wait().await.expect("a status").code();
            Ended {
                status,
                said,
                complained,
            }
        });
        ended.await.expect("it ends")
    }
}
