use std::time::Duration;

use bindery::db::migrations::Direction;
use bindery::db::{Conn, DatabaseUrl, Db, DbSettings, Driver};
use diesel::QueryResult;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::support::{Engine, TestDatabase};

diesel::table! {
    /// A table of these stories' own.
    notes (id) {
        id -> BigInt,
    }
}

/// Far more than anything here takes; only a story that fails waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A database without tables.
pub struct Bench {
    pub engine: Engine,
    pub db: Db,
    database: TestDatabase,
}

impl Bench {
    pub async fn on(engine: Engine) -> Self {
        let database = TestDatabase::create(engine).await;
        let db = Db::open(&settings(&database, PATIENCE))
            .await
            .expect("the database opens");
        Self {
            engine,
            db,
            database,
        }
    }

    pub async fn another_db(&self) -> anyhow::Result<Db> {
        Db::open(&settings(&self.database, PATIENCE)).await
    }

    /// With pools whose connections are waited for no longer than this.
    pub async fn impatient(self, acquire_timeout: Duration) -> Self {
        let Self {
            engine,
            db,
            database,
        } = self;
        drop(db);
        let db = Db::open(&settings(&database, acquire_timeout))
            .await
            .expect("the database opens");
        Self {
            engine,
            db,
            database,
        }
    }

    pub async fn migrate(&self, direction: Direction) -> usize {
        self.db.migrate(direction).await.expect("migrations run")
    }

    pub async fn sql(&self, sql: &str) {
        let mut conn = self.db.write().await.expect("a connection");
        conn.batch_execute(sql).await.expect(sql);
    }

    /// The one column `text` of what `sql` selects.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Line {
            #[diesel(sql_type = Text)]
            text: String,
        }
        let mut conn = self.db.read().await.expect("a connection");
        let lines: Vec<Line> = diesel::sql_query(sql).load(&mut conn).await.expect(sql);
        lines.into_iter().map(|line| line.text).collect()
    }

    pub async fn notes(&self) -> Vec<i64> {
        let mut conn = self.db.read().await.expect("a connection");
        notes::table
            .select(notes::id)
            .order(notes::id)
            .load(&mut conn)
            .await
            .expect("notes")
    }

    pub async fn end(self) {
        let Self { db, database, .. } = self;
        drop(db);
        database.drop().await;
    }
}

pub fn settings(database: &TestDatabase, acquire_timeout: Duration) -> DbSettings {
    DbSettings {
        url: DatabaseUrl::parse(&database.url).expect("a URL"),
        pool_size: 2,
        acquire_timeout,
        statement_timeout: PATIENCE,
    }
}

pub async fn note(id: i64, conn: &mut Conn) -> QueryResult<i64> {
    diesel::insert_into(notes::table)
        .values(notes::id.eq(id))
        .returning(notes::id)
        .get_result(conn)
        .await
}

/// A statement that is not done by the time that anybody gives up on it.
pub async fn slow(conn: &mut Conn) -> QueryResult<()> {
    let statement = match conn.driver() {
        Driver::Postgres(_) => "SELECT pg_sleep(15)",
        Driver::Sqlite(_) => {
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000000) \
             SELECT count(*) FROM n"
        }
    };
    diesel::sql_query(statement).execute(conn).await?;
    Ok(())
}

pub fn is_postgres(engine: Engine) -> bool {
    engine == Engine::Postgres
}
