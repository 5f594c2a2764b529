//! The database: one connection type over SQLite and PostgreSQL, its pools, schema and migrations.

mod bind;
mod connection;
mod dialect;
mod json;
mod listen;
pub mod migrations;
mod pool;
mod postgres;
mod rendered;
mod row;
pub mod schema;
mod sqlite;
mod text_enum;
mod types;
mod url;
mod wake;

use diesel::result::{DatabaseErrorKind, Error};

pub use connection::{Conn, Driver};
pub use dialect::Dialect;
pub use json::Json;
pub use pool::{Db, DbError, DbSettings, Pooled};
pub use sqlite::Statement;
pub(crate) use text_enum::text_enum;
pub use url::{DatabaseUrl, DatabaseUrlError};
pub use wake::{Channel, Wakes};

/// Whether an error is the database's trouble of the moment: a lost connection, a deadlock, a time-out of a
/// statement or a lock, a full disk, a shutdown. It says nothing of what was asked for. Those that Diesel has no
/// name for are told by PostgreSQL's and SQLite's words.
pub fn is_passing(error: &Error) -> bool {
    const WORDS: [&str; 9] = [
        "deadlock detected",
        "statement timeout",
        "lock timeout",
        "due to user request",
        "terminating connection",
        "No space left on device",
        "could not extend file",
        "database or disk is full",
        "database is locked",
    ];
    let is_told_by_kind = match error {
        Error::DatabaseError(kind, _) => matches!(
            kind,
            DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::SerializationFailure
                | DatabaseErrorKind::ReadOnlyTransaction
        ),
        Error::BrokenTransactionManager => true,
        _ => false,
    };
    is_told_by_kind || {
        let text = error.to_string();
        WORDS.iter().any(|words| text.contains(words))
    }
}
