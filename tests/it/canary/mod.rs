//! The canary run: every secret is a known string, everything goes right and wrong, and nothing tells any.

mod api;
mod commands;
mod forms;
mod github;
mod panic;
mod service;

use std::time::Duration;

use bindery::clock::Clock;
use bindery::simulator::Simulator;
use reqwest::Method;
use serde_json::json;

use crate::support::{
    APP_ID, Api, Either, Engine, KEY, OCTO, SECRET, TestDatabase, simulator, stories,
};
use forms::Secrets;
use service::{Service, Settings, dump, stranger};

const OTHER_KEY: &str = include_str!("../../../fixtures/keys/rsa-2048-pkcs8.pem");
const NEW_SECRET: &str = "canary: the webhook's \"new\" secret";
const ADMIN: &str = "canary/of+the admin=token";
const PASSWORD: &str = "canary-of-the-database";
/// What a contributor put into a commit's message.
const LEAKED: &str = "-----BEGIN RSA PRIVATE KEY-----\ncanaryOfAContributorsOwnKey0123456789abcdef\n-----END RSA PRIVATE KEY-----";
/// Far more than anything here takes on a machine that has nothing else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A service with two secrets and two keys, of which GitHub knows the old ones at first.
struct Canary {
    github: Simulator,
    service: Service,
    api: Api,
    database: TestDatabase,
    settings: Settings,
    secrets: Secrets,
    told: Vec<(String, String)>,
}

impl Canary {
    async fn begin(engine: Engine) -> Self {
        let github = simulator(&Clock::system()).await;
        github.create_organization(OCTO);
        let database = TestDatabase::create(engine).await;
        let settings = settings(&database.url, &github.url());
        let service = Service::start(&settings).await;
        github.set_webhook_url(format!("{}/webhooks/github", service.base));
        let mut secrets = Secrets::default();
        secrets.add("old webhook secret", SECRET);
        secrets.add("new webhook secret", NEW_SECRET);
        secrets.add("admin token", ADMIN);
        secrets.add("database password", PASSWORD);
        secrets.add_pem("old private key", KEY);
        secrets.add_pem("new private key", OTHER_KEY);
        Self {
            api: stranger(&service.base).with_token(ADMIN),
            github,
            service,
            database,
            settings,
            secrets,
            told: Vec::new(),
        }
    }

    /// Asks, and keeps all that is answered.
    async fn hear(
        &mut self,
        api: &Api,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> u16 {
        let body = (method != Method::GET && method != Method::DELETE).then(|| json!({}));
        let answer = api.send(method.clone(), path, body, headers).await;
        let said = format!(
            "{} {:?}\n{}",
            answer.status,
            answer.headers,
            String::from_utf8_lossy(&answer.bytes)
        );
        self.told
            .push((format!("the answer to {method} {path}"), said));
        answer.status.as_u16()
    }

    async fn get(&mut self, path: &str) {
        let api = self.api.clone();
        self.hear(&api, Method::GET, path, &[]).await;
    }

    async fn binding(&self) -> serde_json::Value {
        self.api
            .get("/orgs/acme/bindings/site")
            .await
            .expect(200)
            .json()
    }

    /// Nothing that was said, and nothing that is stored, tells a secret.
    async fn end(mut self) {
        for credentials in self.github.credentials() {
            self.secrets.add("credentials at GitHub", &credentials);
            for part in credentials.split('.').filter(|part| part.len() > 40) {
                self.secrets.add("part of a JWT", part);
            }
        }
        assert!(self.secrets.count() > 60, "{}", self.secrets.count());
        let mut contributors = Secrets::default();
        contributors.add("contributor's key", LEAKED.lines().nth(1).expect("a line"));
        let log = self.service.stop().await;
        assert!(
            log.contains("\"TRACE\"") && log.contains("asked GitHub"),
            "the log is whole"
        );
        self.secrets.assert_untold("the log", &log);
        contributors.assert_untold("the log", &log);
        for (place, text) in &self.told {
            self.secrets.assert_untold(place, text);
            contributors.assert_untold(place, text);
        }
        let stored = dump(&self.database).await;
        let body = "canaryOfAContributorsOwnKey";
        let is_whole = stored.contains(body) || stored.contains(&hex::encode(body));
        assert!(is_whole, "the dump has the bodies of deliveries");
        self.secrets.assert_untold("the database", &stored);
        self.github.stop().await;
        self.database.drop().await;
    }
}

fn settings(database: &str, github: &str) -> Settings {
    let mut settings: Settings = vec![
        ("DATABASE_URL", with_password(database)),
        ("GITHUB_API_URL", github.to_owned()),
        ("GITHUB_APP_ID", APP_ID.to_string()),
    ];
    settings.extend(
        [
            ("BINDERY_LISTEN", "127.0.0.1:0"),
            ("BINDERY_LOG", "json"),
            ("BINDERY_LOG_FILTER", "trace"),
            ("BINDERY_ADMIN_TOKEN", ADMIN),
            ("BINDERY_BACKOFF_BASE", "10ms"),
            ("BINDERY_BACKOFF_MAX", "50ms"),
            ("BINDERY_QUEUE_POLL", "100ms"),
            ("GITHUB_APP_PRIVATE_KEY", OTHER_KEY),
            ("GITHUB_APP_PRIVATE_KEY_PREVIOUS", KEY),
            ("GITHUB_WEBHOOK_SECRET", NEW_SECRET),
            ("GITHUB_WEBHOOK_SECRET_PREVIOUS", SECRET),
        ]
        .map(|(name, value)| (name, value.to_owned())),
    );
    settings
}

/// A server that trusts everybody takes any password; one that does not has been given its own.
fn with_password(database: &str) -> String {
    let Ok(mut url) = database.parse::<url::Url>() else {
        return database.to_owned();
    };
    if url.scheme().starts_with("postgres") && url.password().is_none() {
        url.set_password(Some(PASSWORD)).expect("a URL with a host");
        return url.into();
    }
    database.to_owned()
}

stories! {
    async fn i7_f29_f30_w66_no_secret_is_told_whatever_goes_wrong(either: Either) {
        let mut canary = Canary::begin(either.0).await;
        let repo = canary.bind_and_rotate().await;
        canary.use_tokens().await;
        canary.hand_out_archives(repo).await;
        canary.be_quoted(repo).await;
        canary.sign_badly().await;
        canary.read_everything().await;
        canary.run_commands().await;
        canary.end().await;
    }
}
