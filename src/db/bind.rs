//! Bound values, owned and typed, on their way to either driver.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use diesel::query_builder::{BindCollector, MoveableBindCollector};
use diesel::result::{Error, QueryResult};
use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types::HasSqlType;

use super::dialect::Dialect;

/// What a bind or a column is; used to type NULLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    SmallInt,
    Integer,
    BigInt,
    Float,
    Double,
    Text,
    Binary,
    Bool,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Jsonb,
}

#[derive(Debug, Clone)]
pub enum Bind {
    Null(Kind),
    SmallInt(i16),
    Integer(i32),
    BigInt(i64),
    Float(f32),
    Double(f64),
    Text(String),
    Binary(Vec<u8>),
    Bool(bool),
    Date(NaiveDate),
    Time(NaiveTime),
    Timestamp(NaiveDateTime),
    Timestamptz(DateTime<Utc>),
    Jsonb(serde_json::Value),
}

/// The binds of one query, in order.
#[derive(Debug, Default)]
pub struct Binds(pub(super) Vec<Bind>);

/// Where `ToSql` leaves the one value that it serialises.
#[derive(Debug, Default)]
pub struct BindSlot(pub(super) Option<Bind>);

impl<'a> BindCollector<'a, Dialect> for Binds {
    type Buffer = BindSlot;

    fn push_bound_value<T, U>(&mut self, value: &'a U, lookup: &mut ()) -> QueryResult<()>
    where
        Dialect: HasSqlType<T>,
        U: ToSql<T, Dialect> + ?Sized + 'a,
    {
        let mut out = Output::new(BindSlot::default(), lookup);
        let is_null = value.to_sql(&mut out).map_err(Error::SerializationError)?;
        let slot = out.into_inner();
        self.0.push(match (is_null, slot.0) {
            (IsNull::No, Some(bind)) => bind,
            (IsNull::No, None) => {
                return Err(Error::SerializationError("ToSql left no value".into()));
            }
            (IsNull::Yes, _) => Bind::Null(<Dialect as HasSqlType<T>>::metadata(lookup)),
        });
        Ok(())
    }

    fn push_null_value(&mut self, kind: Kind) -> QueryResult<()> {
        self.0.push(Bind::Null(kind));
        Ok(())
    }
}

impl MoveableBindCollector<Dialect> for Binds {
    type BindData = Vec<Bind>;

    fn moveable(&self) -> Self::BindData {
        self.0.clone()
    }

    fn append_bind_data(&mut self, from: &Self::BindData) {
        self.0.extend_from_slice(from);
    }

    fn push_debug_binds<'a, 'b>(
        bind_data: &Self::BindData,
        f: &'a mut Vec<Box<dyn std::fmt::Debug + 'b>>,
    ) {
        f.extend(
            bind_data
                .iter()
                .map(|bind| Box::new(bind.clone()) as Box<dyn std::fmt::Debug>),
        );
    }
}
