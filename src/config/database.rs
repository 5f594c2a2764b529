use std::time::Duration;

use super::setting::settings;
use super::value::{Fault, Value};
use crate::db::{DatabaseUrl, DbSettings};

settings! {
    /// The database: one SQLite file, or a PostgreSQL that any number of processes share.
    pub struct DatabaseConfig in "database" {
        /// `sqlite://PATH` (one process only) or `postgres://USER:PASSWORD@HOST/DATABASE`.
        url: DatabaseUrl = value "sqlite://bindery.db", "DATABASE_URL", flag "database-url";
        /// Connections of the pool. One more writes on SQLite, and one more listens on PostgreSQL.
        pool_size: Option<u32> = optional "16 on PostgreSQL; 4 readers and one writer on SQLite",
            "BINDERY_DATABASE_POOL_SIZE", from "1" to "1000";
        /// How long a request or a worker waits for a free connection.
        acquire_timeout: Duration = value "3s", "BINDERY_DATABASE_ACQUIRE_TIMEOUT",
            from "10ms" to "1m";
        /// How long one statement may run on PostgreSQL. With the wait for a connection it must stay below the
        /// 10 seconds that GitHub gives an answer to a delivery.
        statement_timeout: Duration = value "5s", "BINDERY_DATABASE_STATEMENT_TIMEOUT",
            from "10ms" to "10m";
    }
}

impl DatabaseConfig {
    /// What the database is opened with.
    pub fn settings(&self) -> DbSettings {
        DbSettings {
            url: self.url.clone(),
            pool_size: self.connections(),
            acquire_timeout: self.acquire_timeout,
            statement_timeout: self.statement_timeout,
        }
    }

    /// SQLite has a writer besides, and readers do not wait for the network.
    fn connections(&self) -> usize {
        match self.pool_size {
            Some(size) => size as usize,
            None if self.url.is_sqlite() => 4,
            None => 16,
        }
    }
}

impl Value for DatabaseUrl {
    const EXPECTED: &'static str = "sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, Fault> {
        Self::parse(text).map_err(|error| Fault::Explained(error.to_string()))
    }

    fn show(&self) -> String {
        self.redacted()
    }
}
