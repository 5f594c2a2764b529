//! The one connection type of the program: every query is written once and runs on both databases.
//!
//! Where the databases really differ (row locks, `NOTIFY`), the difference is a `match` on
//! [`Driver`] in that one query.

use diesel::connection::{
    CacheSize, Connection as _, Instrumentation, SimpleConnection as _, TransactionManagerStatus,
};
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use diesel::{ConnectionError, ConnectionResult, QueryResult};
use diesel_async::methods::LoadQuery;
use diesel_async::{
    AsyncConnection, AsyncConnectionCore, AsyncPgConnection, SimpleAsyncConnection,
    TransactionManager,
};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};

use super::dialect::Dialect;
use super::rendered::Rendered;
use super::row::AnyRow;
use super::sqlite::SqliteHandle;
use super::wake::{Channel, Pending, Wakes};

#[derive(Debug)]
pub struct Conn {
    driver: Driver,
    wakes: Wakes,
    pending: Pending,
    /// PostgreSQL works on a statement whose caller may have given up on it: who comes next would
    /// wait for its end.
    at_work: bool,
}

#[expect(
    clippy::large_enum_variant,
    reason = "a pool holds a handful of them, each behind a box of its own"
)]
pub enum Driver {
    Postgres(AsyncPgConnection),
    Sqlite(SqliteHandle),
}

impl Conn {
    pub(super) fn new(driver: Driver, wakes: Wakes) -> Self {
        Self {
            driver,
            wakes,
            pending: Pending::default(),
            at_work: false,
        }
    }

    pub fn driver(&mut self) -> &mut Driver {
        &mut self.driver
    }

    /// Wakes the workers of `channel`, in every process, once the open transaction has committed.
    ///
    /// Must be called inside a transaction: a worker that is told before the commit finds no row.
    pub async fn wake_on_commit(&mut self, channel: Channel) -> QueryResult<()> {
        self.pending.ring(channel);
        if self.pending.is_notified(channel) {
            return Ok(());
        }
        if let Driver::Postgres(connection) = &mut self.driver {
            connection
                .batch_execute(&format!("NOTIFY {}", channel.name()))
                .await?;
        }
        self.pending.notified(channel);
        Ok(())
    }

    /// Reads several things as they were at one instant, and holds nobody up: no lock is taken, on SQLite
    /// not the writer's either. Nothing may be written in it.
    pub async fn snapshot<T>(
        &mut self,
        read: impl AsyncFnOnce(&mut Self) -> QueryResult<T>,
    ) -> QueryResult<T> {
        match &mut self.driver {
            Driver::Postgres(connection) => {
                PgTransactions::begin_transaction_sql(connection, SNAPSHOT).await?;
            }
            Driver::Sqlite(handle) => handle.begin_reading().await?,
        }
        let found = read(self).await;
        let ended = Transactions::rollback_transaction(self).await;
        found.and_then(|found| ended.map(|()| found))
    }

    /// A query in PostgreSQL's own words, to its end. `None` on SQLite.
    pub async fn load_postgres<'query, Q, T>(&mut self, query: Q) -> Option<QueryResult<Vec<T>>>
    where
        Q: LoadQuery<'query, AsyncPgConnection, T> + 'query,
        T: Send,
    {
        match &mut self.driver {
            Driver::Postgres(connection) => {
                let rows = diesel_async::RunQueryDsl::load(query, connection);
                Some(marked(&mut self.at_work, rows).await)
            }
            Driver::Sqlite(_) => None,
        }
    }

    pub(super) fn is_broken(&mut self) -> bool {
        match &mut self.driver {
            Driver::Postgres(connection) => {
                use diesel_async::pooled_connection::PoolableConnection as _;
                self.at_work || connection.is_broken()
            }
            Driver::Sqlite(handle) => handle.is_broken(),
        }
    }

    fn in_transaction(&mut self) -> bool {
        let status = Transactions::transaction_manager_status_mut(self);
        status
            .transaction_depth()
            .is_ok_and(|depth| depth.is_some())
    }
}

/// Sets the mark while a statement runs; whoever stops waiting for it leaves the mark behind.
async fn marked<T>(mark: &mut bool, statement: impl Future<Output = T>) -> T {
    *mark = true;
    let ended = statement.await;
    *mark = false;
    ended
}

impl SimpleAsyncConnection for Conn {
    async fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        match &mut self.driver {
            Driver::Postgres(connection) => {
                marked(&mut self.at_work, connection.batch_execute(query)).await
            }
            Driver::Sqlite(handle) => {
                let query = query.to_owned();
                handle
                    .with(move |connection| connection.batch_execute(&query))
                    .await
            }
        }
    }
}

impl AsyncConnectionCore for Conn {
    type ExecuteFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<usize>>;
    type LoadFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<Self::Stream<'conn, 'query>>>;
    type Stream<'conn, 'query> = BoxStream<'static, QueryResult<AnyRow>>;
    type Row<'conn, 'query> = AnyRow;
    type Backend = Dialect;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Dialect> + QueryId + 'query,
    {
        let query = source.as_query();
        match &mut self.driver {
            Driver::Postgres(connection) => {
                match Rendered::<_, T::Query>::new(&query, &Dialect::Postgres) {
                    // Read to its end before a row is handed out: a commit can fail after the rows were
                    // sent, and `get_result` drops the stream before it would see that error.
                    Ok(rendered) => {
                        let rows = connection
                            .load(rendered)
                            .and_then(|rows| rows.map_ok(AnyRow::Postgres).try_collect::<Vec<_>>())
                            .map_ok(|rows| stream::iter(rows.into_iter().map(Ok)).boxed());
                        marked(&mut self.at_work, rows).boxed()
                    }
                    Err(error) => std::future::ready(Err(error)).boxed(),
                }
            }
            Driver::Sqlite(handle) => {
                match Rendered::<_, T::Query>::new(&query, &Dialect::Sqlite) {
                    Ok(rendered) => handle
                        .load(rendered.into_sqlite())
                        .map_ok(|rows| {
                            stream::iter(rows.into_iter().map(|row| Ok(AnyRow::Sqlite(row))))
                                .boxed()
                        })
                        .boxed(),
                    Err(error) => std::future::ready(Err(error)).boxed(),
                }
            }
        }
    }

    fn execute_returning_count<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Dialect> + QueryId + 'query,
    {
        match &mut self.driver {
            Driver::Postgres(connection) => {
                match Rendered::<_, T>::new(&source, &Dialect::Postgres) {
                    Ok(rendered) => {
                        let count = connection.execute_returning_count(rendered);
                        marked(&mut self.at_work, count).boxed()
                    }
                    Err(error) => std::future::ready(Err(error)).boxed(),
                }
            }
            Driver::Sqlite(handle) => match Rendered::<_, T>::new(&source, &Dialect::Sqlite) {
                Ok(rendered) => {
                    let rendered = rendered.into_sqlite();
                    handle
                        .with(move |connection| connection.execute_returning_count(&rendered))
                        .boxed()
                }
                Err(error) => std::future::ready(Err(error)).boxed(),
            },
        }
    }
}

impl AsyncConnection for Conn {
    type TransactionManager = Transactions;

    async fn establish(url: &str) -> ConnectionResult<Self> {
        Err(ConnectionError::BadConnection(format!(
            "connections are opened by the pool, which knows more than {} bytes of URL",
            url.len()
        )))
    }

    fn transaction_state(&mut self) -> &mut Self {
        self
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        match &mut self.driver {
            Driver::Postgres(connection) => connection.instrumentation(),
            Driver::Sqlite(handle) => handle.get().expect(OPEN).instrumentation(),
        }
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        match &mut self.driver {
            Driver::Postgres(connection) => connection.set_instrumentation(instrumentation),
            Driver::Sqlite(handle) => handle
                .get()
                .expect(OPEN)
                .set_instrumentation(instrumentation),
        }
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        match &mut self.driver {
            Driver::Postgres(connection) => connection.set_prepared_statement_cache_size(size),
            Driver::Sqlite(handle) => handle
                .get()
                .expect(OPEN)
                .set_prepared_statement_cache_size(size),
        }
    }
}

/// The pool hands out no connection whose query was cancelled (`is_broken`).
const OPEN: &str = "a connection with no cancelled query";

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

type PgTransactions = <AsyncPgConnection as AsyncConnection>::TransactionManager;

/// Begins, commits and rolls back on whichever driver it is, and rings the bells after a commit.
#[derive(Debug)]
pub struct Transactions;

impl TransactionManager<Conn> for Transactions {
    type TransactionStateData = Conn;

    async fn begin_transaction(conn: &mut Conn) -> QueryResult<()> {
        match &mut conn.driver {
            Driver::Postgres(connection) => PgTransactions::begin_transaction(connection).await,
            Driver::Sqlite(handle) => handle.begin().await,
        }
    }

    async fn rollback_transaction(conn: &mut Conn) -> QueryResult<()> {
        let rolled_back = match &mut conn.driver {
            Driver::Postgres(connection) => PgTransactions::rollback_transaction(connection).await,
            Driver::Sqlite(handle) => handle.rollback().await,
        };
        if conn.in_transaction() {
            // PostgreSQL forgets with a savepoint what it was to notify.
            conn.pending.renotify();
        } else {
            conn.pending.take().for_each(drop);
        }
        rolled_back
    }

    async fn commit_transaction(conn: &mut Conn) -> QueryResult<()> {
        let committed = match &mut conn.driver {
            Driver::Postgres(connection) => PgTransactions::commit_transaction(connection).await,
            Driver::Sqlite(handle) => handle.commit().await,
        };
        // Rung after a failed commit too: its outcome may be unknown, and a needless look is cheap.
        if !conn.in_transaction() {
            let Conn { pending, wakes, .. } = conn;
            pending.take().for_each(|channel| wakes.ring(channel));
        }
        committed
    }

    fn transaction_manager_status_mut(conn: &mut Conn) -> &mut TransactionManagerStatus {
        match &mut conn.driver {
            Driver::Postgres(connection) => {
                PgTransactions::transaction_manager_status_mut(connection)
            }
            Driver::Sqlite(handle) => handle.status(),
        }
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Postgres(_) => "Postgres",
            Self::Sqlite(_) => "Sqlite",
        })
    }
}
