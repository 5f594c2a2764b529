use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::setting::settings;
use super::value::{Fault, Value};

settings! {
    /// The database: one SQLite file, or a PostgreSQL that any number of processes share.
    pub struct DatabaseConfig in "database" {
        /// `sqlite://PATH` (one process only) or `postgres://USER:PASSWORD@HOST/DATABASE`.
        url: DatabaseUrl = value "sqlite://bindery.db", "DATABASE_URL", flag "database-url";
        /// Connections that this process opens at most.
        pool_size: Option<u32> = optional "16 on PostgreSQL; 4 readers and one writer on SQLite",
            "BINDERY_DATABASE_POOL_SIZE", from "1" to "1000";
        /// How long a request or a worker waits for a free connection.
        acquire_timeout: Duration = value "3s", "BINDERY_DATABASE_ACQUIRE_TIMEOUT",
            from "10ms" to "1m";
        /// How long one statement may run. With the wait for a connection it must stay below the
        /// 10 seconds that GitHub gives an answer to a delivery.
        statement_timeout: Duration = value "5s", "BINDERY_DATABASE_STATEMENT_TIMEOUT",
            from "10ms" to "10m";
    }
}

impl DatabaseConfig {
    /// Connections to PostgreSQL or, on SQLite, readers (its writer is one more).
    pub fn connections(&self) -> u32 {
        self.pool_size.unwrap_or(match self.url.kind() {
            DatabaseKind::Postgres => 16,
            DatabaseKind::Sqlite => 4,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    Sqlite,
    Postgres,
}

/// Where the database is. It may hold a password, so it is shown without one.
#[derive(Clone)]
pub struct DatabaseUrl(SecretString);

impl DatabaseUrl {
    pub fn kind(&self) -> DatabaseKind {
        if self.expose_secret().starts_with("sqlite:") {
            DatabaseKind::Sqlite
        } else {
            DatabaseKind::Postgres
        }
    }
}

impl ExposeSecret<str> for DatabaseUrl {
    fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.expose_secret();
        match (self.kind(), Url::parse(text)) {
            (DatabaseKind::Postgres, Ok(mut url)) => {
                // A password can also be a parameter, and parameters have no secrets to miss.
                url.set_query(None);
                if url.password().is_some() && url.set_password(Some("***")).is_err() {
                    return f.write_str("(set)");
                }
                f.write_str(url.as_str())
            }
            _ => f.write_str(text),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Value for DatabaseUrl {
    const EXPECTED: &'static str = "sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE";
    const SECRET: bool = true;

    fn parse(text: &str) -> Result<Self, Fault> {
        let postgres = ["postgres:", "postgresql:"]
            .iter()
            .any(|s| text.starts_with(s));
        match text.strip_prefix("sqlite://") {
            Some("") => Err(Fault::Reason("names no file".to_owned())),
            None if !postgres => Err(Fault::Reason("is for no database that is known".to_owned())),
            None if Url::parse(text).is_err() => Err(Fault::Reason("is not a URL".to_owned())),
            Some(_) | None => Ok(Self(text.into())),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_known_by_its_scheme() {
        let cases = [
            ("sqlite://bindery.db", DatabaseKind::Sqlite),
            ("sqlite:///var/lib/bindery.db", DatabaseKind::Sqlite),
            ("postgres://h/db", DatabaseKind::Postgres),
            (
                "postgresql:///db?host=/run/postgresql",
                DatabaseKind::Postgres,
            ),
        ];
        for (text, kind) in cases {
            assert_eq!(DatabaseUrl::parse(text).expect(text).kind(), kind);
        }
        for bad in [
            "",
            "bindery.db",
            "sqlite://",
            "sqlite:x",
            "mysql://h/db",
            "postgres://:x",
        ] {
            assert!(DatabaseUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let cases = [
            ("postgres://u:canary@h:1/db", "postgres://u:***@h:1/db"),
            ("postgres://h/db?user=u&password=canary", "postgres://h/db"),
            (
                "sqlite:///var/lib/bindery.db",
                "sqlite:///var/lib/bindery.db",
            ),
        ];
        for (text, shown) in cases {
            let url = DatabaseUrl::parse(text).expect(text);
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
        }
    }
}
