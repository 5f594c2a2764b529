//! Deliveries that are sent: by how many connections, when, and which; and what came of them.

use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use serde::Serialize;

use crate::body::Push;
use crate::line::{Line, Outcome};
use crate::offer::Offer;
use crate::spent::{Processes, Spent};
use crate::told::Told;

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Load {
    pub connections: usize,
    pub pace: Pace,
    pub mix: Mix,
    /// For as long as stalls and full buffers take to show.
    pub long: bool,
    /// Before it is measured.
    #[serde(skip)]
    pub warm: Duration,
    #[serde(skip)]
    pub measured: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// Each connection sends again as soon as it is answered.
    Closed,
    /// So many a second, whatever is answered.
    Offered(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mix {
    New,
    /// A tenth of them acknowledged before.
    Duplicates,
    /// A tenth of them not signed by GitHub.
    BadSignatures,
}

/// Who is sent to.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub address: SocketAddr,
    pub processes: Processes,
}

pub struct Measured {
    pub told: Told,
    pub spent: Spent,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pace, self.connections) {
            (Pace::Offered(rate), _) => write!(f, "{rate}/s offered")?,
            (Pace::Closed, 1) => write!(f, "1 connection")?,
            (Pace::Closed, connections) => write!(f, "{connections} connections")?,
        }
        if self.long {
            write!(f, ", {} s", self.measured.as_secs_f64())?;
        }
        match self.mix {
            Mix::New => Ok(()),
            Mix::Duplicates => write!(f, ", 10 % duplicates"),
            Mix::BadSignatures => write!(f, ", 10 % badly signed"),
        }
    }
}

/// What is measured of a load.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub from: Instant,
    pub until: Instant,
}

impl Window {
    /// Of what begins now.
    pub fn of(load: &Load) -> Self {
        let from = Instant::now() + load.warm;
        Self {
            from,
            until: from + load.measured,
        }
    }

    pub fn has(&self, instant: Instant) -> bool {
        (self.from..self.until).contains(&instant)
    }

    /// What is spent from its beginning to its end.
    pub async fn watch(self, processes: Processes, answers: &AtomicU64) -> anyhow::Result<Spent> {
        tokio::time::sleep_until(self.from.into()).await;
        let before = Spent::now(processes, answers)?;
        tokio::time::sleep_until(self.until.into()).await;
        Ok(Spent::now(processes, answers)? - before)
    }
}

/// Loads the target, and measures after the warm-up. Everything that was sent is answered when it returns.
pub async fn measure(
    target: Target,
    load: &Load,
    pushes: &Arc<[Push]>,
) -> anyhow::Result<Measured> {
    let streams = connect(target.address, load.connections)?;
    let window = Window::of(load);
    let sender = Sender {
        pushes: Arc::clone(pushes),
        mix: load.mix,
        turns: Turns::of(load),
        window,
        answers: Arc::default(),
    };
    let threads = sender.start(streams)?;
    let spent = window.watch(target.processes, &sender.answers).await?;
    let mut told = tokio::task::spawn_blocking(move || join(threads)).await??;
    if load.pace == Pace::Closed && told.refused > 0 {
        // Nobody is overrun by senders that wait for their answers.
        told.wrong(format!("{} deliveries were refused with 503", told.refused));
    }
    Ok(Measured { told, spent })
}

fn connect(address: SocketAddr, connections: usize) -> anyhow::Result<Vec<TcpStream>> {
    let streams = (0..connections).map(|_| TcpStream::connect(address));
    streams
        .collect::<Result<_, _>>()
        .context("cannot connect to what is measured")
}

/// What every connection needs to know.
#[derive(Clone)]
struct Sender {
    pushes: Arc<[Push]>,
    mix: Mix,
    turns: Turns,
    window: Window,
    answers: Arc<AtomicU64>,
}

#[derive(Clone)]
enum Turns {
    Closed,
    Offered(Arc<Offer>),
}

impl Turns {
    /// Of what begins now.
    fn of(load: &Load) -> Self {
        match load.pace {
            Pace::Closed => Self::Closed,
            Pace::Offered(rate) => {
                let lasts = load.warm + load.measured;
                let offer = Offer::new(rate, load.connections, Instant::now(), lasts);
                Self::Offered(Arc::new(offer))
            }
        }
    }
}

type Thread = JoinHandle<anyhow::Result<Told>>;

impl Sender {
    /// A thread a core, each with its share of the connections: they have nothing to tell each other.
    fn start(&self, streams: Vec<TcpStream>) -> anyhow::Result<Vec<Thread>> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut shares: Vec<Vec<TcpStream>> = Vec::new();
        shares.resize_with(cores.min(streams.len()), Vec::new);
        let count = shares.len();
        for (number, stream) in streams.into_iter().enumerate() {
            shares[number % count].push(stream);
        }
        let spawn = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let mut threads = Vec::new();
        for share in shares {
            let sender = self.clone();
            threads.push(spawn("sender").spawn(move || sender.run(share))?);
        }
        if let Turns::Offered(offer) = &self.turns {
            let offer = Arc::clone(offer);
            threads.push(spawn("pacer").spawn(move || {
                offer.keep();
                Ok(Told::default())
            })?);
        }
        Ok(threads)
    }

    fn run(&self, share: Vec<TcpStream>) -> anyhow::Result<Told> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        runtime.block_on(async {
            let mut tasks = Vec::new();
            for stream in share {
                let line = Line::new(stream, Arc::clone(&self.pushes), self.mix)?;
                tasks.push(tokio::spawn(self.clone().send(line)));
            }
            let mut all = Told::default();
            for task in tasks {
                all.add(task.await?);
            }
            Ok(all)
        })
    }

    async fn send(self, mut line: Line) -> Told {
        let mut told = Told::default();
        while let Some(due) = self.turn().await {
            let post = line.draw();
            match line.send(&post).await {
                Ok(Outcome::AsItShould) => {
                    let took = self.window.has(due).then(|| due.elapsed());
                    self.answers.fetch_add(1, Ordering::Relaxed);
                    told.answered(&post, took);
                }
                Ok(Outcome::Refused) => told.refused += 1,
                Ok(Outcome::Wrong(what)) => told.wrong(what),
                Err(error) => {
                    told.wrong(format!("{}: {error:#}", post.guid));
                    break;
                }
            }
        }
        told
    }

    /// When the next one is, or was, due.
    async fn turn(&self) -> Option<Instant> {
        match &self.turns {
            Turns::Closed => {
                let now = Instant::now();
                (now < self.window.until).then_some(now)
            }
            Turns::Offered(offer) => offer.next().await,
        }
    }
}

fn join(threads: Vec<Thread>) -> anyhow::Result<Told> {
    let mut all = Told::default();
    for thread in threads {
        let told = thread.join().map_err(|_| anyhow!("a sender panicked"))?;
        all.add(told?);
    }
    Ok(all)
}
