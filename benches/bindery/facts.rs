//! The machine, as far as figures depend on it. Nothing here tells whose it is.

use std::fmt;
use std::fs;

use serde::Serialize;

use crate::database::{Databases, Engine};

#[derive(Debug, Serialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    /// Whether the CPU has instructions for SHA-256: they decide what a proof costs.
    pub sha_instructions: bool,
    pub memory_mib: u64,
    pub kernel: String,
    /// With their versions.
    pub databases: Vec<String>,
}

impl Machine {
    pub async fn look(databases: &Databases, engines: &[Engine]) -> anyhow::Result<Self> {
        let mut versions = Vec::new();
        for engine in engines {
            let version = databases.version(*engine).await?;
            versions.push(format!("{} {version}", engine.name()));
        }
        let flags = field("/proc/cpuinfo", "flags").or(field("/proc/cpuinfo", "Features"));
        let flags = flags.unwrap_or_default();
        let has_sha = |flag: &str| matches!(flag, "sha_ni" | "sha2");
        let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
        let kib = memory.split_whitespace().next().unwrap_or_default();
        Ok(Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            sha_instructions: flags.split_whitespace().any(has_sha),
            memory_mib: kib.parse::<u64>().unwrap_or(0) / 1024,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |text| text.trim().to_owned()),
            databases: versions,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sha = if self.sha_instructions {
            "with"
        } else {
            "without"
        };
        let (cores, memory) = (self.cores, self.memory_mib);
        write!(f, "{cores} cores of {} {sha} SHA instructions, ", self.cpu)?;
        write!(f, "{memory} MiB of memory, Linux {}, ", self.kernel)?;
        f.write_str(&self.databases.join(", "))
    }
}

/// What stands after the first colon that follows this name.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let (is, value) = line.split_once(':')?;
        (is.trim() == name).then(|| value.trim().to_owned())
    })
}

fn unknown() -> String {
    "unknown".to_owned()
}
