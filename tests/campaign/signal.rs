//! Signals, and what the kernel says of processes.

use std::path::Path;

use anyhow::Context as _;
use tokio::process::Command;

pub async fn send(signal: &str, pids: &[u32]) -> anyhow::Result<()> {
    if pids.is_empty() {
        return Ok(());
    }
    let pids = pids.iter().map(u32::to_string);
    let sent = Command::new("kill")
        .arg(format!("-{signal}"))
        .args(pids)
        .stderr(std::process::Stdio::null())
        .status()
        .await;
    // A child that has ended meanwhile is no failure of the others' signal.
    sent.context("cannot run kill")?;
    Ok(())
}

/// What a process holds now.
#[derive(Debug, Clone, Copy, Default)]
pub struct Held {
    pub resident_kib: u64,
    pub files: usize,
}

/// `None` once it has ended.
pub fn held(pid: u32) -> Option<Held> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let resident_kib = line.split_whitespace().nth(1)?.parse().ok()?;
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    Some(Held {
        resident_kib,
        files,
    })
}

/// A process and all that it has started, itself first.
pub fn family(pid: u32) -> Vec<u32> {
    let mut family = vec![pid];
    family.extend(processes().filter_map(|(child, parent)| (parent == pid).then_some(child)));
    family
}

fn processes() -> impl Iterator<Item = (u32, u32)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, stat(&entry.path())?.1))
    })
}

/// What follows the name, which is in parentheses and may have anything in it: state, parent, …
fn stat(process: &Path) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

/// One that nobody has waited for is dead all the same.
pub fn is_alive(pid: u32) -> bool {
    stat(Path::new(&format!("/proc/{pid}"))).is_some_and(|(state, _)| state != 'Z')
}
