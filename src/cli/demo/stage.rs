//! Where the demo plays: a simulated GitHub, and a whole service on a database of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;

use super::api::Api;
use crate::cli::{app_key, logging};
use crate::clock::Clock;
use crate::config::{Config, Flags, Sources};
use crate::context::Context;
use crate::github::ids::AppId;
use crate::serve::Service;
use crate::simulator::{Simulator, SimulatorSettings};

const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const APP_ID: i64 = 1;
/// How long the stage may take to be cleared; whatever is left then ends with the process.
const CLEARED: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct Stage {
    pub(super) github: Simulator,
    pub(super) context: Context,
    pub(super) api: Api,
    service: Service,
    /// Holds the database; deleted when it is dropped.
    _folder: TempDir,
}

impl Stage {
    pub(super) async fn open() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("bindery-demo-").tempdir();
        let folder = folder.context("cannot make a folder for the demo's database")?;
        let app = App::new().await?;
        let clock = Clock::system();
        let github = app.github(&clock).await?;
        let config = app.config(&folder, &github)?;
        logging::start(&config.log);
        let context = Context::open(config, clock).await?;
        let service = Service::start(context.clone()).await?;
        github.set_webhook_url(format!("{}/webhooks/github", service.http.base_url));
        let api = Api::new(&service.http.base_url, &app.admin_token)?;
        Ok(Self {
            github,
            context,
            api,
            service,
            _folder: folder,
        })
    }

    pub(super) async fn close(self) {
        // Open connections would keep the service waiting.
        drop(self.api);
        self.github.stop().await;
        drop(self.github);
        // What it says about stopping is of no interest any more.
        let _ = tokio::time::timeout(CLEARED, self.service.stop()).await;
    }
}

/// The App of the demo: its key and its secrets are made for it, and gone with it.
struct App {
    private_key: String,
    webhook_secret: String,
    admin_token: String,
}

impl App {
    async fn new() -> anyhow::Result<Self> {
        let secret = || hex::encode(rand::random::<[u8; 24]>());
        Ok(Self {
            private_key: app_key::generate().await?,
            webhook_secret: secret(),
            admin_token: secret(),
        })
    }

    async fn github(&self, clock: &Clock) -> anyhow::Result<Simulator> {
        let settings = SimulatorSettings {
            listen: ANY_PORT,
            app_id: AppId::new(APP_ID).expect("1 is an id"),
            app_public_key_pem: self.private_key.clone(),
            webhook_secret: self.webhook_secret.clone(),
            webhook_url: None,
            clock: clock.clone(),
        };
        let started = Simulator::start(settings).await;
        let github = started.context("cannot start the simulated GitHub")?;
        // Else a large folder would show how long GitHub makes everybody wait.
        github.set_hourly_limit(None);
        Ok(github)
    }

    /// The defaults, but for where things are and what is done unasked. Of the environment only the log's settings count:
    /// the demo touches no database and no App that somebody has set up.
    fn config(&self, folder: &TempDir, github: &Simulator) -> anyhow::Result<Config> {
        let database = folder.path().join("bindery.db");
        let settings = BTreeMap::from([
            ("DATABASE_URL", format!("sqlite://{}", database.display())),
            ("BINDERY_LISTEN", ANY_PORT.to_string()),
            ("BINDERY_SHUTDOWN_TIMEOUT", "1s".to_owned()),
            // What it shows is what events do; other requests would be counted among theirs.
            ("BINDERY_SWEEP_INTERVAL", "off".to_owned()),
            ("BINDERY_POLL_INTERVAL", "off".to_owned()),
            ("BINDERY_ADMIN_TOKEN", self.admin_token.clone()),
            ("GITHUB_API_URL", github.url()),
            ("GITHUB_REQUESTS_PER_MINUTE", "1000000".to_owned()),
            ("GITHUB_APP_ID", APP_ID.to_string()),
            ("GITHUB_APP_PRIVATE_KEY", self.private_key.clone()),
            ("GITHUB_WEBHOOK_SECRET", self.webhook_secret.clone()),
        ]);
        let variable = |name: &str| match name {
            "BINDERY_LOG" => std::env::var_os(name),
            // Lines of the log would tear the table.
            "BINDERY_LOG_FILTER" => std::env::var_os(name).or_else(|| Some("error".into())),
            _ => settings.get(name).map(Into::into),
        };
        Ok(Config::load(&Sources::new(Flags::default(), variable))?)
    }
}
