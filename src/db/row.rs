//! A result row of either driver.

use std::ops::Range;

use diesel::pg::{Pg, PgValue};
use diesel::row::{Field, PartialRow, Row, RowIndex, RowSealed};
use diesel::sqlite::{Sqlite, SqliteValue};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection};

use super::dialect::Dialect;
use super::sqlite::SqliteRow;

type PgRow = <AsyncPgConnection as AsyncConnectionCore>::Row<'static, 'static>;

#[expect(missing_debug_implementations, reason = "SqliteValue has none")]
pub enum RawValue<'a> {
    Postgres(PgValue<'a>),
    Sqlite(SqliteValue<'a, 'a, 'a>),
}

#[expect(missing_debug_implementations, reason = "the drivers' rows have none")]
pub enum AnyRow {
    Postgres(PgRow),
    Sqlite(SqliteRow),
}

#[expect(
    missing_debug_implementations,
    reason = "the drivers' fields have none"
)]
pub enum AnyField<'f> {
    Postgres(<PgRow as Row<'f, Pg>>::Field<'f>),
    Sqlite(<SqliteRow as Row<'f, Sqlite>>::Field<'f>),
}

impl RowSealed for AnyRow {}

impl<'a> Row<'a, Dialect> for AnyRow {
    type Field<'f>
        = AnyField<'f>
    where
        'a: 'f,
        Self: 'f;
    type InnerPartialRow = Self;

    fn field_count(&self) -> usize {
        match self {
            Self::Postgres(row) => row.field_count(),
            Self::Sqlite(row) => row.field_count(),
        }
    }

    fn get<'b, I>(&'b self, index: I) -> Option<AnyField<'b>>
    where
        'a: 'b,
        Self: RowIndex<I>,
    {
        let index = self.idx(index)?;
        match self {
            Self::Postgres(row) => Row::get(row, index).map(AnyField::Postgres),
            Self::Sqlite(row) => Row::get(row, index).map(AnyField::Sqlite),
        }
    }

    fn partial_row(&self, range: Range<usize>) -> PartialRow<'_, Self> {
        PartialRow::new(self, range)
    }
}

impl RowIndex<usize> for AnyRow {
    fn idx(&self, index: usize) -> Option<usize> {
        match self {
            Self::Postgres(row) => row.idx(index),
            Self::Sqlite(row) => row.idx(index),
        }
    }
}

impl<'n> RowIndex<&'n str> for AnyRow {
    fn idx(&self, name: &'n str) -> Option<usize> {
        match self {
            Self::Postgres(row) => row.idx(name),
            Self::Sqlite(row) => row.idx(name),
        }
    }
}

impl<'f> Field<'f, Dialect> for AnyField<'f> {
    fn field_name(&self) -> Option<&str> {
        match self {
            Self::Postgres(field) => field.field_name(),
            Self::Sqlite(field) => field.field_name(),
        }
    }

    fn value(&self) -> Option<RawValue<'_>> {
        match self {
            Self::Postgres(field) => field.value().map(RawValue::Postgres),
            Self::Sqlite(field) => field.value().map(RawValue::Sqlite),
        }
    }
}
