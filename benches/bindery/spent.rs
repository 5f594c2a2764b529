//! CPU time, by the kernel's own books: whose it was, and what others used meanwhile.

use std::fs;
use std::ops::Sub;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::signal;

/// Microseconds in a tick of `/proc`: `USER_HZ` is 100 on every Linux that we know.
const TICK: f64 = 10_000.0;

/// Whose time counts.
#[derive(Debug, Clone, Copy)]
pub struct Processes {
    pub service: Option<u32>,
    /// PostgreSQL's first one; all that it has started belong to it.
    pub postmaster: Option<u32>,
}

/// What had been spent at an instant, or between two of them. CPU time is in ticks.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    at: Instant,
    pub elapsed: Duration,
    pub answers: u64,
    service: Option<u64>,
    database: Option<u64>,
    bench: u64,
    machine: u64,
}

impl Spent {
    pub fn now(processes: Processes, answers: &AtomicU64) -> anyhow::Result<Self> {
        Ok(Self {
            at: Instant::now(),
            elapsed: Duration::ZERO,
            answers: answers.load(Ordering::Relaxed),
            service: processes.service.map(of_one),
            database: processes.postmaster.map(of_a_family),
            bench: ticks("self").context("what this process used")?.own,
            machine: machine().context("what the machine used")?,
        })
    }

    /// Microseconds an answer; `None` where there is no process of its own.
    pub fn of_the_service(&self) -> Option<f64> {
        self.an_answer(self.service?)
    }

    /// The same; of PostgreSQL's processes.
    pub fn of_the_database(&self) -> Option<f64> {
        self.an_answer(self.database?)
    }

    /// `None` of no answer.
    fn an_answer(&self, ticks: u64) -> Option<f64> {
        (self.answers > 0).then(|| ticks as f64 * TICK / self.answers as f64)
    }

    /// What everybody else used of all cores, in percent; the kernel's own threads and what was stolen
    /// from a virtual machine are in it.
    pub fn by_others(&self) -> f64 {
        let ours = self.service.unwrap_or(0) + self.database.unwrap_or(0) + self.bench;
        let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        let had = self.elapsed.as_micros() as f64 * cores;
        self.machine.saturating_sub(ours) as f64 * TICK / had * 100.0
    }
}

impl Sub for Spent {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            at: self.at,
            elapsed: self.at - before.at,
            answers: self.answers - before.answers,
            service: between(before.service, self.service),
            database: between(before.database, self.database),
            bench: self.bench.saturating_sub(before.bench),
            machine: self.machine.saturating_sub(before.machine),
        }
    }
}

struct Ticks {
    own: u64,
    /// Of its children that have ended and been waited for.
    of_the_ended: u64,
}

fn ticks(process: &str) -> Option<Ticks> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may have anything in it; what follows begins with the third field.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Ticks {
        own: field(14)? + field(15)?,
        of_the_ended: field(16)? + field(17)?,
    })
}

/// Nothing of one that has ended meanwhile.
fn of_one(pid: u32) -> u64 {
    ticks(&pid.to_string()).map_or(0, |ticks| ticks.own)
}

/// Of a process and its children, the ended ones too.
fn of_a_family(first: u32) -> u64 {
    let ended = ticks(&first.to_string()).map_or(0, |ticks| ticks.of_the_ended);
    ended + signal::family(first).into_iter().map(of_one).sum::<u64>()
}

fn between(before: Option<u64>, after: Option<u64>) -> Option<u64> {
    Some(after?.saturating_sub(before?))
}

/// All that was not idle and did not wait for a disk.
fn machine() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let fields = stat.lines().next()?.split_whitespace().skip(1);
    let ticks: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let [user, nice, system, _, _, irq, softirq, steal] = *ticks.first_chunk()?;
    Some(user + nice + system + irq + softirq + steal)
}
