//! Both databases have the tables that the program believes in, and lose them without a trace.

use std::collections::BTreeMap;

use bindery::db::migrations::Direction;

use super::bench::{Bench, is_postgres};
use crate::support::stories;

/// Column by table and name: `bigint`, or `bigint?` if it may be NULL.
type Columns = BTreeMap<(String, String), String>;

/// What the program believes: a line of `schema.rs` is a table, a column, or neither.
fn believed() -> Columns {
    let mut columns = Columns::new();
    let mut table = "";
    for line in include_str!("../../../src/db/schema.rs")
        .lines()
        .map(str::trim)
    {
        if let Some((column, sql_type)) = line
            .strip_suffix(',')
            .and_then(|line| line.split_once(" -> "))
        {
            columns.insert((table.to_owned(), column.to_owned()), family_of(sql_type));
        } else if let Some((name, _)) = line
            .strip_suffix(" {")
            .and_then(|line| line.split_once(" ("))
        {
            table = name;
        }
    }
    columns
}

fn family_of(sql_type: &str) -> String {
    let (plain, optional) = match sql_type.strip_prefix("Nullable<") {
        Some(inner) => (inner.trim_end_matches('>'), "?"),
        None => (sql_type, ""),
    };
    let family = match plain {
        "BigInt" => "bigint",
        "Integer" => "integer",
        "SmallInt" => "smallint",
        "Text" => "text",
        "Binary" => "bytes",
        "Bool" => "boolean",
        "Timestamptz" => "instant",
        "Jsonb" => "json",
        other => panic!("no family for {other}"),
    };
    format!("{family}{optional}")
}

/// SQLite keeps instants as numbers and JSON as text.
fn as_sqlite_keeps(family: &str) -> String {
    family.replace("instant", "bigint").replace("json", "text")
}

const POSTGRES_COLUMNS: &str = "SELECT table_name || '.' || column_name || '=' || \
    CASE data_type WHEN 'bytea' THEN 'bytes' WHEN 'timestamp with time zone' THEN 'instant' \
        WHEN 'jsonb' THEN 'json' ELSE data_type END || \
    CASE is_nullable WHEN 'YES' THEN '?' ELSE '' END AS text \
    FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1";

/// An INTEGER PRIMARY KEY is SQLite's 64-bit row id, and never NULL.
const SQLITE_COLUMNS: &str = "SELECT t.name || '.' || c.name || '=' || \
    CASE WHEN c.pk = 1 AND c.type = 'INTEGER' THEN 'bigint' \
        ELSE replace(lower(c.type), 'blob', 'bytes') || CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 THEN '' ELSE '?' END \
    END AS text \
    FROM sqlite_master t JOIN pragma_table_info(t.name) c \
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY 1";

/// Everything that a migration can make: a line each, with its definition.
const POSTGRES_OBJECTS: &str = "\
    SELECT 'index ' || tablename || ': ' || indexdef AS text FROM pg_indexes WHERE schemaname = 'public' \
    UNION ALL SELECT c.relkind::text || ' ' || c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace \
    UNION ALL SELECT 'constraint ' || conrelid::regclass || ': ' || pg_get_constraintdef(oid) \
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
    UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace \
    UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal \
    UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace \
    ORDER BY 1";
const SQLITE_OBJECTS: &str = "\
    SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS text FROM sqlite_master \
    WHERE name NOT LIKE 'sqlite_sequence' ORDER BY 1";

impl Bench {
    async fn columns(&self) -> Columns {
        let query = if is_postgres(self.engine) {
            POSTGRES_COLUMNS
        } else {
            SQLITE_COLUMNS
        };
        let mut columns = Columns::new();
        for line in self.texts(query).await {
            let (place, family) = line.split_once('=').unwrap();
            let (table, column) = place.split_once('.').unwrap();
            columns.insert((table.to_owned(), column.to_owned()), family.to_owned());
        }
        columns.retain(|(table, _), _| table != OURS_NOT);
        columns
    }

    async fn objects(&self) -> Vec<String> {
        let query = if is_postgres(self.engine) {
            POSTGRES_OBJECTS
        } else {
            SQLITE_OBJECTS
        };
        self.texts(query).await
    }

    /// Rows that refer to each other in a circle.
    async fn fill(&self) {
        let now = if is_postgres(self.engine) {
            "now()"
        } else {
            "0"
        };
        self.sql(&format!(
            "INSERT INTO organizations (id, slug, created_at, updated_at) VALUES (1, 'acme', {now}, {now}); \
             INSERT INTO repositories (id, github_host, github_id, owner_id, owner, name, owner_key, name_key, archived, \
                reachability, confirmed_at, created_at, updated_at) \
                VALUES (1, 'h', 1, 1, 'o', 'n', 'o', 'n', false, 'reachable', {now}, {now}, {now}); \
             INSERT INTO bindings (id, organization_id, name, github_host, github_owner, github_repo, owner_key, repo_key, \
                root_path, required_files, repository_id, status, generation, version, created_at, updated_at) \
                VALUES (1, 1, 'b', 'h', 'o', 'n', 'o', 'n', '/', '[]', 1, 'pending', 1, 1, {now}, {now}); \
             INSERT INTO contents (id, binding_id, repository_id, owner_id, installation_id, git_ref, root_path, commit_sha, \
                tree_sha, created_at) VALUES (1, 1, 1, 1, 1, 'refs/heads/main', '/', 'c', 't', {now}); \
             UPDATE bindings SET content_id = 1;"
        ))
        .await;
    }
}

/// Diesel's own table of the migrations that ran.
const OURS_NOT: &str = "__diesel_schema_migrations";

#[test]
fn the_schema_is_read_as_it_is_written() {
    let columns = believed();
    let column = |table: &str, name: &str| columns[&(table.to_owned(), name.to_owned())].clone();
    assert_eq!(column("jobs", "lane"), "smallint");
    assert_eq!(column("jobs", "result"), "json?");
    assert_eq!(column("delivery_bodies", "bytes"), "bytes");
    assert_eq!(column("content_files", "blob_id"), "bigint?");
}

stories! {
    async fn the_tables_are_those_of_the_schema(bench: Bench) {
        bench.migrate(Direction::Up).await;
        let mut believed = believed();
        if !is_postgres(bench.engine) {
            believed.values_mut().for_each(|family| *family = as_sqlite_keeps(family));
        }
        assert_eq!(bench.columns().await, believed);
        bench.end().await;
    }

    async fn a_migration_that_is_undone_leaves_no_trace(bench: Bench) {
        let up = bench.migrate(Direction::Up).await;
        let first = bench.objects().await;
        assert!(up > 0 && first.len() > 50, "{first:#?}");
        bench.fill().await;
        assert_eq!(bench.migrate(Direction::Down).await, up);
        let left = bench.objects().await;
        assert!(left.iter().all(|object| object.contains(OURS_NOT)), "{left:#?}");
        assert_eq!(bench.migrate(Direction::Up).await, up);
        assert_eq!(bench.objects().await, first);
        assert_eq!(bench.migrate(Direction::Up).await, 0, "nothing is pending");
        bench.end().await;
    }
}
