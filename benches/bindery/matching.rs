//! Matching a push among many bindings: from the ledger to its decisions and jobs, each with its commit.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use bindery::clock::Clock;
use bindery::config::{Config, Flags, Sources};
use bindery::context::Context;
use bindery::serve::Workers;

use crate::body;
use crate::database::{Database, Engine};
use crate::fill::{self, Words};
use crate::growth::{Growth, rows};
use crate::load::{self, Load, Pace};
use crate::options::Options;
use crate::plan;
use crate::run::Bench;
use crate::service::Service;

/// Of each repository, at as many folders.
const BINDINGS_OF_A_REPOSITORY: i64 = 4;
/// In a round.
const DELIVERIES: u32 = 500;

/// Databases full of bindings, kept over all rounds.
pub struct Matching {
    pub growth: Growth,
    databases: Vec<Database>,
}

impl Matching {
    pub async fn prepare(bench: &Bench, options: &Options, engine: Engine) -> anyhow::Result<Self> {
        let rows = rows(options, true);
        let mut databases = Vec::new();
        for count in &rows {
            eprintln!("bench: {}: {count} bindings", engine.name());
            let database = bench.databases.make(engine).await?;
            let context = open(bench, &database).await?;
            bind(&context, &database, *count).await?;
            drop(context);
            fill::analyze(&database).await?;
            databases.push(database);
        }
        let matching = Self {
            growth: Growth::new("matching a push among bindings", engine, &rows),
            databases,
        };
        // What is read for the first time comes from the disk, however it is matched.
        for database in &matching.databases {
            once(bench, options, database).await?;
        }
        Ok(matching)
    }

    pub async fn round(&mut self, bench: &Bench, options: &Options) -> anyhow::Result<()> {
        for (size, database) in self.growth.sizes.iter_mut().zip(&self.databases) {
            size.rounds_us.push(once(bench, options, database).await?);
        }
        Ok(())
    }

    pub async fn end(self, bench: &Bench) -> anyhow::Result<Growth> {
        for database in self.databases {
            bench.databases.remove(database).await?;
        }
        Ok(self.growth)
    }
}

async fn open(bench: &Bench, database: &Database) -> anyhow::Result<Context> {
    let settings = bench.recipe(database, &[]).settings();
    let variable = |name: &str| {
        let found = settings.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.into())
    };
    let config = Config::load(&Sources::new(Flags::default(), variable))?;
    Context::open(config, Clock::system()).await
}

/// Microseconds for one delivery of those that a service has received.
async fn once(bench: &Bench, options: &Options, database: &Database) -> anyhow::Result<f64> {
    let service = Service::start(&bench.recipe(database, &["--no-worker"])).await?;
    let load = Load {
        pace: Pace::Offered(DELIVERIES),
        warm: Duration::ZERO,
        measured: Duration::from_secs(1),
        ..plan::load(options, 16)
    };
    let received = load::measure(
        bench.target(&service, database.engine),
        &load,
        &bench.pushes,
    );
    let told = received.await?.told;
    service.stop().await?;
    anyhow::ensure!(
        told.wrong == 0 && told.refused == 0,
        "{} deliveries were refused; {}",
        told.refused,
        told.examples.join("; ")
    );
    let before = matched(database).await?;
    let context = open(bench, database).await?;
    let workers = Workers::new(&context);
    bench.databases.settle(database.engine).await?;
    let begun = Instant::now();
    let processed = workers.inbox.drain().await?;
    let took = begun.elapsed();
    anyhow::ensure!(
        processed == told.acknowledged.len(),
        "of {} deliveries {processed} were processed",
        told.acknowledged.len()
    );
    let (matched, expected) = (
        matched(database).await? - before,
        i64::try_from(processed)? * BINDINGS_OF_A_REPOSITORY,
    );
    anyhow::ensure!(
        matched == expected,
        "{matched} bindings were matched, not {expected}"
    );
    Ok(took.as_secs_f64() * 1e6 / processed as f64)
}

/// Bindings for which something was decided to be done.
async fn matched(database: &Database) -> anyhow::Result<i64> {
    let count =
        "SELECT CAST(count(*) AS text) AS line FROM delivery_decisions WHERE verdict <> 'skipped'";
    database.store.number(count).await
}

/// One organisation with so many bindings, all synced; the pushes' repositories are spread among the others.
async fn bind(context: &Context, database: &Database, count: i64) -> anyhow::Result<()> {
    let app = context.apps.first().context("an App")?;
    let (row, host) = (app.row.get(), &app.host);
    let Words { now, list, .. } = Words::of(database.engine);
    let (installation, pushed) = (body::INSTALLATION, body::REPOSITORY);
    let organization = format!(
        "INSERT INTO organizations (id, slug, created_at, updated_at) VALUES (1, 'bench', {now}, {now})"
    );
    let installed = format!(
        "INSERT INTO installations (id, github_app_id, github_id, created_at, updated_at) \
         VALUES (1, {row}, {installation}, {now}, {now})"
    );
    let granted = format!(
        "INSERT INTO installation_grants (github_host, installation_id, organization_id, created_at) \
         VALUES ('{host}', {installation}, 1, {now})"
    );
    for statement in [organization, installed, granted] {
        database.store.execute(&statement).await?;
    }
    let repositories = count / BINDINGS_OF_A_REPOSITORY;
    let apart = repositories / i64::try_from(body::PUSHES)?;
    let is_pushed = format!("n % {apart} = 0 AND n / {apart} <= {}", body::PUSHES);
    let of =
        |pushed: &str, other: &str| format!("CASE WHEN {is_pushed} THEN {pushed} ELSE {other} END");
    let id = of(&format!("{pushed} + n / {apart}"), "1000000000 + n");
    let owner = of("'harbour-works'", "'owner-' || (n % 997)");
    let name = of(
        &format!("'handbook-' || (n / {apart})"),
        "'repository-' || n",
    );
    fill::insert(
        database,
        "repositories (id, github_host, github_id, owner_id, owner, name, owner_key, name_key, \
         installation_id, default_branch, archived, reachability, confirmed_at, created_at, updated_at)",
        &format!(
            "n, '{host}', {id}, 58120033, {owner}, {name}, {owner}, {name}, 1, 'main', false, \
             'reachable', {now}, {now}, {now}"
        ),
        "",
        repositories,
    )
    .await?;
    fill::insert(
        database,
        "bindings (organization_id, name, github_host, github_owner, github_repo, owner_key, repo_key, \
         root_path, required_files, repository_id, commit_sha, synced_ref, status, generation, version, \
         created_at, updated_at, synced_at)",
        &format!(
            "1, 'binding-' || n, '{host}', r.owner, r.name, r.owner_key, r.name_key, '', {list}, r.id, \
             'e83c5163316f89bfbde7d9ab23ca2e25604af290', 'refs/heads/main', 'succeeded', 1, 1, \
             {now}, {now}, {now}"
        ),
        &format!("JOIN repositories r ON r.id = (n - 1) / {BINDINGS_OF_A_REPOSITORY} + 1"),
        repositories * BINDINGS_OF_A_REPOSITORY,
    )
    .await
}
