//! A resolver of the campaign's own, which the processes ask and nobody else: it knows GitHub's name, until
//! it is told not to.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::watch;

/// What the API is called when it has a name.
pub const GITHUB: &str = "github.campaign.test";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    Yes,
    /// NXDOMAIN
    Nobody,
    /// SERVFAIL
    Failing,
}

pub struct Names {
    known: Arc<watch::Sender<Known>>,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

/// Puts a file in the place of /etc/resolv.conf, for one process and its children.
const INSIDE: [&str; 4] = [
    "--mount",
    "sh",
    "-c",
    "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"",
];

impl Names {
    /// # Errors
    ///
    /// Where a process may not be given a resolver of its own: that takes root.
    pub fn start() -> anyhow::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 53)).context("port 53")?;
        socket.set_nonblocking(true)?;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("resolv.conf");
        std::fs::write(
            &file,
            "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        )?;
        let tried = Command::new("unshare")
            .args(INSIDE)
            .arg(&file)
            .arg("true")
            .output();
        let tried = tried.context("unshare")?;
        let said = String::from_utf8_lossy(&tried.stderr).trim().to_owned();
        anyhow::ensure!(tried.status.success(), "a mount namespace: {said}");
        let known = Arc::new(watch::Sender::new(Known::Yes));
        tokio::spawn(serve(
            tokio::net::UdpSocket::from_std(socket)?,
            known.subscribe(),
        ));
        Ok(Self {
            known,
            file,
            _folder: folder,
        })
    }

    pub fn set(&self, known: Known) {
        self.known.send_replace(known);
    }

    /// What a process is started by so that it asks here, and what that is given first.
    pub fn wrapper(&self) -> Vec<String> {
        let file = path(&self.file);
        let words = ["unshare"].into_iter().chain(INSIDE).map(str::to_owned);
        words.chain([file]).collect()
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

async fn serve(socket: tokio::net::UdpSocket, known: watch::Receiver<Known>) {
    let mut query = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut query).await {
        let state = *known.borrow();
        if let Some(answer) = answer(&query[..length], state) {
            // Who does not hear it asks again.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

/// RFC 1035, as far as one question for one name goes: an address for type A, nothing for others.
fn answer(query: &[u8], known: Known) -> Option<Vec<u8>> {
    let name_ends = 12 + query.get(12..)?.iter().position(|byte| *byte == 0)?;
    let question = query.get(12..name_ends + 5)?;
    let is_address = question.get(question.len() - 4..)? == [0, 1, 0, 1];
    let is_ours = String::from_utf8_lossy(question).contains("campaign");
    let (code, answers) = match known {
        Known::Failing => (2, 0),
        Known::Yes if is_ours => (0, u8::from(is_address)),
        Known::Yes | Known::Nobody => (3, 0),
    };
    let mut answer = query.get(..2)?.to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0]);
    answer.extend(question);
    if answers == 1 {
        // The name of the question, type A, class IN, kept for no time at all, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}
