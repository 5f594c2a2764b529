//! Pools with bounded waits: on PostgreSQL one for all, on SQLite one writer and several readers.

use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use diesel::ConnectionError;
use secrecy::ExposeSecret;
use tokio::runtime::Handle;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::connection::{Conn, Driver};
use super::listen;
use super::migrations::{self, Direction};
use super::postgres::PostgresConnector;
use super::sqlite::{SqliteHandle, Usage};
use super::url::DatabaseUrl;
use super::wake::Wakes;

#[derive(Debug, Clone)]
pub struct DbSettings {
    pub url: DatabaseUrl,
    /// Connections to PostgreSQL, or readers of SQLite.
    pub pool_size: usize,
    /// How long a request waits for a connection before it is refused.
    pub acquire_timeout: Duration,
    /// How long PostgreSQL works on one statement.
    pub statement_timeout: Duration,
}

/// A connection that goes back to its pool when it is dropped.
///
/// One that was left in the middle of something is closed: in the pool it would hold its locks until
/// somebody happened to be given it.
#[derive(Debug)]
pub struct Pooled(Option<managed::Object<Connector>>);

/// Only `drop` takes the connection out.
const HELD: &str = "a connection until it is dropped";

impl Deref for Pooled {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        self.0.as_ref().expect(HELD)
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Conn {
        self.0.as_mut().expect(HELD)
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(mut object) = self.0.take()
            && object.is_broken()
        {
            drop(managed::Object::take(object));
        }
    }
}

type Pool = managed::Pool<Connector>;

/// The database, for the life of the process. Clones share the pools.
#[derive(Clone)]
pub struct Db {
    write: Pool,
    read: Pool,
    wakes: Wakes,
    postgres: Option<PostgresConnector>,
    /// The process's own, see [`Connector`].
    runtime: Handle,
    /// Held so that no second process opens the same SQLite file.
    _lock: Option<Arc<File>>,
}

/// Why there was no result; the answer to all of it is "not now".
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("no database connection: {0}")]
    Connection(String),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
}

impl Db {
    /// Opens the pools, and the database file when there is none yet. Does not migrate.
    pub async fn open(settings: &DbSettings) -> anyhow::Result<Self> {
        let wakes = Wakes::default();
        match &settings.url {
            DatabaseUrl::Postgres(url) => {
                let connector =
                    PostgresConnector::new(url.expose_secret(), settings.statement_timeout)?;
                let source = Source::Postgres(connector.clone());
                let pool = pool(source, settings.pool_size, settings, &wakes)?;
                let postgres = Some(connector);
                Ok(Self {
                    write: pool.clone(),
                    read: pool,
                    wakes,
                    postgres,
                    runtime: Handle::current(),
                    _lock: None,
                })
            }
            DatabaseUrl::Sqlite(path) => {
                let lock = lock_file(path)?;
                let source = Source::Sqlite(path.to_string_lossy().into_owned(), Usage::Serve);
                let write = pool(source.clone(), 1, settings, &wakes)?;
                let read = pool(source, settings.pool_size, settings, &wakes)?;
                Ok(Self {
                    write,
                    read,
                    wakes,
                    postgres: None,
                    runtime: Handle::current(),
                    _lock: Some(Arc::new(lock)),
                })
            }
        }
    }

    /// Opens a database that is there to be looked at, beside the processes that serve it.
    pub async fn open_to_look(settings: &DbSettings) -> anyhow::Result<Self> {
        let DatabaseUrl::Sqlite(path) = &settings.url else {
            return Self::open(settings).await;
        };
        check_there(path)?;
        let wakes = Wakes::default();
        let source = Source::Sqlite(path.to_string_lossy().into_owned(), Usage::Look);
        let pool = pool(source, settings.pool_size, settings, &wakes)?;
        Ok(Self {
            write: pool.clone(),
            read: pool,
            wakes,
            postgres: None,
            runtime: Handle::current(),
            _lock: None,
        })
    }

    /// Opens a database that is there to be changed for a moment, beside the process that serves it: on SQLite
    /// without the lock by which one process is the one that serves. Writers of two processes wait for each other
    /// as long as SQLite's `busy_timeout` says; what is enqueued wakes nobody there, and is found at the next look
    /// (`BINDERY_QUEUE_POLL`).
    pub async fn open_beside(settings: &DbSettings) -> anyhow::Result<Self> {
        let DatabaseUrl::Sqlite(path) = &settings.url else {
            return Self::open(settings).await;
        };
        check_there(path)?;
        let wakes = Wakes::default();
        let source = Source::Sqlite(path.to_string_lossy().into_owned(), Usage::Serve);
        Ok(Self {
            write: pool(source.clone(), 1, settings, &wakes)?,
            read: pool(source, settings.pool_size, settings, &wakes)?,
            wakes,
            postgres: None,
            runtime: Handle::current(),
            _lock: None,
        })
    }

    pub async fn migrate(&self, direction: Direction) -> anyhow::Result<usize> {
        match &self.postgres {
            Some(connector) => migrations::run_postgres(connector, direction).await,
            None => {
                let mut conn = self.write().await?;
                migrations::run_sqlite(&mut conn, direction).await
            }
        }
    }

    /// A connection that may write. On SQLite there is one, so it is held briefly and never across a
    /// call to the network.
    pub async fn write(&self) -> Result<Pooled, DbError> {
        acquire(&self.write).await
    }

    pub async fn read(&self) -> Result<Pooled, DbError> {
        acquire(&self.read).await
    }

    /// Where work goes that outlives the request that began it.
    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub fn wakes(&self) -> &Wakes {
        &self.wakes
    }

    /// Passes on what other processes notify; returns when `stop` is cancelled, at once on SQLite.
    pub async fn listen(&self, stop: CancellationToken) {
        if let Some(connector) = &self.postgres {
            listen::run(connector, &self.wakes, stop).await;
        }
    }

    pub fn is_sqlite(&self) -> bool {
        self.postgres.is_none()
    }
}

/// SQLite would make one.
fn check_there(path: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        path.is_file(),
        "there is no database {}: set DATABASE_URL to the one to look at",
        path.display()
    );
    Ok(())
}

async fn acquire(pool: &Pool) -> Result<Pooled, DbError> {
    pool.get()
        .await
        .map(|object| Pooled(Some(object)))
        .map_err(|error| DbError::Connection(error.to_string()))
}

fn pool(source: Source, size: usize, settings: &DbSettings, wakes: &Wakes) -> anyhow::Result<Pool> {
    let connector = Connector {
        source,
        wakes: wakes.clone(),
        runtime: Handle::current(),
    };
    Ok(Pool::builder(connector)
        .max_size(size)
        // The connections used last have their statements prepared; the others may rest.
        .queue_mode(managed::QueueMode::Lifo)
        .wait_timeout(Some(settings.acquire_timeout))
        .create_timeout(Some(settings.acquire_timeout))
        .recycle_timeout(Some(settings.acquire_timeout))
        .runtime(deadpool::Runtime::Tokio1)
        .build()?)
}

/// A lock on a file beside the database: SQLite's own locks are per connection, and two services
/// on one file would not wake each other.
fn lock_file(path: &Path) -> anyhow::Result<File> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let lock_path = Path::new(&lock_path);
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        anyhow::ensure!(
            folder.is_dir(),
            "the folder of the database, {}, does not exist",
            folder.display()
        );
    }
    let file = File::create(lock_path)
        .map_err(|error| anyhow::anyhow!("cannot create {}: {error}", lock_path.display()))?;
    file.try_lock().map_err(|_| {
        anyhow::anyhow!(
            "{} is in use by another process: SQLite serves one Bindery at a time; stop it, or use PostgreSQL",
            path.display()
        )
    })?;
    Ok(file)
}

/// Opens connections for a pool.
#[derive(Clone)]
pub(super) struct Connector {
    source: Source,
    wakes: Wakes,
    /// Where connections to PostgreSQL live. The server's threads have runtimes of their own, and a
    /// connection that one of them opened would end with it, under a job that is still at work.
    runtime: Handle,
}

#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "two of them in a process")]
enum Source {
    Postgres(PostgresConnector),
    Sqlite(String, Usage),
}

impl managed::Manager for Connector {
    type Type = Conn;
    type Error = ConnectionError;

    async fn create(&self) -> Result<Conn, ConnectionError> {
        let driver = match &self.source {
            Source::Postgres(connector) => {
                let connector = connector.clone();
                let opening = self.runtime.spawn(async move { connector.connect().await });
                // Nobody waits any more: a server that is frozen would keep the socket for as long.
                let opening = AbortOnDropHandle::new(opening);
                let stopped = |error: JoinError| ConnectionError::BadConnection(error.to_string());
                Driver::Postgres(opening.await.map_err(stopped)??)
            }
            Source::Sqlite(path, usage) => {
                Driver::Sqlite(SqliteHandle::open(path.clone(), *usage).await?)
            }
        };
        Ok(Conn::new(driver, self.wakes.clone()))
    }

    /// No ping: a dead connection says so at its first query, and is not recycled again.
    async fn recycle(&self, conn: &mut Conn, _: &Metrics) -> RecycleResult<ConnectionError> {
        if conn.is_broken() {
            return Err(RecycleError::Message("the connection is broken".into()));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db")
            .field("sqlite", &self.is_sqlite())
            .finish_non_exhaustive()
    }
}
