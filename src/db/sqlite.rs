//! An async handle to a SQLite connection that survives dropped futures.
//!
//! The connection moves into a blocking task for each statement and comes back with its result.
//! When the caller's future is dropped meanwhile, the task finishes and closes the connection, which
//! rolls an open transaction back, and this handle stays broken until the pool replaces it.
//! (diesel-async's own wrapper calls `block_in_place` on drop and panics in an actix worker.)

use diesel::connection::{
    Connection, LoadConnection, SimpleConnection, TransactionManager as _, TransactionManagerStatus,
};
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error};
use diesel::row::IntoOwnedRow;
use diesel::sql_types::Untyped;
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{ConnectionError, ConnectionResult, QueryResult};

use super::dialect::Dialect;
use super::rendered::{Rendered, Unnamed};
use super::types::SqliteBind;

type BorrowedRow<'a> = <SqliteConnection as LoadConnection>::Row<'a, 'static>;
pub(super) type SqliteRow = <BorrowedRow<'static> as IntoOwnedRow<'static, Sqlite>>::OwnedRow;
type Transactions = <SqliteConnection as Connection>::TransactionManager;

/// FULL: an acknowledged delivery survives a power cut. The timeout covers the checkpointer, backups and
/// commands beside the service; writers of this process never meet, since there is one writing connection.
const SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON;";

/// First of all, so that not even the journal's mode is changed: whoever serves the file has set it.
const SETUP_TO_LOOK: &str = "PRAGMA query_only = ON; PRAGMA busy_timeout = 5000;";

/// What a connection is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    Serve,
    /// Beside the process that serves it: nothing can be written.
    Look,
}

pub struct SqliteHandle {
    connection: Option<SqliteConnection>,
    /// What is answered about transactions once the connection is gone.
    lost: TransactionManagerStatus,
}

impl SqliteHandle {
    pub(super) async fn open(path: String, usage: Usage) -> ConnectionResult<Self> {
        let open = move || {
            let mut connection = SqliteConnection::establish(&path)?;
            let setup = match usage {
                Usage::Serve => SETUP,
                Usage::Look => SETUP_TO_LOOK,
            };
            connection
                .batch_execute(setup)
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
            ConnectionResult::Ok(connection)
        };
        let opened = tokio::task::spawn_blocking(open).await;
        let connection =
            opened.map_err(|error| ConnectionError::BadConnection(error.to_string()))??;
        Ok(Self {
            connection: Some(connection),
            lost: TransactionManagerStatus::InError,
        })
    }

    /// Runs `work` on a blocking thread: the way to anything that is SQLite's alone.
    pub async fn with<R: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut SqliteConnection) -> QueryResult<R> + Send + 'static,
    ) -> QueryResult<R> {
        let mut connection = self
            .connection
            .take()
            .ok_or_else(|| closed("a query on this connection was cancelled"))?;
        let task = tokio::task::spawn_blocking(move || {
            let result = work(&mut connection);
            (connection, result)
        });
        let (connection, result) = task.await.map_err(|error| closed(&error.to_string()))?;
        self.connection = Some(connection);
        result
    }

    pub(super) fn get(&mut self) -> Option<&mut SqliteConnection> {
        self.connection.as_mut()
    }

    pub(super) fn status(&mut self) -> &mut TransactionManagerStatus {
        match &mut self.connection {
            Some(connection) => Transactions::transaction_manager_status_mut(connection),
            None => &mut self.lost,
        }
    }

    pub(super) fn is_broken(&mut self) -> bool {
        self.connection
            .as_mut()
            .is_none_or(Transactions::is_broken_transaction_manager)
    }

    /// Takes the write lock at the start, where `busy_timeout` applies: a deferred BEGIN that writes
    /// after a read fails at once with SQLITE_BUSY when another connection wrote meanwhile.
    pub(super) async fn begin(&mut self) -> QueryResult<()> {
        self.with(|connection| {
            let depth =
                Transactions::transaction_manager_status_mut(connection).transaction_depth()?;
            match depth {
                None => Transactions::begin_transaction_sql(connection, "BEGIN IMMEDIATE"),
                Some(_) => Transactions::begin_transaction(connection),
            }
        })
        .await
    }

    /// Sees what was committed when it first reads, until it ends.
    pub(super) async fn begin_reading(&mut self) -> QueryResult<()> {
        self.with(|connection| Transactions::begin_transaction_sql(connection, "BEGIN"))
            .await
    }

    pub(super) async fn rollback(&mut self) -> QueryResult<()> {
        self.with(Transactions::rollback_transaction).await
    }

    pub(super) async fn commit(&mut self) -> QueryResult<()> {
        self.with(Transactions::commit_transaction).await
    }

    /// All in one transaction, and without coming back in between: of each pair the second statement
    /// follows if the first wrote a row. Which did.
    pub async fn write_pairs(
        &mut self,
        pairs: Vec<(Statement, Statement)>,
    ) -> QueryResult<Vec<bool>> {
        self.with(move |connection| {
            connection.immediate_transaction(|connection| {
                let mut wrote = Vec::with_capacity(pairs.len());
                for (first, second) in &pairs {
                    let rows = connection.execute_returning_count(&first.0)?;
                    if rows > 0 {
                        connection.execute_returning_count(&second.0)?;
                    }
                    wrote.push(rows > 0);
                }
                Ok(wrote)
            })
        })
        .await
    }

    pub(super) async fn load<Q>(&mut self, query: Q) -> QueryResult<Vec<SqliteRow>>
    where
        Q: Query<SqlType = Untyped> + QueryFragment<Sqlite> + QueryId + Send + 'static,
    {
        self.with(move |connection| {
            let mut names = Default::default();
            let rows = LoadConnection::load(connection, query)?;
            rows.map(|row| Ok(row?.into_owned(&mut names))).collect()
        })
        .await
    }
}

/// A statement of ours, to be run with others at once.
pub struct Statement(Rendered<SqliteBind, Unnamed>);

impl Statement {
    pub fn new<T>(query: &T) -> QueryResult<Self>
    where
        T: QueryFragment<Dialect> + QueryId,
    {
        Rendered::<_, T>::new(query, &Dialect::Sqlite).map(|rendered| Self(rendered.into_sqlite()))
    }
}

impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Statement")
    }
}

fn closed(why: &str) -> Error {
    Error::DatabaseError(
        DatabaseErrorKind::ClosedConnection,
        Box::new(why.to_owned()),
    )
}

impl std::fmt::Debug for SqliteHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteHandle")
            .field("open", &self.connection.is_some())
            .finish_non_exhaustive()
    }
}
