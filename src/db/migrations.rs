//! The embedded migrations of both databases.

use diesel::QueryResult;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use diesel_async::{AsyncMigrationHarness, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::{Conn, Driver};
use super::postgres::PostgresConnector;

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// PostgreSQL's advisory lock under which replicas that start together migrate one after the other.
const LOCK: i64 = 0x62_69_6e_64_65_72_79;

#[derive(Debug, Clone, Copy)]
pub enum Direction {
    /// Everything that is pending.
    Up,
    /// Everything, back to an empty database. For tests.
    Down,
}

/// Runs on a connection of its own, without the statement timeout that requests live under.
pub(super) async fn run_postgres(
    connector: &PostgresConnector,
    direction: Direction,
) -> anyhow::Result<usize> {
    let mut connection = connector.connect().await?;
    connection
        .batch_execute(&format!(
            "SET statement_timeout = 0; SELECT pg_advisory_lock({LOCK})"
        ))
        .await?;
    let mut harness = AsyncMigrationHarness::new(connection);
    let result = apply(&mut harness, POSTGRES, direction);
    // Closing the connection releases the lock.
    drop(harness);
    result
}

/// No lock: the process holds the file's own (see `pool`), and this is its one writing connection.
pub(super) async fn run_sqlite(conn: &mut Conn, direction: Direction) -> anyhow::Result<usize> {
    let Driver::Sqlite(handle) = conn.driver() else {
        anyhow::bail!("not a SQLite connection");
    };
    let applied = handle.with(move |connection| Ok(apply(connection, SQLITE, direction)));
    applied.await?
}

fn apply<DB: diesel::backend::Backend>(
    harness: &mut impl MigrationHarness<DB>,
    source: impl MigrationSource<DB>,
    direction: Direction,
) -> anyhow::Result<usize> {
    let versions = match direction {
        Direction::Up => harness.run_pending_migrations(source),
        Direction::Down => harness.revert_all_migrations(source),
    };
    Ok(versions
        .map_err(|error| anyhow::anyhow!("a migration failed: {error}"))?
        .len())
}

/// The migrations of this program that the database has not run, by their versions; `None` where it never
/// ran any. Writes nothing.
pub async fn pending(conn: &mut Conn) -> QueryResult<Option<Vec<String>>> {
    #[derive(diesel::QueryableByName)]
    struct Applied {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let (all, table) = match conn.driver() {
        Driver::Postgres(_) => (
            versions::<Pg>(&POSTGRES)?,
            "SELECT CAST(table_name AS text) AS version FROM information_schema.tables \
             WHERE table_name = '__diesel_schema_migrations' AND table_schema = current_schema()",
        ),
        Driver::Sqlite(_) => (
            versions::<Sqlite>(&SQLITE)?,
            "SELECT name AS version FROM sqlite_master WHERE name = '__diesel_schema_migrations'",
        ),
    };
    let tables: Vec<Applied> = diesel::sql_query(table).load(conn).await?;
    if tables.is_empty() {
        return Ok(None);
    }
    let applied: Vec<Applied> = diesel::sql_query("SELECT version FROM __diesel_schema_migrations")
        .load(conn)
        .await?;
    let is_applied = |version: &String| applied.iter().any(|row| row.version == *version);
    Ok(Some(
        all.into_iter()
            .filter(|version| !is_applied(version))
            .collect(),
    ))
}

fn versions<DB: diesel::backend::Backend>(
    source: &impl MigrationSource<DB>,
) -> QueryResult<Vec<String>> {
    let migrations = source
        .migrations()
        .map_err(diesel::result::Error::QueryBuilderError)?;
    Ok(migrations
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect())
}
