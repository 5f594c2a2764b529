//! The configured GitHub Apps, each with its client and its webhook secrets.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{Config, GitHubAppConfig};
use crate::db::Db;
use crate::github::client::{ClientLimits, GitHub, GitHubConfig};
use crate::github::ids::AppId;
use crate::github::signature::SigningSecrets;
use crate::github_app;
use crate::ids::AppRowId;

/// One App on one GitHub.
#[derive(Debug)]
pub struct App {
    pub row: AppRowId,
    pub host: String,
    pub app_id: AppId,
    pub github: GitHub,
    pub secrets: SigningSecrets,
}

/// All of them, the environment's first. None when the settings are not there yet.
#[derive(Debug, Clone, Default)]
pub struct Apps(Arc<[Arc<App>]>);

impl Apps {
    pub async fn open(config: &Config, db: &Db, clock: &Clock) -> anyhow::Result<Self> {
        let mut apps = Vec::new();
        for settings in &config.github {
            let mut conn = db.write().await?;
            let row =
                github_app::ensure(&settings.host, settings.app_id, clock.now(), &mut conn).await?;
            apps.push(Arc::new(App::new(settings, row, clock)?));
        }
        Ok(Self(apps.into()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<App>> {
        self.0.iter()
    }

    /// The App whose host new bindings and grants are of, unless they name another.
    pub fn first(&self) -> Option<&Arc<App>> {
        self.0.first()
    }

    pub fn rows(&self) -> Vec<AppRowId> {
        self.iter().map(|app| app.row).collect()
    }

    pub fn of_row(&self, row: AppRowId) -> Option<&Arc<App>> {
        self.iter().find(|app| app.row == row)
    }

    /// The Apps on one GitHub.
    pub fn on_host(&self, host: &str) -> Vec<Arc<App>> {
        self.iter()
            .filter(|app| app.host == host)
            .cloned()
            .collect()
    }
}

/// What a client that asks as the App is made of.
pub(crate) fn client_config(settings: &GitHubAppConfig) -> GitHubConfig {
    GitHubConfig {
        api_url: settings.api_url.clone(),
        host: settings.host.clone(),
        app_id: settings.app_id,
        private_key: settings.private_key.clone(),
        previous_private_key: settings.previous_private_key.clone(),
        limits: ClientLimits {
            max_requests_per_minute: settings.requests_per_minute,
            ..ClientLimits::default()
        },
    }
}

impl App {
    fn new(settings: &GitHubAppConfig, row: AppRowId, clock: &Clock) -> anyhow::Result<Self> {
        let secrets = SigningSecrets {
            current: settings.webhook_secret.clone(),
            previous: settings.previous_webhook_secret.clone(),
        };
        let github = GitHub::new(client_config(settings), clock.clone())?;
        Ok(Self {
            row,
            host: settings.host.clone(),
            app_id: settings.app_id,
            github,
            secrets,
        })
    }
}
