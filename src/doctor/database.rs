//! The database: beside the service, and without a lock that it would wait for.

use std::fs::OpenOptions;
use std::path::Path;

use super::code::Code;
use super::report::{Findings, Found};
use crate::config::Config;
use crate::db::{DatabaseUrl, Db, migrations};
use crate::github_app;

/// Opened, if it answers.
pub(super) async fn look(config: &Config, findings: &mut Findings) -> Option<Db> {
    let url = config.database.url.redacted();
    let (db, pending) = match open(config).await {
        Ok(found) => found,
        Err(error) => {
            let found = Found::wrong(format!("{url}: {error:#}"));
            findings
                .check(Code::Database, None, std::future::ready(found))
                .await;
            return None;
        }
    };
    findings
        .check(Code::Database, None, async {
            Found::fine(format!("{url} answers"))
        })
        .await;
    findings
        .check(Code::Migrations, None, std::future::ready(judge(pending)))
        .await;
    findings
        .check(Code::DatabaseWritable, None, writable(config, &db))
        .await;
    Some(db)
}

async fn open(config: &Config) -> anyhow::Result<(Db, Option<Vec<String>>)> {
    let mut settings = config.database.settings();
    settings.pool_size = 1;
    let db = Db::open_to_look(&settings).await?;
    let pending = migrations::pending(&mut *db.read().await?).await?;
    Ok((db, pending))
}

fn judge(pending: Option<Vec<String>>) -> Found {
    match pending {
        None => Found::wrong("there are no tables of Bindery's in it yet"),
        Some(pending) if pending.is_empty() => Found::fine("all were run"),
        Some(pending) => Found::wrong(format!("not run yet: {}", pending.join(", "))),
    }
}

async fn writable(config: &Config, db: &Db) -> Found {
    let tried = match &config.database.url {
        DatabaseUrl::Sqlite(file) => try_file(file).map_err(anyhow::Error::from),
        DatabaseUrl::Postgres(_) => try_rows(db).await,
    };
    match tried {
        Ok(()) => Found::fine("rows can be written"),
        Err(error) => Found::wrong(format!("nothing can be written: {error:#}")),
    }
}

async fn try_rows(db: &Db) -> anyhow::Result<()> {
    let mut conn = db.write().await?;
    Ok(github_app::try_to_write(&mut conn).await?)
}

/// SQLite has one writer, which is the service: so it is not written, but opened for that; and its log is
/// made beside it.
fn try_file(file: &Path) -> std::io::Result<()> {
    OpenOptions::new().write(true).open(file)?;
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    tempfile::tempfile_in(folder).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_tried_where_it_is_and_left_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("bindery.db");
        assert!(try_file(&file).is_err());
        assert!(!file.exists(), "looking makes none");
        std::fs::write(&file, "rows").expect("written");
        try_file(&file).expect("it can be written");
        assert_eq!(std::fs::read_to_string(&file).expect("a file"), "rows");
    }
}
