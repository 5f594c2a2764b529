//! A typed query of ours, rendered for one driver: its SQL and its binds.

use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::Untyped;
use diesel::sqlite::Sqlite;

use super::bind::{Bind, Binds};
use super::dialect::{Dialect, DialectQueryBuilder};
use super::types::{SqliteBind, push_postgres, push_sqlite};

/// `Id` is the query's own type, by which a driver caches prepared statements.
pub(super) struct Rendered<B, Id> {
    sql: String,
    cacheable: bool,
    binds: Vec<B>,
    id: PhantomData<fn() -> Id>,
}

impl<Id> Rendered<Bind, Id> {
    pub(super) fn new<T>(query: &T, dialect: &'static Dialect) -> QueryResult<Self>
    where
        T: QueryFragment<Dialect> + QueryId,
    {
        let mut sql = DialectQueryBuilder::new(*dialect);
        query.to_sql(&mut sql, dialect)?;
        let mut binds = Binds::default();
        query.collect_binds(&mut binds, &mut (), dialect)?;
        Ok(Self {
            sql: sql.finish(),
            cacheable: query.is_safe_to_cache_prepared(dialect)?,
            binds: binds.0,
            id: PhantomData,
        })
    }

    /// To be owned by a blocking task, so without the query's type: SQLite's cache goes by the SQL.
    pub(super) fn into_sqlite(self) -> Rendered<SqliteBind, Unnamed> {
        Rendered {
            sql: self.sql,
            cacheable: self.cacheable,
            binds: self.binds.into_iter().map(SqliteBind::from).collect(),
            id: PhantomData,
        }
    }
}

pub(super) enum Unnamed {}

impl QueryId for Unnamed {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// Keeps the cache keys of rendered queries apart from those of native ones.
pub(super) struct RenderedId<T>(PhantomData<fn() -> T>);

impl<B, Id: QueryId> QueryId for Rendered<B, Id> {
    type QueryId = RenderedId<Id::QueryId>;
    const HAS_STATIC_QUERY_ID: bool = Id::HAS_STATIC_QUERY_ID;
}

impl<B, Id> Query for Rendered<B, Id> {
    type SqlType = Untyped;
}

impl<Id> QueryFragment<Pg> for Rendered<Bind, Id> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.cacheable {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql(&self.sql);
        self.binds
            .iter()
            .try_for_each(|bind| push_postgres(&mut out, bind))
    }
}

impl<Id> QueryFragment<Sqlite> for Rendered<SqliteBind, Id> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        if !self.cacheable {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql(&self.sql);
        self.binds
            .iter()
            .try_for_each(|bind| push_sqlite(&mut out, bind))
    }
}
