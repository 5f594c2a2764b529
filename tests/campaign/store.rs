//! The service's database, as somebody sees it who is not the service.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use tokio_postgres::{NoTls, SimpleQueryMessage};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// Its URL.
    Postgres(String),
    /// Its file.
    Sqlite(String),
}

#[derive(Debug, QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Store {
    /// The one column of a query, which is called `line` and is text.
    pub async fn lines(&self, sql: &str) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Postgres(url) => {
                let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
                let driver = tokio::spawn(connection);
                let answers = client.simple_query(sql).await;
                driver.abort();
                let row = |answer| match answer {
                    SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
                    _ => None,
                };
                Ok(answers?.into_iter().filter_map(row).collect())
            }
            Self::Sqlite(path) => {
                let (path, sql) = (path.clone(), sql.to_owned());
                let read = move || {
                    let mut connection = open(&path)?;
                    let lines = diesel::sql_query(sql).load::<Line>(&mut connection)?;
                    anyhow::Ok(lines.into_iter().map(|line| line.line).collect())
                };
                tokio::task::spawn_blocking(read).await?
            }
        }
    }

    pub async fn number(&self, sql: &str) -> anyhow::Result<i64> {
        let lines = self.lines(sql).await?;
        let first = lines.first().map(String::as_str).unwrap_or_default();
        first
            .parse()
            .map_err(|_| anyhow::anyhow!("{sql} gives no number but {first:?}"))
    }

    pub async fn execute(&self, sql: &str) -> anyhow::Result<()> {
        match self {
            Self::Postgres(url) => {
                let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
                let driver = tokio::spawn(connection);
                let done = client.batch_execute(sql).await;
                driver.abort();
                Ok(done?)
            }
            Self::Sqlite(path) => {
                let (path, sql) = (path.clone(), sql.to_owned());
                let write = move || anyhow::Ok(open(&path)?.batch_execute(&sql)?);
                tokio::task::spawn_blocking(write).await?
            }
        }
    }
}

pub fn open(path: &str) -> anyhow::Result<SqliteConnection> {
    let mut connection = SqliteConnection::establish(path)?;
    connection.batch_execute("PRAGMA busy_timeout = 5000")?;
    Ok(connection)
}
