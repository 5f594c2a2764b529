//! What is asked of two cores on a quiet machine, beside what was measured. A missed goal fails no run:
//! the machine may have been busy, and the table says how much.

use serde::Serialize;

use crate::database::Engine;
use crate::figures::Figures;
use crate::load::{Load, Mix, Pace};
use crate::plan::{Server, USUAL};
use crate::report::Report;

#[derive(Debug, Serialize)]
pub struct Goal {
    pub what: String,
    pub asked: String,
    pub measured: f64,
    pub holds: bool,
}

/// Only what was measured.
pub fn all(report: &Report) -> Vec<Goal> {
    let mut goals = Vec::new();
    if report.quick {
        return goals;
    }
    for engine in [Engine::Postgres, Engine::Sqlite] {
        goals.extend(of_acknowledging(report, engine));
    }
    goals.extend(report.growths.iter().filter_map(|growth| {
        let what = format!("{}, {}: many of few", growth.engine.name(), growth.what);
        at_most(&what, 1.5, growth.ratio())
    }));
    goals.extend(report.sustained.iter().filter_map(|rounds| {
        let what = format!("{}, 2,000/s: lag p99, ms", rounds.engine.name());
        at_most(&what, 250.0, rounds.median.map(|one| one.lag_p99_ms))
    }));
    goals.extend(report.asked.iter().filter_map(|asked| {
        let what = format!("requests to GitHub: {}", asked.what);
        at_most(&what, asked.at_most as f64, Some(asked.requests as f64))
    }));
    goals.extend(of_starting(report));
    goals
}

fn of_acknowledging(report: &Report, engine: Engine) -> impl Iterator<Item = Goal> {
    let name = engine.name();
    let (share, cpu) = match engine {
        Engine::Postgres => (0.45, 50.0),
        Engine::Sqlite => (0.28, 55.0),
    };
    let of = |load: fn(&Load) -> bool| {
        let server = Server::Service(engine);
        let mut cases = report.cases.iter();
        let found = cases.find(|one| one.case.server == server && load(&one.case.load));
        found?.median
    };
    let (usual, alone, offered, long) = (of(is_usual), of(is_alone), of(is_offered), of(is_long));
    let of_postgres = usual.filter(|_| engine == Engine::Postgres);
    [
        at_least(
            &format!("{name}, 64 connections: of verify-only"),
            share,
            usual.and_then(|figures: Figures| figures.of_verify),
        ),
        at_most(
            &format!("{name}, 64 connections: p99, ms"),
            10.0,
            of_postgres.map(|figures| figures.p99_ms),
        ),
        at_most(
            &format!("{name}, 64 connections: CPU µs an acknowledgement, all processes"),
            cpu,
            usual.and_then(|figures| figures.cpu_us()),
        ),
        at_least(
            &format!("{name}, 1 connection: of the database's single rows"),
            0.6,
            alone.and_then(|figures| figures.of_commits),
        ),
        at_most(
            &format!("{name}, 5,000/s offered: p99, ms"),
            5.0,
            offered.map(|figures| figures.p99_ms),
        ),
        at_most(
            &format!("{name}, long: p999, ms"),
            25.0,
            long.map(|figures| figures.p999_ms),
        ),
        at_most(
            &format!("{name}, long: slowest, ms"),
            1_000.0,
            long.map(|figures| figures.max_ms),
        ),
    ]
    .into_iter()
    .flatten()
}

fn of_starting(report: &Report) -> Vec<Goal> {
    let mut goals = Vec::new();
    for started in &report.starts {
        let Some(start) = started.median else {
            continue;
        };
        let name = started.engine.name();
        goals.extend([
            at_most(
                &format!("{name}: start to ready, ms"),
                150.0,
                Some(start.ready_ms),
            ),
            at_most(&format!("{name}: RSS idle, MB"), 25.0, Some(start.idle_mb)),
            at_most(
                &format!("{name}: RSS after 256 connections, MB"),
                128.0,
                Some(start.loaded_mb),
            ),
        ]);
    }
    goals.push(at_most("release binary, MB", 25.0, report.binary_mb));
    goals.into_iter().flatten().collect()
}

fn is_new(load: &Load) -> bool {
    load.mix == Mix::New && !load.long
}

fn is_usual(load: &Load) -> bool {
    is_new(load) && load.pace == Pace::Closed && load.connections == USUAL
}

fn is_alone(load: &Load) -> bool {
    is_new(load) && load.pace == Pace::Closed && load.connections == 1
}

fn is_offered(load: &Load) -> bool {
    load.pace == Pace::Offered(5_000)
}

fn is_long(load: &Load) -> bool {
    load.long
}

fn at_least(what: &str, least: f64, measured: Option<f64>) -> Option<Goal> {
    let measured = measured?;
    Some(Goal {
        what: what.to_owned(),
        asked: format!("≥ {least}"),
        measured,
        holds: measured >= least,
    })
}

fn at_most(what: &str, most: f64, measured: Option<f64>) -> Option<Goal> {
    let measured = measured?;
    Some(Goal {
        what: what.to_owned(),
        asked: format!("≤ {most}"),
        measured,
        holds: measured <= most,
    })
}
