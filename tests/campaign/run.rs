//! One campaign from its seed to its report.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::Notify;

use crate::check::{self, Findings};
use crate::options::Options;
use crate::report::{Part, Report};
use crate::scene::{CONVERGES, PATIENCE, READERS, Scene};
use crate::screen::Screen;
use crate::step::{Kind, On, Outcome, STEPS, Step};
use crate::{setup, sqlite, steps, volume};

pub async fn run(options: &Options) -> anyhow::Result<bool> {
    let seed = options.seed.unwrap_or_else(|| rand::random::<u32>().into());
    let begun = Instant::now();
    let screen = Screen::new(options, seed);
    let mut report = Report::new(options, seed);
    if let Some(logs) = &options.logs {
        std::fs::create_dir_all(logs)?;
    }
    // What is not the storm's waits for its end in the full form: there is not a core for each.
    let over = Notify::new();
    let (stormy, small, lone) = tokio::join!(
        on_postgres(options, seed, &screen, &over),
        one_by_one(On::Volume, options, &over, async |step| {
            volume::run(step, options, seed, &screen).await
        }),
        one_by_one(On::Sqlite, options, &over, async |step| {
            sqlite::run(step, options, seed, &screen).await
        }),
    );
    report.parts.extend(stormy?);
    report.parts.extend(small?);
    report.parts.extend(lone?);
    report.seconds = begun.elapsed().as_secs();
    screen.end();
    report.print();
    if let Some(folder) = &options.report {
        report.write(folder)?;
    }
    Ok(report.holds())
}

fn chosen(options: &Options, on: On) -> impl Iterator<Item = &'static Step> {
    STEPS
        .iter()
        .filter(move |step| step.on == on && options.wants(step.name))
}

/// Where a database goes that writes to a disk.
pub fn disk() -> PathBuf {
    let folder = Path::new("/var/tmp");
    if folder.is_dir() {
        folder.to_owned()
    } else {
        std::env::temp_dir()
    }
}

/// What has a database of its own.
async fn one_by_one(
    on: On,
    options: &Options,
    over: &Notify,
    run: impl AsyncFn(&'static Step) -> anyhow::Result<Part>,
) -> anyhow::Result<Vec<Part>> {
    let mut parts = Vec::new();
    let wanted = match on {
        On::Sqlite => options.database.has_sqlite(),
        On::Storm | On::Calm | On::Volume => options.database.has_postgres(),
    };
    if wanted {
        for step in chosen(options, on) {
            wait_for(over, options).await;
            parts.push(run(step).await?);
        }
    }
    Ok(parts)
}

/// Until the storm is over, and for all who wait.
async fn wait_for(over: &Notify, options: &Options) {
    if options.full {
        over.notified().await;
        over.notify_one();
    }
}

async fn on_postgres(
    options: &Options,
    seed: u64,
    screen: &Screen,
    over: &Notify,
) -> anyhow::Result<Vec<Part>> {
    let mut steps = chosen(options, On::Storm).chain(chosen(options, On::Calm));
    if !options.database.has_postgres() || steps.next().is_none() {
        over.notify_one();
        return Ok(Vec::new());
    }
    let part = storm_and_calm(options, seed, screen, over).await;
    over.notify_one();
    Ok(vec![part?])
}

async fn storm_and_calm(
    options: &Options,
    seed: u64,
    screen: &Screen,
    over: &Notify,
) -> anyhow::Result<Part> {
    screen.say("PostgreSQL, two receivers and two workers: starting");
    let scene = Scene::start(options, seed, &disk()).await?;
    let mut part = Part::new("PostgreSQL, two receivers, two workers");
    part.database = scene.postgres.version().await?;
    let storm: Vec<_> = chosen(options, On::Storm).collect();
    if !storm.is_empty() {
        weather(options, &scene, &storm, screen, &mut part).await;
    }
    over.notify_one();
    scene.load.set(steps::CALM_RATE);
    for step in chosen(options, On::Calm) {
        screen.say(step.name);
        let times = step.times(options.full, options.share);
        let outcome = steps::run(step, times, &scene).await;
        // Whatever it left, the next one begins with a world that is well.
        heal(&scene).await;
        part.add(step, outcome);
    }
    close(&scene, &mut part).await;
    scene.end().await?;
    Ok(part)
}

/// Everything at once, until each has been done as often as it should.
async fn weather(
    options: &Options,
    scene: &Scene,
    storm: &[&'static Step],
    screen: &Screen,
    part: &mut Part,
) {
    scene.load.set(options.rate());
    let all = storm.iter().map(|step| async move {
        let times = step.times(options.full, options.share);
        (*step, steps::run(step, times, scene).await)
    });
    let watched = screen.watch(scene, "everything at once");
    let ended = tokio::select! {
        ended = join_all(all) => ended,
        () = watched => Vec::new(),
    };
    scene.load.set(0);
    scene.sender.idle().await;
    for (step, mut outcome) in ended {
        if step.kind == Kind::UnknownJob
            && let Ok(outcome) = &mut outcome
        {
            let left = steps::is_left_alone(scene).await.unwrap_or(false);
            outcome.demand(left, || {
                "somebody took the job of an unknown kind".to_owned()
            });
            // From here on it would only be a job that nobody ever runs.
            let _ = steps::forget_unknown(scene).await;
        }
        part.add(step, outcome);
    }
    screen.say("everything at once: coming to rest");
    match scene.converge(CONVERGES).await {
        Ok(after) => part.notes.push(format!(
            "{:.1} s after everything at once, every binding held what GitHub has",
            after.as_secs_f64()
        )),
        Err(error) => part.findings.wrong(format!("{error:#}")),
    }
    match check::drained(&scene.store).await {
        Ok(after) => part.notes.push(format!(
            "{:.1} s later no delivery waited",
            after.as_secs_f64()
        )),
        Err(error) => part.findings.wrong(format!("{error:#}")),
    }
}

async fn heal(scene: &Scene) {
    use crate::front::Wire;
    scene.hub.github.clear_faults();
    scene.hub.github.lag_refs(Duration::ZERO);
    scene.hub.wire.set(Wire::Open);
    if let Ok(names) = &scene.hub.names {
        names.set(crate::names::Known::Yes);
    }
    scene.door.set(Wire::Open);
    for slot in scene.slots() {
        if let Some(wire) = &slot.wire {
            wire.set(Wire::Open);
        }
        // One that is gone meanwhile needs no waking.
        let _ = slot.signal("CONT").await;
    }
    let _ = scene.postgres.thaw().await;
    scene.hub.github.take_requests();
}

/// The checks that need rest.
pub async fn close(scene: &Scene, part: &mut Part) {
    scene.load.set(0);
    scene.sender.idle().await;
    if let Err(error) = look(scene, part).await {
        part.findings
            .wrong(format!("a check could not be made: {error:#}"));
    }
    check::processes(&scene.sizes, &scene.logs, &mut part.findings);
    for wrong in scene.verdicts.all() {
        part.findings.wrong(wrong);
    }
    let reads = scene.reads.reads.load(std::sync::atomic::Ordering::SeqCst);
    let rate = scene.reads.rate(READERS);
    part.findings
        .count("I4", usize::try_from(reads).unwrap_or(usize::MAX));
    part.findings
        .count("I6", usize::try_from(reads).unwrap_or(usize::MAX));
    part.reads = reads;
    part.reads_a_second = rate;
    part.load(scene);
}

async fn look(scene: &Scene, part: &mut Part) -> anyhow::Result<()> {
    let findings = &mut part.findings;
    match scene.converge(CONVERGES).await {
        Ok(_) => findings.count("I3", scene.hub.truth.bindings().count()),
        Err(error) => findings.wrong(format!("{error:#}")),
    }
    check::drained(&scene.store).await?;
    part.deliveries = settled_ledger(scene, findings).await?;
    let slots: Vec<Arc<_>> = scene.slots().cloned().collect();
    part.publishes = check::publishes(&scene.hub, &scene.store, &slots, findings).await?;
    check::rest(&scene.store, findings).await?;
    check::canaries(scene, findings).await?;
    let settings = setup::settings(scene.postgres.url.as_str(), &scene.hub.api_url());
    check::fsck(&scene.binary, &settings, &scene.hub, findings).await
}

/// I2 has until the next sweep is through.
async fn settled_ledger(
    scene: &Scene,
    findings: &mut Findings,
) -> anyhow::Result<check::Deliveries> {
    let begun = Instant::now();
    loop {
        let mut tried = Findings::default();
        let found = check::ledger(&scene.hub, &scene.store, &mut tried).await?;
        if tried.wrong.is_empty() || begun.elapsed() > PATIENCE {
            findings.add(tried);
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

impl Part {
    /// What a step came to; an error of its own is a failure as well.
    pub fn add(&mut self, step: &Step, outcome: anyhow::Result<Outcome>) {
        let outcome = outcome.unwrap_or_else(|error| Outcome {
            failures: vec![format!("{error:#}")],
            ..Outcome::default()
        });
        self.push(step, &outcome);
    }

    fn load(&mut self, scene: &Scene) {
        let (answers, seen) = (scene.hub.record.answers(), scene.logs.seen());
        self.pushes = scene.load.pushes();
        self.kills = scene.slots().map(|slot| slot.kills()).sum();
        let starts = seen.ended.iter().filter(|ended| ended.at_start).count();
        self.refused_starts = starts as u64;
        self.posts = scene.hub.record.sent();
        self.slowest_answer = answers.slowest.as_secs_f64();
        self.answers = answers.by_status;
        self.errors_logged = seen.errors;
        self.fenced = seen.fenced;
        self.log_lines = seen.lines;
        let peak = scene.sizes.peak();
        (self.peak_rss_kib, self.peak_files) = (peak.resident_kib, peak.files);
        for strange in answers.strange {
            self.findings
                .wrong(format!("an answer that nothing explains: {strange}"));
        }
        let limit = Duration::from_millis(9500);
        if answers.slowest > limit {
            let slowest = answers.slowest;
            self.findings.wrong(format!(
                "a delivery was answered after {slowest:?}, not within 9 s"
            ));
        }
    }
}
