//! Databases on a disk, a new one for each measurement, so that none inherits what another left.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context as _;
use serde::Serialize;
use tempfile::TempDir;

use crate::postgres::Postgres;
use crate::store::Store;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    Postgres,
    Sqlite,
}

impl Engine {
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }
}

pub struct Databases {
    folder: TempDir,
    postgres: Option<Postgres>,
    made: AtomicU32,
}

/// Empty when it is made; the service migrates it.
pub struct Database {
    pub engine: Engine,
    pub url: String,
    pub store: Store,
    name: String,
}

impl Databases {
    pub async fn start(engines: &[Engine]) -> anyhow::Result<Self> {
        let disk = disk();
        let postgres = if engines.contains(&Engine::Postgres) {
            Some(Postgres::start(&disk).await?)
        } else {
            None
        };
        Ok(Self {
            folder: tempfile::Builder::new()
                .prefix("bindery-bench")
                .tempdir_in(disk)?,
            postgres,
            made: AtomicU32::new(0),
        })
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        match self.postgres {
            Some(postgres) => postgres.stop().await,
            None => Ok(()),
        }
    }

    /// Where logs may go.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn postgres(&self) -> anyhow::Result<&Postgres> {
        self.postgres.as_ref().context("PostgreSQL was left out")
    }

    /// The first process of PostgreSQL's; of SQLite there is none.
    pub fn postmaster(&self, engine: Engine) -> Option<u32> {
        match engine {
            Engine::Postgres => self.postgres.as_ref()?.processes().first().copied(),
            Engine::Sqlite => None,
        }
    }

    pub async fn version(&self, engine: Engine) -> anyhow::Result<String> {
        match engine {
            Engine::Postgres => self.postgres()?.version().await,
            Engine::Sqlite => {
                let memory = Store::Sqlite(":memory:".to_owned());
                Ok(memory
                    .lines("SELECT sqlite_version() AS line")
                    .await?
                    .concat())
            }
        }
    }

    pub async fn make(&self, engine: Engine) -> anyhow::Result<Database> {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        let name = format!("bench_{number}");
        let (url, store) = match engine {
            Engine::Postgres => {
                let postgres = self.postgres()?;
                let create = format!("CREATE DATABASE {name}");
                postgres.store().execute(&create).await?;
                let mut url = postgres.url.clone();
                url.set_path(&name);
                (url.to_string(), Store::Postgres(url.to_string()))
            }
            Engine::Sqlite => {
                let path = self.file(&name, "").display().to_string();
                (format!("sqlite://{path}"), Store::Sqlite(path))
            }
        };
        Ok(Database {
            engine,
            url,
            store,
            name,
        })
    }

    /// Leaves as little as there can be of what was written before.
    pub async fn settle(&self, engine: Engine) -> anyhow::Result<()> {
        match engine {
            Engine::Postgres => self.postgres()?.store().execute("CHECKPOINT").await,
            Engine::Sqlite => Ok(()),
        }
    }

    pub async fn remove(&self, database: Database) -> anyhow::Result<()> {
        match database.engine {
            Engine::Postgres => {
                let drop = format!("DROP DATABASE {} WITH (FORCE)", database.name);
                self.postgres()?.store().execute(&drop).await
            }
            Engine::Sqlite => {
                for end in ["", "-wal", "-shm", ".lock"] {
                    let file = self.file(&database.name, end);
                    if file.exists() {
                        std::fs::remove_file(file)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn file(&self, name: &str, end: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.db{end}"))
    }
}

/// Not in memory, as temporary folders may be.
fn disk() -> PathBuf {
    let folder = Path::new("/var/tmp");
    if folder.is_dir() {
        folder.to_owned()
    } else {
        std::env::temp_dir()
    }
}
