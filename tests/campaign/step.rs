//! What a campaign is made of: one entry for each fault, named after its rows in the catalogue.

use std::time::Duration;

/// What a step is tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// PostgreSQL and replicas, all of these at the same time.
    Storm,
    /// The same, one after the other.
    Calm,
    /// A database on a volume that fills up.
    Volume,
    /// One process on SQLite.
    Sqlite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    ReceiversKilled,
    WorkersKilled,
    PostgresBroken,
    Deliveries,
    UnknownJob,
    PostgresFrozen,
    PoolExhausted,
    WorkerCutOff,
    WorkerFrozen,
    Unreachable,
    Failing,
    Limited,
    Partition,
    DoorClosed,
    Backlog,
    LongSync,
    ContentWiped,
    Lying,
    ClockWrong,
    Soak,
    VolumeFull,
    SqliteKilled,
}

#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Begins with the ids of its rows.
    pub name: &'static str,
    pub what: &'static str,
    pub kind: Kind,
    pub on: On,
    /// How often.
    pub short: u32,
    pub full: u32,
}

impl Step {
    /// `f01`, `f02`, … of its name.
    pub fn rows(&self) -> Vec<String> {
        let is_row = |part: &&str| {
            let number = part.get(1..).unwrap_or_default();
            number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit())
        };
        let rows = self.name.split('_').take_while(is_row);
        rows.map(str::to_uppercase).collect()
    }

    pub fn times(&self, full: bool, share: f64) -> u32 {
        if !full {
            return self.short;
        }
        let scaled = (f64::from(self.full) * share).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of it"
        )]
        let scaled = scaled as u32;
        scaled.max(1)
    }
}

/// How one step went.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// How often it was really injected.
    pub times: u64,
    pub recoveries: Vec<Duration>,
    pub notes: Vec<String>,
    pub failures: Vec<String>,
    /// Why it was not run at all.
    pub not_run: Option<String>,
}

impl Outcome {
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub fn demand(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds && self.failures.len() < 20 {
            self.failures.push(otherwise());
        }
    }

    /// One injection, and the time after which all was well.
    pub fn recovered(&mut self, after: anyhow::Result<Duration>) {
        self.times += 1;
        match after {
            Ok(after) => self.recoveries.push(after),
            Err(error) => self.demand(false, || format!("{error:#}")),
        }
    }
}

const fn step(
    name: &'static str,
    what: &'static str,
    kind: Kind,
    on: On,
    (short, full): (u32, u32),
) -> Step {
    Step {
        name,
        what,
        kind,
        on,
        short,
        full,
    }
}

pub const STEPS: [Step; 22] = [
    step(
        "f01_f02_receivers_are_killed",
        "SIGKILL of a receiver, at a random instant within 8 ms of four deliveries",
        Kind::ReceiversKilled,
        On::Storm,
        (12, 500),
    ),
    step(
        "f03_workers_are_killed",
        "SIGKILL of a worker at a random instant",
        Kind::WorkersKilled,
        On::Storm,
        (20, 1000),
    ),
    step(
        "f06_postgres_is_restarted_or_killed",
        "PostgreSQL restarted (fast, immediate), its postmaster killed",
        Kind::PostgresBroken,
        On::Storm,
        (5, 200),
    ),
    step(
        "f24_f25_f26_deliveries_are_repeated_reordered_lost",
        "deliveries made: 15 % sent 2-5 times, 40 % reordered within 2 s, 20 % lost and listed; \
         besides, 5 % of the pushes are told to nobody",
        Kind::Deliveries,
        On::Storm,
        (600, 95_000),
    ),
    step(
        "f31_an_old_worker_meets_a_new_kind_of_job",
        "a job of a kind that no process knows, due the whole time",
        Kind::UnknownJob,
        On::Storm,
        (1, 1),
    ),
    step(
        "f03_a_worker_is_frozen_and_wakes_too_late",
        "SIGSTOP of a worker with jobs in its hands, SIGCONT once others run them",
        Kind::WorkerFrozen,
        On::Calm,
        (2, 10),
    ),
    step(
        "f11_a_worker_is_cut_off_from_postgres",
        "the wire between a worker and PostgreSQL goes silent while it has jobs; then it is mended or cut",
        Kind::WorkerCutOff,
        On::Calm,
        (1, 8),
    ),
    step(
        "f08_postgres_is_frozen",
        "SIGSTOP of all of PostgreSQL's processes for 12 s (30 s in the catalogue)",
        Kind::PostgresFrozen,
        On::Calm,
        (1, 4),
    ),
    step(
        "f09_the_pool_is_exhausted",
        "every statement on deliveries waits for a lock for 7 s",
        Kind::PoolExhausted,
        On::Calm,
        (1, 4),
    ),
    step(
        "f18_github_cannot_be_reached",
        "GitHub's name is not known for 6 s (10 min in the catalogue, 1/100)",
        Kind::Unreachable,
        On::Calm,
        (1, 4),
    ),
    step(
        "f19_github_answers_5xx",
        "every answer of GitHub's API is a 503 for 6 s (1 h in the catalogue, 1/600)",
        Kind::Failing,
        On::Calm,
        (1, 4),
    ),
    step(
        "f20_one_installation_is_rate_limited",
        "a secondary limit of 5 s on one installation",
        Kind::Limited,
        On::Calm,
        (1, 6),
    ),
    step(
        "f21_everything_is_cut_off",
        "neither deliveries nor GitHub's API for 8 s (6 h in the catalogue, 1/2700)",
        Kind::Partition,
        On::Calm,
        (1, 3),
    ),
    step(
        "f23_no_delivery_gets_in",
        "the door is closed until a push has been published all the same (1 h in the catalogue)",
        Kind::DoorClosed,
        On::Calm,
        (1, 3),
    ),
    step(
        "f34_a_push_overtakes_a_backlog",
        "bulk jobs waiting when pushes come",
        Kind::Backlog,
        On::Calm,
        (2_000, 100_000),
    ),
    step(
        "f37_a_sync_is_longer_than_its_lease",
        "GitHub gives blobs after three leases",
        Kind::LongSync,
        On::Calm,
        (1, 3),
    ),
    step(
        "f40_the_contents_are_wiped",
        "every content and every blob deleted from the database",
        Kind::ContentWiped,
        On::Calm,
        (1, 2),
    ),
    step(
        "g23_g32_github_lies",
        "refs 2 s old, cut answers, deliveries kept back",
        Kind::Lying,
        On::Calm,
        (1, 4),
    ),
    step(
        "g20_a_clock_is_wrong",
        "one worker's clock half a lease ahead, then behind",
        Kind::ClockWrong,
        On::Calm,
        (1, 2),
    ),
    step(
        "f41_a_soak",
        "seconds of load with 1 % of GitHub's answers failing, nobody killed",
        Kind::Soak,
        On::Calm,
        (6, 60),
    ),
    step(
        "f15_f16_the_volume_is_full",
        "the volume of the database is filled to the last byte under load, then freed",
        Kind::VolumeFull,
        On::Volume,
        (1, 8),
    ),
    step(
        "f13_sqlite_is_killed",
        "SIGKILL of the process on SQLite at a random instant under load",
        Kind::SqliteKilled,
        On::Sqlite,
        (15, 500),
    ),
];
