//! A Diesel backend that is either PostgreSQL or SQLite, decided by its value.
//!
//! The two databases speak nearly one dialect. What both understand is declared here once; what only
//! one of them understands has no impl, so that using it does not compile.

use std::fmt::Write;

use diesel::backend::{
    Backend, DieselReserveSpecialization, SqlDialect, TrustedBackend, sql_dialect as d,
};
use diesel::insertable::CanInsertInSingleQuery;
use diesel::query_builder::{
    All, AstPass, BatchInsert, BoxedLimitOffsetClause, Distinct, Except, Intersect,
    IntoBoxedClause, LimitClause, LimitOffsetClause, NoLimitClause, NoOffsetClause, OffsetClause,
    ParenthesisWrapper, QueryBuilder, QueryFragment, ReturningClause, SupportsCombinationClause,
    Union, ValuesClause,
};
use diesel::result::QueryResult;
use diesel::sql_types::TypeMetadata;

use super::bind::{Binds, Kind};
use super::row::RawValue;

/// Which database a query is rendered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    #[default]
    Postgres,
    Sqlite,
}

impl Backend for Dialect {
    type QueryBuilder = DialectQueryBuilder;
    type RawValue<'a> = RawValue<'a>;
    type BindCollector<'a> = Binds;
}

impl TypeMetadata for Dialect {
    type TypeMetadata = Kind;
    type MetadataLookup = ();
}

impl TrustedBackend for Dialect {}
impl DieselReserveSpecialization for Dialect {}

impl SqlDialect for Dialect {
    type ReturningClause = Returning;
    type OnConflictClause = OnConflict;
    // SQLite has no DEFAULT keyword: defaults are written in Rust.
    type InsertWithDefaultKeyword = d::default_keyword_for_insert::DoesNotSupportDefaultKeyword;
    type BatchInsertSupport = MultiRowInsert;
    type ConcatClause = d::concat_clause::ConcatWithPipesClause;
    type DefaultValueClauseForInsert = d::default_value_clause::AnsiDefaultValueClause;
    type EmptyFromClauseSyntax = d::from_clause_syntax::AnsiSqlFromClauseSyntax;
    type SelectStatementSyntax = d::select_statement_syntax::AnsiSqlSelectStatement;
    type ExistsSyntax = d::exists_syntax::AnsiSqlExistsSyntax;
    type ArrayComparison = d::array_comparison::AnsiSqlArrayComparison;
    type AliasSyntax = d::alias_syntax::AsAliasSyntax;
    type WindowFrameClauseGroupSupport =
        d::window_frame_clause_group_support::IsoGroupWindowFrameUnit;
    type WindowFrameExclusionSupport = d::window_frame_exclusion_support::FrameExclusionSupport;
    type AggregateFunctionExpressions =
        d::aggregate_function_expressions::PostgresLikeAggregateFunctionExpressions;
    type BuiltInWindowFunctionRequireOrder =
        d::built_in_window_function_require_order::NoOrderRequired;
}

/// `ON CONFLICT … DO`, as both write it.
#[derive(Debug)]
pub struct OnConflict;
impl d::on_conflict_clause::SupportsOnConflictClause for OnConflict {}
impl d::on_conflict_clause::SupportsOnConflictClauseWhere for OnConflict {}
impl d::on_conflict_clause::PgLikeOnConflictClause for OnConflict {}

/// `RETURNING` with unqualified columns, as SQLite wants them and PostgreSQL allows.
#[derive(Debug)]
pub struct Returning;
impl d::returning_clause::SupportsReturningClause for Returning {}

impl<E: QueryFragment<Dialect>> QueryFragment<Dialect, Returning> for ReturningClause<E> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        out.skip_from(true);
        out.push_sql(" RETURNING ");
        self.0.walk_ast(out.reborrow())
    }
}

/// `INSERT … VALUES (…), (…)`.
#[derive(Debug)]
pub struct MultiRowInsert;

impl<V, Tab, QId, const STATIC: bool> QueryFragment<Dialect, MultiRowInsert>
    for BatchInsert<Vec<ValuesClause<V, Tab>>, Tab, QId, STATIC>
where
    ValuesClause<V, Tab>: QueryFragment<Dialect>,
    V: QueryFragment<Dialect>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        if !STATIC {
            out.unsafe_to_cache_prepared();
        }
        let mut rows = self.values.iter();
        // The first row brings the column list and VALUES with it.
        if let Some(first) = rows.next() {
            first.walk_ast(out.reborrow())?;
        }
        for row in rows {
            out.push_sql(", (");
            row.values.walk_ast(out.reborrow())?;
            out.push_sql(")");
        }
        Ok(())
    }
}

impl<V, Tab, QId, const STATIC: bool> CanInsertInSingleQuery<Dialect>
    for BatchInsert<Vec<ValuesClause<V, Tab>>, Tab, QId, STATIC>
{
    fn rows_to_insert(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

// An OFFSET without a LIMIT is no SQLite syntax, so that combination has no impl.
impl QueryFragment<Dialect> for LimitOffsetClause<NoLimitClause, NoOffsetClause> {
    fn walk_ast<'b>(&'b self, _: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        Ok(())
    }
}

impl<L> QueryFragment<Dialect> for LimitOffsetClause<LimitClause<L>, NoOffsetClause>
where
    LimitClause<L>: QueryFragment<Dialect>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        self.limit_clause.walk_ast(out)
    }
}

impl<L, O> QueryFragment<Dialect> for LimitOffsetClause<LimitClause<L>, OffsetClause<O>>
where
    LimitClause<L>: QueryFragment<Dialect>,
    OffsetClause<O>: QueryFragment<Dialect>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        self.limit_clause.walk_ast(out.reborrow())?;
        self.offset_clause.walk_ast(out.reborrow())
    }
}

impl QueryFragment<Dialect> for BoxedLimitOffsetClause<'_, Dialect> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        match (&self.limit, out.backend()) {
            (Some(limit), _) => limit.walk_ast(out.reborrow())?,
            (None, Dialect::Sqlite) if self.offset.is_some() => out.push_sql(" LIMIT -1 "),
            _ => {}
        }
        match &self.offset {
            Some(offset) => offset.walk_ast(out.reborrow()),
            None => Ok(()),
        }
    }
}

impl<'a> IntoBoxedClause<'a, Dialect> for LimitOffsetClause<NoLimitClause, NoOffsetClause> {
    type BoxedClause = BoxedLimitOffsetClause<'a, Dialect>;

    fn into_boxed(self) -> Self::BoxedClause {
        BoxedLimitOffsetClause {
            limit: None,
            offset: None,
        }
    }
}

impl SupportsCombinationClause<Union, Distinct> for Dialect {}
impl SupportsCombinationClause<Union, All> for Dialect {}
impl SupportsCombinationClause<Intersect, Distinct> for Dialect {}
impl SupportsCombinationClause<Except, Distinct> for Dialect {}

impl<T: QueryFragment<Dialect>> QueryFragment<Dialect> for ParenthesisWrapper<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Dialect>) -> QueryResult<()> {
        // SQLite takes no bare parentheses around a part of a UNION, but a subselect.
        let open = match out.backend() {
            Dialect::Postgres => "(",
            Dialect::Sqlite => "SELECT * FROM (",
        };
        out.push_sql(open);
        self.inner.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// Writes SQL with the placeholders of its dialect: `$1, $2 …` or `?`.
#[derive(Debug, Default)]
pub struct DialectQueryBuilder {
    sql: String,
    binds: usize,
    dialect: Dialect,
}

impl DialectQueryBuilder {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            ..Self::default()
        }
    }
}

impl QueryBuilder<Dialect> for DialectQueryBuilder {
    fn push_sql(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn push_identifier(&mut self, identifier: &str) -> QueryResult<()> {
        self.sql.push('"');
        self.sql.push_str(&identifier.replace('"', "\"\""));
        self.sql.push('"');
        Ok(())
    }

    fn push_bind_param(&mut self) {
        self.binds += 1;
        match self.dialect {
            Dialect::Postgres => {
                write!(self.sql, "${}", self.binds).expect("a String takes every write");
            }
            Dialect::Sqlite => self.sql.push('?'),
        }
    }

    fn finish(self) -> String {
        self.sql
    }
}
