//! Deliveries that are written at once: one statement and one commit, whatever their number.

use std::io::Write as _;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text, Timestamptz};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::body::{Encoding, Part};
use super::ledger::SignedBy;
use super::record::NewRow;
use crate::db::schema::{deliveries, delivery_bodies};
use crate::db::{Channel, Conn, Driver, Statement};

/// A delivery whose body is one part.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) row: NewRow,
    encoding: Encoding,
    /// Of the body; shared with the statement, which may be sent more than once.
    pub(super) bytes: Bytes,
}

impl Entry {
    pub(super) fn new(row: NewRow, body: Part) -> Self {
        Self {
            row,
            encoding: body.encoding,
            bytes: body.bytes.into(),
        }
    }
}

/// Which of them were not in the ledger, in their order. They are of different deliveries, in the order of
/// their App and GUID, so that no two writers wait for each other.
pub(super) fn insert<'a>(
    entries: &'a [Entry],
    conn: &'a mut Conn,
) -> BoxFuture<'a, QueryResult<Vec<bool>>> {
    async move {
        if let Driver::Sqlite(handle) = conn.driver() {
            let pairs = on_sqlite(entries)?;
            return handle.write_pairs(pairs).await;
        }
        let query = InsertAll::of(entries)?;
        let Some(numbers) = conn.load_postgres::<_, i64>(query).await else {
            unreachable!("there are two databases");
        };
        let mut new = vec![false; entries.len()];
        for number in numbers? {
            // As PostgreSQL counts, from one.
            let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
            if let Some(new) = new.get_mut(index) {
                *new = true;
            }
        }
        Ok(new)
    }
    .boxed()
}

fn on_sqlite(entries: &[Entry]) -> QueryResult<Vec<(Statement, Statement)>> {
    entries.iter().map(pair).collect()
}

fn pair(entry: &Entry) -> QueryResult<(Statement, Statement)> {
    let row = diesel::insert_into(deliveries::table)
        .values(&entry.row)
        .on_conflict((deliveries::github_app_id, deliveries::guid))
        .do_nothing();
    let body = diesel::insert_into(delivery_bodies::table).values((
        delivery_bodies::delivery_id.eq(sql::<BigInt>("last_insert_rowid()")),
        delivery_bodies::part.eq(0),
        delivery_bodies::encoding.eq(entry.encoding),
        delivery_bodies::bytes.eq(entry.bytes.as_ref()),
    ));
    Ok((Statement::new(&row)?, Statement::new(&body)?))
}

/// Bytes of which no copy is made before they are sent.
#[derive(Debug)]
struct Raw(Bytes);

impl ToSql<Binary, Pg> for Raw {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&self.0)?;
        Ok(IsNull::No)
    }
}

/// The columns, each as one array: the statement is the same for one row and for hundreds, and prepared once.
#[derive(Debug)]
struct InsertAll {
    apps: Vec<i64>,
    guids: Vec<String>,
    events: Vec<String>,
    headers: Vec<String>,
    signed_by: Vec<Option<&'static str>>,
    body_sizes: Vec<i64>,
    states: Vec<&'static str>,
    reasons: Vec<Option<&'static str>>,
    details: Vec<Option<String>>,
    sent_at: Vec<DateTime<Utc>>,
    received_at: Vec<DateTime<Utc>>,
    processed_at: Vec<Option<DateTime<Utc>>>,
    encodings: Vec<&'static str>,
    bodies: Vec<Raw>,
}

impl InsertAll {
    fn of(entries: &[Entry]) -> QueryResult<Self> {
        fn each<T>(entries: &[Entry], column: impl Fn(&Entry) -> T) -> Vec<T> {
            entries.iter().map(column).collect()
        }
        let headers = entries.iter().map(|entry| {
            serde_json::to_string(&entry.row.headers.0)
                .map_err(|error| diesel::result::Error::SerializationError(error.into()))
        });
        Ok(Self {
            headers: headers.collect::<QueryResult<_>>()?,
            apps: each(entries, |entry| entry.row.github_app_id.get()),
            guids: each(entries, |entry| entry.row.guid.clone()),
            events: each(entries, |entry| entry.row.event.clone()),
            signed_by: each(entries, |entry| entry.row.signed_by.map(SignedBy::as_str)),
            body_sizes: each(entries, |entry| entry.row.body_size),
            states: each(entries, |entry| entry.row.state.as_str()),
            reasons: each(entries, |entry| entry.row.reason),
            details: each(entries, |entry| entry.row.detail.clone()),
            sent_at: each(entries, |entry| entry.row.sent_at),
            received_at: each(entries, |entry| entry.row.received_at),
            processed_at: each(entries, |entry| entry.row.processed_at),
            encodings: each(entries, |entry| entry.encoding.as_str()),
            bodies: each(entries, |entry| Raw(entry.bytes.clone())),
        })
    }
}

impl QueryId for InsertAll {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

/// The number of each that was not there.
impl Query for InsertAll {
    type SqlType = BigInt;
}

impl QueryFragment<Pg> for InsertAll {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH handed_in AS (SELECT * FROM unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.apps)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.guids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.events)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.headers)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.signed_by)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.body_sizes)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.states)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.reasons)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.details)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.sent_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Timestamptz>, _>(&self.received_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Timestamptz>>, _>(&self.processed_at)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.encodings)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Binary>, _>(&self.bodies)?;
        out.push_sql(
            ") WITH ORDINALITY AS it(app, guid, event, headers, signed_by, body_size, state, reason, \
             detail, sent_at, received_at, processed_at, encoding, body, number)), \
             recorded AS (INSERT INTO deliveries (github_app_id, guid, event, headers, signed_by, \
             body_size, state, reason, detail, attempts, scheduled_at, sent_at, received_at, \
             processed_at) SELECT app, guid, event, headers::jsonb, signed_by, body_size, state, \
             reason, detail, 0, received_at, sent_at, received_at, processed_at FROM handed_in \
             ON CONFLICT (github_app_id, guid) DO NOTHING RETURNING id, github_app_id, guid, state), \
             numbered AS (SELECT number, recorded.id, recorded.state, encoding, body FROM recorded \
             JOIN handed_in ON app = github_app_id AND handed_in.guid = recorded.guid), \
             bodies AS (INSERT INTO delivery_bodies (delivery_id, part, encoding, bytes) \
             SELECT id, 0, encoding, body FROM numbered), \
             bell AS (SELECT pg_notify('",
        );
        out.push_sql(Channel::Inbox.name());
        // Nothing runs that nobody asks for.
        out.push_sql(
            "', '') FROM numbered WHERE state = 'received' LIMIT 1) \
             SELECT number FROM numbered WHERE (SELECT COUNT(*) FROM bell) >= 0",
        );
        Ok(())
    }
}
