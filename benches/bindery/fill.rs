//! Rows by the million, written as each database likes it best.

use crate::database::{Database, Engine};

/// Where an expression is written differently.
pub struct Words {
    pub now: &'static str,
    /// An empty list of JSON.
    pub list: &'static str,
    pub object: &'static str,
}

impl Words {
    pub fn of(engine: Engine) -> Self {
        match engine {
            Engine::Postgres => Self {
                now: "now()",
                list: "CAST('[]' AS jsonb)",
                object: "CAST('{}' AS jsonb)",
            },
            Engine::Sqlite => Self {
                now: "CAST(unixepoch('subsec') * 1000000 AS INTEGER)",
                list: "'[]'",
                object: "'{}'",
            },
        }
    }
}

/// `INSERT INTO {into} SELECT {row} FROM` the numbers `n` from 1 to `count` and what is joined to them.
pub async fn insert(
    database: &Database,
    into: &str,
    row: &str,
    joined: &str,
    count: i64,
) -> anyhow::Result<()> {
    let numbers = format!(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})"
    );
    let insert = format!("INSERT INTO {into} {numbers} SELECT {row} FROM n {joined}");
    database.store.execute(&insert).await
}

/// What the database would find out by itself in time.
pub async fn analyze(database: &Database) -> anyhow::Result<()> {
    database.store.execute("ANALYZE").await
}
