//! The database by itself: one row with one body in a commit, again and again on one connection. A lone
//! sender cannot be answered faster.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::anyhow;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio_postgres::NoTls;

use crate::body::Push;
use crate::database::{Database, Engine};
use crate::guid::Guid;
use crate::load::{Load, Measured, Window};
use crate::spent::Processes;
use crate::store::Store;
use crate::told::Told;

diesel::table! {
    bench_rows (id) {
        id -> BigInt,
        guid -> Text,
        body -> Binary,
    }
}

const ON_POSTGRES: &str = "CREATE TABLE bench_rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
    guid text NOT NULL UNIQUE, body bytea NOT NULL)";
const ON_SQLITE: &str = "CREATE TABLE bench_rows (id INTEGER PRIMARY KEY, \
    guid TEXT NOT NULL UNIQUE, body BLOB NOT NULL)";
/// As the service opens it.
const DURABLE: &str =
    "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";

pub async fn measure(
    database: &Database,
    postmaster: Option<u32>,
    load: &Load,
    pushes: &Arc<[Push]>,
) -> anyhow::Result<Measured> {
    let create = match database.engine {
        Engine::Postgres => ON_POSTGRES.to_owned(),
        Engine::Sqlite => format!("{DURABLE} {ON_SQLITE}"),
    };
    database.store.execute(&create).await?;
    let writer = Writer {
        window: Window::of(load),
        pushes: Arc::clone(pushes),
        rows: Arc::default(),
    };
    let (rows, window) = (Arc::clone(&writer.rows), writer.window);
    let store = database.store.clone();
    let writing = std::thread::spawn(move || writer.write(&store));
    let processes = Processes {
        service: None,
        postmaster,
    };
    let spent = window.watch(processes, &rows).await?;
    let joined = tokio::task::spawn_blocking(move || writing.join()).await?;
    let told = joined.map_err(|_| anyhow!("a writer panicked"))??;
    Ok(Measured { told, spent })
}

struct Writer {
    window: Window,
    pushes: Arc<[Push]>,
    rows: Arc<AtomicU64>,
}

impl Writer {
    fn write(&self, store: &Store) -> anyhow::Result<Told> {
        match store {
            Store::Postgres(url) => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                runtime.block_on(self.on_postgres(url))
            }
            Store::Sqlite(path) => self.on_sqlite(path),
        }
    }

    async fn on_postgres(&self, url: &str) -> anyhow::Result<Told> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        let insert = client
            .prepare("INSERT INTO bench_rows (guid, body) VALUES ($1, $2)")
            .await?;
        let (mut told, mut random) = (Told::default(), StdRng::from_rng(&mut rand::rng()));
        for push in self.pushes.iter().cycle() {
            let guid = Guid::random(&mut random).to_string();
            let begun = Instant::now();
            if begun >= self.window.until {
                break;
            }
            client.execute(&insert, &[&guid, &push.body]).await?;
            self.note(begun, &mut told);
        }
        Ok(told)
    }

    fn on_sqlite(&self, path: &str) -> anyhow::Result<Told> {
        let mut connection = SqliteConnection::establish(path)?;
        connection.batch_execute(DURABLE)?;
        let (mut told, mut random) = (Told::default(), StdRng::from_rng(&mut rand::rng()));
        for push in self.pushes.iter().cycle() {
            let guid = Guid::random(&mut random).to_string();
            let begun = Instant::now();
            if begun >= self.window.until {
                break;
            }
            let row = (bench_rows::guid.eq(guid), bench_rows::body.eq(&push.body));
            diesel::insert_into(bench_rows::table)
                .values(row)
                .execute(&mut connection)?;
            self.note(begun, &mut told);
        }
        Ok(told)
    }

    fn note(&self, begun: Instant, told: &mut Told) {
        let took = begun.elapsed();
        self.rows.fetch_add(1, Ordering::Relaxed);
        if self.window.has(begun) {
            told.took(took);
        }
    }
}
