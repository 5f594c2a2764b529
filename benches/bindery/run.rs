//! Rounds of everything, from the first process to the report.

use std::sync::Arc;

use anyhow::Context as _;
use bindery::simulator::Simulator;

use crate::asked;
use crate::body::{self, Push};
use crate::ceiling::{Ceiling, Served};
use crate::commits;
use crate::database::{Database, Databases, Engine};
use crate::facts::Machine;
use crate::figures::Figures;
use crate::ledger;
use crate::load::{self, Load, Pace, Target};
use crate::options::{Options, Section};
use crate::plan::{self, Case, Server};
use crate::report::{Found, Measured, Report};
use crate::service::{Recipe, Service};
use crate::spent::Processes;
use crate::start;
use crate::stored;
use crate::sustained;
use crate::world;

/// What everything is measured with.
pub struct Bench {
    pub databases: Databases,
    pub pushes: Arc<[Push]>,
    /// Asked by services that have workers; it covers nothing, so there is nothing to be synced.
    github: Simulator,
}

/// Whether everything was as it has to be.
pub async fn run(options: &Options) -> anyhow::Result<bool> {
    let bench = Bench::start(options).await?;
    let machine = Machine::look(&bench.databases, &options.engines()).await?;
    let mut found = Found {
        cases: plan::cases(options).into_iter().map(Measured::of).collect(),
        ..Found::default()
    };
    if let Err(error) = bench.measure_all(options, &mut found).await {
        found.wrong.push(format!("the run ended early: {error:#}"));
    }
    bench.databases.stop().await?;
    let report = Report::new(options, machine, found)?;
    println!("{report}");
    if let Some(file) = &options.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(file, json + "\n").context("cannot write the figures")?;
    }
    Ok(report.holds())
}

impl Bench {
    async fn start(options: &Options) -> anyhow::Result<Self> {
        Ok(Self {
            databases: Databases::start(&options.engines()).await?,
            pushes: body::pushes()?,
            github: world::github().await?,
        })
    }

    async fn measure_all(&self, options: &Options, found: &mut Found) -> anyhow::Result<()> {
        for round in 1..=options.rounds() {
            self.cases(round, found).await?;
            for engine in options.engines() {
                if options.wants(Section::C) {
                    let one = sustained::measure(self, options, engine, &mut found.wrong).await?;
                    found.sustained(engine, one);
                }
                if options.wants(Section::G) {
                    let one = start::measure(self, options, engine, &mut found.wrong).await?;
                    found.started(engine, one);
                }
            }
            eprintln!("bench: round {round} of {} is over", options.rounds());
        }
        if options.wants(Section::F) {
            // It is the same on every database.
            let any = options.engines().pop().context("a database")?;
            found.asked = asked::measure(self, any).await?;
        }
        // Last of all: millions of rows would be vacuumed meanwhile.
        found.growths = stored::measure(self, options).await?;
        Ok(())
    }

    /// Everything of (a) and (b) once.
    async fn cases(&self, round: usize, found: &mut Found) -> anyhow::Result<()> {
        for number in 0..found.cases.len() {
            let case = found.cases[number].case;
            let mut figures = self
                .measure(&case, &mut found.wrong)
                .await
                .with_context(|| format!("{}, {}", case.server.name(), case.load))?;
            (figures.of_verify, figures.of_commits) = ratios(&figures, &case, &found.cases, round);
            eprintln!(
                "bench: round {round}, {}, {}: {:.0}/s, p99 {:.2} ms",
                case.server.name(),
                case.load,
                figures.per_second,
                figures.p99_ms
            );
            found.cases[number].rounds.push(figures);
        }
        Ok(())
    }

    async fn measure(&self, case: &Case, wrong: &mut Vec<String>) -> anyhow::Result<Figures> {
        match case.server {
            Server::Ceiling(ceiling) => self.load_ceiling(ceiling, &case.load, wrong).await,
            Server::Service(engine) => {
                let database = self.databases.make(engine).await?;
                let figures = self.load(&database, &case.load, wrong).await?;
                self.databases.remove(database).await?;
                Ok(figures)
            }
            Server::Commits(engine) => {
                let database = self.databases.make(engine).await?;
                self.databases.settle(engine).await?;
                let postmaster = self.databases.postmaster(engine);
                let measured =
                    commits::measure(&database, postmaster, &case.load, &self.pushes).await?;
                self.databases.remove(database).await?;
                Figures::of(measured)
            }
        }
    }

    async fn load_ceiling(
        &self,
        ceiling: Ceiling,
        load: &Load,
        wrong: &mut Vec<String>,
    ) -> anyhow::Result<Figures> {
        let served = Served::start(ceiling).await?;
        let target = Target {
            address: served.address,
            processes: Processes {
                service: Some(served.pid),
                postmaster: None,
            },
        };
        let measured = load::measure(target, load, &self.pushes).await?;
        served.stop().await?;
        measured.told.note(&format!("{ceiling:?}, {load}"), wrong);
        Figures::of(measured)
    }

    /// A new service over this database, until what it has acknowledged has been found in the ledger.
    pub async fn load(
        &self,
        database: &Database,
        load: &Load,
        wrong: &mut Vec<String>,
    ) -> anyhow::Result<Figures> {
        let engine = database.engine;
        let service = Service::start(&self.recipe(database, &["--no-worker"])).await?;
        self.databases.settle(engine).await?;
        let target = self.target(&service, engine);
        let measured = load::measure(target, load, &self.pushes).await?;
        let resident_mb = service.resident_mb()?;
        service.stop().await?;
        let place = format!("{}, {load}", engine.name());
        measured.told.note(&place, wrong);
        let found = ledger::check(&database.store, &measured.told).await?;
        wrong.extend(found.into_iter().map(|what| format!("{place}: {what}")));
        Ok(Figures {
            resident_mb: Some(resident_mb),
            ..Figures::of(measured)?
        })
    }

    pub fn target(&self, service: &Service, engine: Engine) -> Target {
        Target {
            address: service.address,
            processes: Processes {
                service: Some(service.pid),
                postmaster: self.databases.postmaster(engine),
            },
        }
    }

    pub fn recipe<'a>(&'a self, database: &'a Database, arguments: &'a [&'a str]) -> Recipe<'a> {
        Recipe {
            database,
            arguments,
            github: self.github.url(),
            folder: self.databases.folder(),
        }
    }
}

/// What a service did, of what the verify-only ceiling and the database alone did in the same round.
fn ratios(
    figures: &Figures,
    case: &Case,
    cases: &[Measured],
    round: usize,
) -> (Option<f64>, Option<f64>) {
    let (Server::Service(engine), Pace::Closed) = (case.server, case.load.pace) else {
        return (None, None);
    };
    let of = |server: Server| {
        let same = |other: &&Measured| {
            let Case { server: is, load } = other.case;
            is == server && load.connections == case.load.connections
        };
        let base = cases.iter().find(same)?.rounds.get(round - 1)?;
        Some(figures.per_second / base.per_second)
    };
    (
        of(Server::Ceiling(Ceiling::Verify)),
        of(Server::Commits(engine)),
    )
}
