use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Jsonb;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bind::{Bind, BindSlot};
use super::dialect::Dialect;
use super::row::RawValue;

/// A typed value kept as JSON: `jsonb` on PostgreSQL, text on SQLite.
#[derive(Debug, Clone, PartialEq, Eq, Default, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
pub struct Json<T: std::fmt::Debug>(pub T);

impl<T: Serialize + std::fmt::Debug> ToSql<Jsonb, Dialect> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Dialect>) -> serialize::Result {
        out.set_value(BindSlot(Some(Bind::Jsonb(serde_json::to_value(&self.0)?))));
        Ok(IsNull::No)
    }
}

impl<T: DeserializeOwned + std::fmt::Debug> FromSql<Jsonb, Dialect> for Json<T> {
    fn from_sql(value: RawValue<'_>) -> deserialize::Result<Self> {
        let json = <serde_json::Value as FromSql<Jsonb, Dialect>>::from_sql(value)?;
        Ok(Self(serde_json::from_value(json)?))
    }
}
