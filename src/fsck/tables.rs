//! Whether the tables are as the migrations made them, and every reference leads somewhere.

use diesel::QueryResult;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::{Findings, Invariant, Options, Rule};
use crate::db::{Conn, Driver, migrations};

const PENDING: Rule = Rule {
    invariant: Invariant::Schema,
    name: "migration_pending",
    means: "This program expects tables that the database does not have; nothing else was looked at.",
    remedy: "Run `bindery migrate` of the version that serves, or look with that version.",
};

const DAMAGED: Rule = Rule {
    invariant: Invariant::Schema,
    name: "file_damaged",
    means: "SQLite finds the file itself damaged: a disk that lies, or a copy made while it was written.",
    remedy: "Stop the service, keep a copy of the file, and restore the last good backup; the healing fetches what came since.",
};

const DANGLING: Rule = Rule {
    invariant: Invariant::Schema,
    name: "points_nowhere",
    means: "A row refers to one that is not there, which a constraint forbids: constraints were switched off, or an index is damaged.",
    remedy: "Restore the missing rows from a backup, or sync the bindings concerned: the content that they replace goes after BINDERY_CONTENT_GRACE. If a query by hand finds the rows, rebuild the indexes (REINDEX).",
};

const UNCHECKED: Rule = Rule {
    invariant: Invariant::Schema,
    name: "constraint_not_valid",
    means: "PostgreSQL was told not to check existing rows against a constraint, or an index is left half-built.",
    remedy: "ALTER TABLE … VALIDATE CONSTRAINT …, or REINDEX; then look again.",
};

/// How long one statement may take that reads a whole table.
const LONG: &str = "SET LOCAL statement_timeout = '15min'";

#[derive(diesel::QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    said: String,
}

pub(super) async fn check_migrations(
    findings: &mut Findings,
    conn: &mut Conn,
) -> anyhow::Result<()> {
    let pending = migrations::pending(conn).await?;
    let pending = pending.ok_or_else(|| anyhow::anyhow!("this is no database of Bindery's"))?;
    for version in pending {
        findings.add(&PENDING, format!("migration {version}"), "it was not run");
    }
    Ok(())
}

pub(super) async fn check(
    options: &Options,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    match conn.driver() {
        Driver::Postgres(_) => check_postgres(findings, conn).await,
        Driver::Sqlite(_) => check_sqlite(options, findings, conn).await,
    }
}

async fn check_sqlite(
    options: &Options,
    findings: &mut Findings,
    conn: &mut Conn,
) -> QueryResult<()> {
    #[derive(diesel::QueryableByName)]
    struct Dangling {
        #[diesel(sql_type = Text)]
        child: String,
        #[diesel(sql_type = Text)]
        parent: String,
        #[diesel(sql_type = Nullable<BigInt>)]
        row: Option<i64>,
    }
    // Each reads the whole file, or whole tables, in one statement: meanwhile the write-ahead log only grows.
    if !options.bytes {
        return Ok(());
    }
    let said: Vec<Said> =
        diesel::sql_query("SELECT integrity_check AS said FROM pragma_integrity_check")
            .load(conn)
            .await?;
    for Said { said } in said.into_iter().filter(|row| row.said != "ok") {
        findings.add(&DAMAGED, "the file", said);
    }
    let dangling: Vec<Dangling> = diesel::sql_query(
        "SELECT \"table\" AS child, parent, rowid AS row FROM pragma_foreign_key_check",
    )
    .load(conn)
    .await?;
    for Dangling { child, parent, row } in dangling {
        let row = row.map_or_else(String::new, |row| format!(", row {row}"));
        findings.add(
            &DANGLING,
            format!("{child}{row}"),
            format!("no such row of {parent}"),
        );
    }
    Ok(())
}

/// Each reference by itself, so that no snapshot is held for longer than a table takes.
async fn check_postgres(findings: &mut Findings, conn: &mut Conn) -> QueryResult<()> {
    let invalid: Vec<Said> = diesel::sql_query(
        "SELECT conrelid::regclass || ' ' || conname AS said FROM pg_constraint \
         WHERE NOT convalidated AND connamespace = current_schema()::regnamespace \
         UNION ALL SELECT indrelid::regclass || ' ' || indexrelid::regclass FROM pg_index \
         JOIN pg_class ON pg_class.oid = indrelid \
         WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace",
    )
    .load(conn)
    .await?;
    for Said { said } in invalid {
        findings.add(&UNCHECKED, said, "it was not checked");
    }
    for reference in references(conn).await? {
        let (child, parent) = (&reference.child, &reference.parent);
        let (broken, place) = conn
            .snapshot(async |conn| {
                conn.batch_execute(LONG).await?;
                dangling(&reference, conn).await
            })
            .await?;
        if broken > 0 {
            let what = format!("{broken} rows refer to no row of {parent}");
            findings.add(&DANGLING, format!("{child}, the first {place}"), what);
        }
    }
    Ok(())
}

#[derive(diesel::QueryableByName)]
struct Reference {
    #[diesel(sql_type = Text)]
    child: String,
    #[diesel(sql_type = Text)]
    parent: String,
    /// `child.a = parent.b AND …`
    #[diesel(sql_type = Text)]
    matching: String,
    /// `child.a IS NOT NULL AND …`
    #[diesel(sql_type = Text)]
    given: String,
    /// The columns that refer, as one text.
    #[diesel(sql_type = Text)]
    shown: String,
}

async fn references(conn: &mut Conn) -> QueryResult<Vec<Reference>> {
    diesel::sql_query(
        "SELECT c.conrelid::regclass::text AS child, c.confrelid::regclass::text AS parent, \
         string_agg(format('child.%I = parent.%I', a.attname, b.attname), ' AND ') AS matching, \
         string_agg(format('child.%I IS NOT NULL', a.attname), ' AND ') AS given, \
         string_agg(format('%L || child.%I', a.attname || '=', a.attname), ' || '' '' || ') AS shown \
         FROM pg_constraint c \
         CROSS JOIN LATERAL unnest(c.conkey, c.confkey) AS k(referring, referred) \
         JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.referring \
         JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.referred \
         WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace \
         GROUP BY c.oid, c.conrelid, c.confrelid ORDER BY 1, 2",
    )
    .load(conn)
    .await
}

async fn dangling(reference: &Reference, conn: &mut Conn) -> QueryResult<(i64, String)> {
    #[derive(diesel::QueryableByName)]
    struct Broken {
        #[diesel(sql_type = BigInt)]
        broken: i64,
        #[diesel(sql_type = Nullable<Text>)]
        place: Option<String>,
    }
    let Reference {
        child,
        parent,
        matching,
        given,
        shown,
    } = reference;
    let broken: Broken = diesel::sql_query(format!(
        "SELECT count(*) AS broken, min({shown}) AS place FROM {child} AS child \
         WHERE {given} AND NOT EXISTS (SELECT 1 FROM {parent} AS parent WHERE {matching})"
    ))
    .get_result(conn)
    .await?;
    Ok((broken.broken, broken.place.unwrap_or_default()))
}
