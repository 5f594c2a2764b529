//! The SQL types that exist on both databases, each with its Rust type and SQLite's way to keep it.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use diesel::deserialize::{self, FromSql};
use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{
    BigInt, Binary, Bool, Date, Double, Float, HasSqlType, Integer, Jsonb, Nullable, SmallInt,
    Text, Time, Timestamp, Timestamptz,
};
use diesel::sqlite::Sqlite;

use super::bind::{Bind, BindSlot, Kind};
use super::dialect::Dialect;
use super::row::RawValue;

macro_rules! types {
    ($(
        $kind:ident: bind $borrowed:ty, own $owned:ty, by $to_owned:ident;
        sqlite $sqlite:ty as $sqlite_rust:ty, |$value:ident| $encode:expr, $decode:expr;
    )*) => {
        $(
            impl HasSqlType<$kind> for Dialect {
                fn metadata(_: &mut ()) -> Kind {
                    Kind::$kind
                }
            }

            impl ToSql<$kind, Dialect> for $borrowed {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Dialect>) -> serialize::Result {
                    out.set_value(BindSlot(Some(Bind::$kind(self.$to_owned()))));
                    Ok(IsNull::No)
                }
            }

            impl FromSql<$kind, Dialect> for $owned {
                fn from_sql(value: RawValue<'_>) -> deserialize::Result<Self> {
                    match value {
                        RawValue::Postgres(value) => <$owned as FromSql<$kind, Pg>>::from_sql(value),
                        RawValue::Sqlite(value) => {
                            <$sqlite_rust as FromSql<$sqlite, Sqlite>>::from_sql(value).and_then($decode)
                        }
                    }
                }
            }
        )*

        pub(super) fn push_postgres<'b>(out: &mut AstPass<'_, 'b, Pg>, bind: &'b Bind) -> QueryResult<()> {
            match bind {$(
                Bind::$kind(value) => out.push_bind_param_value_only::<$kind, $owned>(value),
                Bind::Null(Kind::$kind) => {
                    out.push_bind_param_value_only::<Nullable<$kind>, Option<$owned>>(&None)
                }
            )*}
        }

        /// A bind as SQLite stores it.
        #[derive(Debug)]
        pub(super) enum SqliteBind {
            Null,
            $($kind($sqlite_rust),)*
        }

        impl From<Bind> for SqliteBind {
            fn from(bind: Bind) -> Self {
                match bind {
                    Bind::Null(_) => Self::Null,
                    $(Bind::$kind($value) => Self::$kind($encode),)*
                }
            }
        }

        pub(super) fn push_sqlite<'b>(
            out: &mut AstPass<'_, 'b, Sqlite>,
            bind: &'b SqliteBind,
        ) -> QueryResult<()> {
            match bind {
                $(SqliteBind::$kind(value) => out.push_bind_param_value_only::<$sqlite, $sqlite_rust>(value),)*
                SqliteBind::Null => out.push_bind_param_value_only::<Nullable<BigInt>, Option<i64>>(&None),
            }
        }
    };
}

types! {
    SmallInt: bind i16, own i16, by clone; sqlite SmallInt as i16, |v| v, Ok;
    Integer: bind i32, own i32, by clone; sqlite Integer as i32, |v| v, Ok;
    BigInt: bind i64, own i64, by clone; sqlite BigInt as i64, |v| v, Ok;
    Float: bind f32, own f32, by clone; sqlite Float as f32, |v| v, Ok;
    Double: bind f64, own f64, by clone; sqlite Double as f64, |v| v, Ok;
    Text: bind str, own String, by to_owned; sqlite Text as String, |v| v, Ok;
    Binary: bind [u8], own Vec<u8>, by to_vec; sqlite Binary as Vec<u8>, |v| v, Ok;
    Bool: bind bool, own bool, by clone; sqlite Bool as bool, |v| v, Ok;
    // The three that no table of ours uses: Diesel asks every backend for them.
    Date: bind NaiveDate, own NaiveDate, by clone; sqlite Date as NaiveDate, |v| v, Ok;
    Time: bind NaiveTime, own NaiveTime, by clone; sqlite Time as NaiveTime, |v| v, Ok;
    Timestamp: bind NaiveDateTime, own NaiveDateTime, by clone; sqlite Timestamp as NaiveDateTime, |v| v, Ok;
    // An instant: INTEGER microseconds since 1970 on SQLite, so that it sorts and compares as a number.
    Timestamptz: bind DateTime<Utc>, own DateTime<Utc>, by clone;
        sqlite BigInt as i64, |v| v.timestamp_micros(), from_micros;
    // TEXT on SQLite.
    Jsonb: bind serde_json::Value, own serde_json::Value, by clone;
        sqlite Text as String, |v| v.to_string(), from_json;
}

fn from_micros(micros: i64) -> deserialize::Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| "an instant beyond the calendar".into())
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "a decoder owns what it decodes, like its siblings"
)]
fn from_json(text: String) -> deserialize::Result<serde_json::Value> {
    serde_json::from_str(&text).map_err(Into::into)
}
