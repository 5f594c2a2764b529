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

pub use connection::{Conn, Driver};
pub use dialect::Dialect;
pub use json::Json;
pub use pool::{Db, DbError, DbSettings, Pooled};
pub(crate) use text_enum::text_enum;
pub use url::{DatabaseUrl, DatabaseUrlError};
pub use wake::{Channel, Wakes};
