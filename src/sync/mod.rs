//! stub
pub const KIND: &str = "content_sync";
use crate::binding::Binding;
use crate::db::Conn;
use crate::queue::{Cause, Enqueued};
use chrono::{DateTime, Utc};
use diesel::QueryResult;
pub async fn request(
    _b: &Binding,
    _c: Cause,
    _h: Option<()>,
    _m: i32,
    _n: DateTime<Utc>,
    _conn: &mut Conn,
) -> QueryResult<Enqueued> {
    Err(diesel::result::Error::NotFound)
}
