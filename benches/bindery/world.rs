//! A whole service with a GitHub that has something: an organisation whose installation is granted.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use bindery::clock::Clock;
use bindery::github::ids::{AppId, InstallationId};
use bindery::simulator::{Selection, Simulator, SimulatorSettings};
use serde_json::{Value, json};

use crate::app;
use crate::database::Database;
use crate::run::Bench;
use crate::service::{ADMIN_TOKEN, Recipe, Service};

pub const OWNER: &str = "octo";
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

pub struct World {
    pub github: Simulator,
    pub service: Service,
    pub installation: InstallationId,
    client: reqwest::Client,
}

/// One that has nothing.
pub async fn github() -> anyhow::Result<Simulator> {
    let settings = SimulatorSettings {
        listen: "127.0.0.1:0".parse()?,
        app_id: AppId::new(app::ID).context("an App's id")?,
        app_public_key_pem: app::KEY.to_owned(),
        webhook_secret: app::SECRET.to_owned(),
        webhook_url: None,
        clock: Clock::system(),
    };
    Ok(Simulator::start(settings).await?)
}

impl World {
    /// With both roles.
    pub async fn start(bench: &Bench, database: &Database) -> anyhow::Result<Self> {
        let github = github().await?;
        github.set_hourly_limit(Some(100_000_000));
        github.create_organization(OWNER);
        let installation = github.install(OWNER, Selection::All).await;
        let recipe = Recipe {
            github: github.url(),
            ..bench.recipe(database, &[])
        };
        let service = Service::start(&recipe).await?;
        github.set_webhook_url(format!("http://{}/webhooks/github", service.address));
        let world = Self {
            github,
            service,
            installation,
            client: reqwest::Client::builder().no_proxy().build()?,
        };
        world.put("/orgs/acme", json!({})).await?;
        let grant = format!("/orgs/acme/installations/{installation}");
        world.put(&grant, json!({})).await?;
        Ok(world)
    }

    /// The default branch of one of the owner's repositories.
    pub async fn bind(&self, name: &str, repository: &str, root: &str) -> anyhow::Result<()> {
        let asked = json!({
            "github_owner": OWNER, "github_repo": repository, "github_ref": "main", "root_path": root,
        });
        self.put(&binding(name), asked).await
    }

    pub async fn sync(&self, name: &str) -> anyhow::Result<()> {
        let url = self.url(&format!("{}/sync", binding(name)));
        let asked = self.client.post(url).bearer_auth(ADMIN_TOKEN).send();
        asked.await?.error_for_status()?;
        Ok(())
    }

    /// Returns when a binding holds this commit.
    pub async fn until_it_holds(&self, name: &str, commit: &str) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let url = self.url(&binding(name));
            let asked = self.client.get(url).bearer_auth(ADMIN_TOKEN).send();
            let shown: Value = asked.await?.error_for_status()?.json().await?;
            if shown["commit_sha"] == commit && shown["last_sync_status"] == "succeeded" {
                return Ok(());
            }
            anyhow::ensure!(begun.elapsed() < PATIENCE, "{name} shows {shown}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Again until it is taken: an installation may not be known yet.
    async fn put(&self, path: &str, body: Value) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let asked = self.client.put(self.url(path)).bearer_auth(ADMIN_TOKEN);
            let answer = asked.json(&body).send().await?;
            if answer.status().is_success() {
                return Ok(());
            }
            anyhow::ensure!(
                begun.elapsed() < PATIENCE,
                "PUT {path}: {}",
                answer.text().await?
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.service.address)
    }
}

fn binding(name: &str) -> String {
    format!("/orgs/acme/bindings/{name}")
}
