//! What is written is read again exactly, on both databases.

use bindery::db::Json;
use bindery::queue::{JobState, Lane};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};

use super::bench::{Bench, is_postgres};
use crate::support::stories;

diesel::table! {
    samples (id) {
        id -> BigInt,
        small -> Nullable<SmallInt>,
        medium -> Nullable<Integer>,
        large -> Nullable<BigInt>,
        double -> Nullable<Double>,
        text -> Nullable<Text>,
        bytes -> Nullable<Binary>,
        flag -> Nullable<Bool>,
        instant -> Nullable<Timestamptz>,
        json -> Nullable<Jsonb>,
    }
}

const POSTGRES: &str = "CREATE TABLE samples (id bigint PRIMARY KEY, small smallint, medium integer, \
    large bigint, double double precision, text text, bytes bytea, flag boolean, \
    instant timestamptz, json jsonb)";
const SQLITE: &str = "CREATE TABLE samples (id INTEGER PRIMARY KEY, small SMALLINT, medium INTEGER, \
    large BIGINT, double DOUBLE, text TEXT, bytes BLOB, flag BOOLEAN, instant BIGINT, json TEXT)";

#[derive(Debug, Clone, Default, PartialEq, Insertable, Queryable, Selectable)]
#[diesel(table_name = samples, check_for_backend(bindery::db::Dialect), treat_none_as_default_value = false)]
struct Sample {
    small: Option<i16>,
    medium: Option<i32>,
    large: Option<i64>,
    double: Option<f64>,
    text: Option<String>,
    bytes: Option<Vec<u8>>,
    flag: Option<bool>,
    instant: Option<DateTime<Utc>>,
    json: Option<Json<Value>>,
}

impl Bench {
    async fn with_samples(self) -> Self {
        let create = if is_postgres(self.engine) {
            POSTGRES
        } else {
            SQLITE
        };
        self.sql(create).await;
        self
    }

    /// Writes all, and asserts that each is read again as it was.
    async fn keeps(&self, samples: &[Sample]) {
        for (id, sample) in (0_i64..).zip(samples) {
            let mut conn = self.db.write().await.unwrap();
            diesel::insert_into(samples::table)
                .values((samples::id.eq(id), sample))
                .execute(&mut conn)
                .await
                .unwrap();
            drop(conn);
            let mut conn = self.db.read().await.unwrap();
            let query = samples::table.find(id).select(Sample::as_select());
            let read: Sample = query.first(&mut conn).await.unwrap();
            assert!(read == *sample, "sample {id} was read as something else");
        }
    }
}

fn instant(text: &str) -> Sample {
    let instant = text.parse().expect(text);
    Sample {
        instant: Some(instant),
        ..Sample::default()
    }
}

fn json_of(value: Value) -> Sample {
    Sample {
        json: Some(Json(value)),
        ..Sample::default()
    }
}

fn text(text: impl Into<String>) -> Sample {
    Sample {
        text: Some(text.into()),
        ..Sample::default()
    }
}

fn bytes(bytes: Vec<u8>) -> Sample {
    Sample {
        bytes: Some(bytes),
        ..Sample::default()
    }
}

stories! {
    async fn nulls_of_every_type(bench: Bench) {
        let bench = bench.with_samples().await;
        bench.keeps(&[Sample::default()]).await;
        bench.end().await;
    }

    async fn numbers_to_their_ends(bench: Bench) {
        let bench = bench.with_samples().await;
        let numbers = |small, medium, large, double| Sample {
            small: Some(small), medium: Some(medium), large: Some(large), double: Some(double),
            ..Sample::default()
        };
        bench.keeps(&[
            numbers(i16::MIN, i32::MIN, i64::MIN, f64::MIN),
            numbers(i16::MAX, i32::MAX, i64::MAX, f64::MAX),
            numbers(0, 0, 0, 0.1),
            // Beyond what a double can count.
            numbers(-1, -1, (1 << 53) + 1, f64::MIN_POSITIVE),
        ]).await;
        bench.end().await;
    }

    async fn booleans(bench: Bench) {
        let bench = bench.with_samples().await;
        bench.keeps(&[true, false].map(|flag| Sample { flag: Some(flag), ..Sample::default() })).await;
        bench.end().await;
    }

    async fn instants_to_the_microsecond_from_the_far_past_to_the_far_future(bench: Bench) {
        let bench = bench.with_samples().await;
        bench.keeps(&[
            instant("-4000-01-01T00:00:00.000001Z"),
            instant("0001-01-01T00:00:00Z"),
            instant("1969-12-31T23:59:59.999999Z"),
            instant("1970-01-01T00:00:00Z"),
            instant("1999-12-31T23:59:59.999999Z"),
            instant("2026-02-28T12:34:56.789012Z"),
            instant("9999-12-31T23:59:59.999999Z"),
            instant("+200000-01-01T00:00:00.000001Z"),
        ]).await;
        bench.end().await;
    }

    async fn instants_sort_and_compare_as_time(bench: Bench) {
        let bench = bench.with_samples().await;
        let order = ["1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z"];
        bench.keeps(&[instant(order[2]), instant(order[0]), instant(order[1])]).await;
        let mut conn = bench.db.read().await.unwrap();
        let epoch: DateTime<Utc> = order[1].parse().unwrap();
        let until: Vec<i64> = samples::table
            .filter(samples::instant.le(epoch)).order(samples::instant.desc()).select(samples::id)
            .load(&mut conn).await.unwrap();
        assert_eq!(until, [2, 1]);
        drop(conn);
        bench.end().await;
    }

    async fn json_of_every_shape(bench: Bench) {
        let bench = bench.with_samples().await;
        let deep = (0..60).fold(json!(null), |inner, _| json!([{ "in": inner }]));
        bench.keeps(&[
            json_of(json!(null)),
            json_of(json!([null, true, false, "", [], {}])),
            json_of(json!({"a": null, "": {"ü\u{1f4a5}\"\\/\n\u{1}": "naïve"}})),
            json_of(json!([0, -1, i64::MIN, i64::MAX, u64::MAX, 0.5, -1.25])),
            json_of(deep),
            json_of(json!("x".repeat(1 << 20))),
        ]).await;
        bench.end().await;
    }

    async fn a_json_null_is_not_the_absence_of_json(bench: Bench) {
        let bench = bench.with_samples().await;
        bench.keeps(&[Sample::default(), json_of(json!(null))]).await;
        let mut conn = bench.db.read().await.unwrap();
        let absent: Vec<i64> = samples::table
            .filter(samples::json.is_null()).select(samples::id).load(&mut conn).await.unwrap();
        assert_eq!(absent, [0]);
        drop(conn);
        bench.end().await;
    }

    async fn text_of_all_of_unicode(bench: Bench) {
        let bench = bench.with_samples().await;
        bench.keeps(&[
            text(""), text(" \t\r\n"), text("'; DROP TABLE samples; --"), text("$1 ? ?1 :a"),
            text("naïve Ünïcödé 💥 \u{202e}\u{10ffff}"), text("1"), text("é".repeat(1 << 19)),
        ]).await;
        bench.end().await;
    }

    async fn bytes_whatever_they_are(bench: Bench) {
        let bench = bench.with_samples().await;
        let mebibyte = (0..1 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        bench.keeps(&[bytes(vec![]), bytes((0..=255).collect()), bytes(b"text".to_vec()), bytes(mebibyte)]).await;
        bench.end().await;
    }

    async fn words_and_lanes_are_kept_as_themselves(bench: Bench) {
        let bench = bench.with_samples().await;
        let mut conn = bench.db.write().await.unwrap();
        for (id, state) in (0_i64..).zip(JobState::ALL) {
            let lane = Lane::ALL[(id % 2) as usize];
            let row = (samples::id.eq(id), samples::text.eq(state), samples::small.eq(lane));
            diesel::insert_into(samples::table).values(row).execute(&mut conn).await.unwrap();
            let query = samples::table.find(id);
            let kept = query.select((samples::text.assume_not_null(), samples::small.assume_not_null()));
            let kept: (JobState, Lane) = kept.first(&mut conn).await.unwrap();
            assert_eq!(kept, (*state, lane));
            let word: Option<String> = query.select(samples::text).first(&mut conn).await.unwrap();
            assert_eq!(word.as_deref(), Some(state.as_str()));
        }
        drop(conn);
        bench.end().await;
    }

    async fn a_word_that_is_none_of_its_enum_is_an_error(bench: Bench) {
        let bench = bench.with_samples().await;
        bench.keeps(&[text("pending")]).await;
        let mut conn = bench.db.read().await.unwrap();
        let query = samples::table.select(samples::text.assume_not_null());
        let error = query.first::<JobState>(&mut conn).await.unwrap_err();
        assert!(format!("{error:?}").contains("is none of available, "), "{error:?}");
        drop(conn);
        bench.end().await;
    }
}
