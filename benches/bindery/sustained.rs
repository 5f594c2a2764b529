//! From a push to what is published, while deliveries come in at a steady rate and syncs run.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bindery::github::ids::RepositoryId;
use bindery::simulator::Fault;
use serde::Serialize;

use crate::backlog::Watch;
use crate::body::{self, Push, Subject};
use crate::database::{Database, Engine};
use crate::figures::{Figures, median, percentile};
use crate::load::{self, Load, Pace, Window};
use crate::options::Options;
use crate::plan;
use crate::run::Bench;
use crate::told::Told;
use crate::world::{OWNER, World};

/// Deliveries a second, each of which matches a binding.
const RATE: u32 = 2_000;
const CONNECTIONS: usize = 256;
const AT_LEAST: Duration = Duration::from_secs(10);
/// GitHub takes its time for each request.
const GITHUB_TAKES: Duration = Duration::from_millis(100);
/// Until everything that was acknowledged is processed.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Sustained {
    pub acknowledged_per_second: f64,
    pub acknowledged_p99_ms: f64,
    /// How long the oldest that waited to be processed had been waiting, looked at 100 times a second.
    pub lag_p50_ms: f64,
    pub lag_p99_ms: f64,
    pub lag_max_ms: f64,
    /// From the last acknowledgement until nothing waited.
    pub drained_ms: f64,
    /// From a push until it is published, of one that was pushed after the other.
    pub published_p50_ms: f64,
    pub published_max_ms: f64,
    pub others_percent: f64,
}

impl Sustained {
    pub fn median(rounds: &[Self]) -> Option<Self> {
        let of = |figure: fn(&Self) -> f64| median(rounds.iter().map(figure));
        Some(Self {
            acknowledged_per_second: of(|one| one.acknowledged_per_second)?,
            acknowledged_p99_ms: of(|one| one.acknowledged_p99_ms)?,
            lag_p50_ms: of(|one| one.lag_p50_ms)?,
            lag_p99_ms: of(|one| one.lag_p99_ms)?,
            lag_max_ms: of(|one| one.lag_max_ms)?,
            drained_ms: of(|one| one.drained_ms)?,
            published_p50_ms: of(|one| one.published_p50_ms)?,
            published_max_ms: of(|one| one.published_max_ms)?,
            others_percent: of(|one| one.others_percent)?,
        })
    }
}

pub async fn measure(
    bench: &Bench,
    options: &Options,
    engine: Engine,
    wrong: &mut Vec<String>,
) -> anyhow::Result<Sustained> {
    let database = bench.databases.make(engine).await?;
    let world = World::start(bench, &database).await?;
    let pushes = bind(&world).await?;
    let probed = bind_probe(&world).await?;
    bench.databases.settle(engine).await?;
    world
        .github
        .fail(Fault::anywhere().delay(GITHUB_TAKES).always());
    let load = load(options);
    let watch = Watch::begin(&database.store);
    let window = Window::of(&load);
    let target = bench.target(&world.service, engine);
    let (measured, published) = tokio::join!(
        load::measure(target, &load, &pushes),
        probe(&world, probed, window)
    );
    let (measured, published) = (measured?, published?);
    let begun = Instant::now();
    drain(&database).await?;
    let drained = begun.elapsed();
    let ages = watch.end(window).await?;
    let place = format!("{}, sustained", engine.name());
    check(&database, &measured.told, &place, wrong).await?;
    world.service.stop().await?;
    bench.databases.remove(database).await?;
    let figures = Figures::of(measured)?;
    Ok(Sustained {
        acknowledged_per_second: figures.per_second,
        acknowledged_p99_ms: figures.p99_ms,
        lag_p50_ms: percentile(&ages, 0.5),
        lag_p99_ms: percentile(&ages, 0.99),
        lag_max_ms: percentile(&ages, 1.0),
        drained_ms: drained.as_secs_f64() * 1000.0,
        published_p50_ms: percentile(&published, 0.5),
        published_max_ms: percentile(&published, 1.0),
        others_percent: figures.others_percent,
    })
}

fn load(options: &Options) -> Load {
    let at_least = if options.quick {
        options.measured() * 2
    } else {
        AT_LEAST
    };
    Load {
        pace: Pace::Offered(RATE),
        measured: options.measured().max(at_least),
        ..plan::load(options, CONNECTIONS)
    }
}

/// Repositories of which pushes tell again and again what they hold already: every sync finds it so.
async fn bind(world: &World) -> anyhow::Result<Arc<[Push]>> {
    let mut subjects = Vec::new();
    for number in 1..=body::PUSHES {
        let name = format!("handbook-{number}");
        let (repository, head) = plant(world, &name).await?;
        subjects.push(Subject {
            repository: repository.get(),
            owner: OWNER.to_owned(),
            name,
            installation: world.installation.get(),
            head: Some(head),
        });
    }
    body::pushes_of(&subjects)
}

/// The one that really changes.
async fn bind_probe(world: &World) -> anyhow::Result<RepositoryId> {
    Ok(plant(world, "probe").await?.0)
}

/// A repository with a commit that its binding holds.
async fn plant(world: &World, name: &str) -> anyhow::Result<(RepositoryId, String)> {
    let repository = world.github.create_repository(OWNER, name).await;
    let pushed = world.github.push(repository, "main", |change| {
        change
            .write("README.md", name)
            .write("docs/pilots.md", "pilots")
    });
    let head = pushed.await.after.to_string();
    world.bind(name, name, "/").await?;
    world.until_it_holds(name, &head).await?;
    Ok((repository, head))
}

/// Milliseconds from each push to its publication, in ascending order.
async fn probe(
    world: &World,
    repository: RepositoryId,
    window: Window,
) -> anyhow::Result<Vec<f64>> {
    tokio::time::sleep_until(window.from.into()).await;
    let mut took = Vec::new();
    while Instant::now() < window.until {
        let begun = Instant::now();
        let text = format!("push {}", took.len());
        let pushed = world
            .github
            .push(repository, "main", |change| change.write("README.md", text));
        let head = pushed.await.after.to_string();
        world.until_it_holds("probe", &head).await?;
        took.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    took.sort_by(f64::total_cmp);
    Ok(took)
}

async fn drain(database: &Database) -> anyhow::Result<()> {
    let begun = Instant::now();
    let waiting = "SELECT CAST(count(*) AS text) AS line FROM deliveries WHERE state = 'received'";
    while database.store.number(waiting).await? > 0 {
        let waits = begun.elapsed();
        anyhow::ensure!(waits < PATIENCE, "deliveries still wait after {waits:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Everything that was acknowledged has been matched.
async fn check(
    database: &Database,
    told: &Told,
    place: &str,
    wrong: &mut Vec<String>,
) -> anyhow::Result<()> {
    told.note(place, wrong);
    let matched = "SELECT guid AS line FROM deliveries d WHERE state = 'processed' AND EXISTS \
        (SELECT 1 FROM delivery_decisions WHERE delivery_id = d.id AND verdict <> 'skipped')";
    let matched: HashSet<String> = database.store.lines(matched).await?.into_iter().collect();
    let all = told.acknowledged.len();
    let missing = told.acknowledged.iter();
    let missing = missing
        .filter(|guid| !matched.contains(&guid.to_string()))
        .count();
    if missing > 0 {
        wrong.push(format!(
            "{place}: of {all} acknowledged deliveries {missing} were not matched"
        ));
    }
    Ok(())
}
