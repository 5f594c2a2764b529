//! The one bag of dependencies: what every leg needs, made once at start.

use std::sync::Arc;

use crate::apps::Apps;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    pub config: Arc<Config>,
    pub db: Db,
    pub clock: Clock,
    pub apps: Apps,
}

impl Context {
    /// Opens the database, migrates it, and makes a client for every configured App.
    pub async fn open(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let db = Db::open(&config.database.settings()).await?;
        db.migrate(crate::db::migrations::Direction::Up).await?;
        let apps = Apps::open(&config, &db, &clock).await?;
        Ok(Self {
            config: Arc::new(config),
            db,
            clock,
            apps,
        })
    }
}
