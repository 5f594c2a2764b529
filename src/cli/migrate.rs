use std::process::ExitCode;

use super::{logging, out};
use crate::config::{Config, Flags, Sources};
use crate::db::Db;
use crate::db::migrations::Direction;

/// `bindery migrate`
pub(super) async fn run(flags: Flags) -> anyhow::Result<ExitCode> {
    let config = Config::load(&Sources::process(flags))?;
    logging::start(&config.log);
    let db = Db::open(&config.database.settings()).await?;
    let count = db.migrate(Direction::Up).await?;
    let url = config.database.url.redacted();
    out::say(match count {
        0 => format!("{url} is up to date"),
        1 => format!("{url}: ran 1 migration"),
        n => format!("{url}: ran {n} migrations"),
    })?;
    Ok(ExitCode::SUCCESS)
}
