//! A database of its own for each test, on either engine.

use std::path::PathBuf;

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use tempfile::TempDir;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// Where the tests' PostgreSQL is; `./dev test` starts one and sets it.
const SERVER: &str = "BINDERY_TEST_POSTGRES_URL";

pub struct TestDatabase {
    pub url: String,
    place: Place,
}

enum Place {
    Folder(TempDir),
    Server { name: String },
}

impl TestDatabase {
    pub async fn create(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let file: PathBuf = folder.path().join("bindery.db");
                Self {
                    url: format!("sqlite://{}", file.display()),
                    place: Place::Folder(folder),
                }
            }
            Engine::Postgres => {
                let name = format!("bindery_test_{:016x}", rand::random::<u64>());
                on_server(&format!("CREATE DATABASE {name}")).await;
                let mut url = server();
                url.set_path(&name);
                Self {
                    url: url.into(),
                    place: Place::Server { name },
                }
            }
        }
    }

    /// Leaves nothing behind. After a test that failed, the database is left to be looked at.
    pub async fn drop(self) {
        match self.place {
            Place::Folder(folder) => folder.close().expect("the folder can be deleted"),
            Place::Server { name } => {
                on_server(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
            }
        }
    }
}

fn server() -> url::Url {
    let url = std::env::var(SERVER).unwrap_or_else(|_| {
        panic!("{SERVER} is not set: run the tests with ./dev test, or name a PostgreSQL server to create databases on")
    });
    url.parse().expect("a PostgreSQL URL")
}

async fn on_server(sql: &str) {
    let mut connection = AsyncPgConnection::establish(server().as_str())
        .await
        .expect("the test server answers");
    connection.batch_execute(sql).await.expect(sql);
}
