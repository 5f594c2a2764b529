//! The canary run: every secret is a known string, everything goes right and wrong, and nothing tells any.

mod forms;
mod panic;
mod service;

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bindery::clock::Clock;
use bindery::github::ids::RepositoryId;
use bindery::simulator::{Fault, Route, Selection, Simulator};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::json;

use crate::support::{
    APP_ID, Api, Either, Engine, KEY, OCTO, SECRET, TestDatabase, simulator, stories,
};
use forms::Secrets;
use service::{Service, Settings, dump, run, stranger};

const OTHER_KEY: &str = include_str!("../../../fixtures/keys/rsa-2048-pkcs8.pem");
const NEW_SECRET: &str = "canary: the webhook's \"new\" secret";
const ADMIN: &str = "canary/of+the admin=token";
const PASSWORD: &str = "canary-of-the-database";
/// What a contributor put into a commit's message.
const LEAKED: &str = "-----BEGIN RSA PRIVATE KEY-----\ncanaryOfAContributorsOwnKey0123456789abcdef\n-----END RSA PRIVATE KEY-----";
const PATIENCE: Duration = Duration::from_secs(20);

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

    /// Two webhook secrets and two keys at once: what GitHub has changes under the running service.
    async fn bind_and_rotate(&mut self) -> RepositoryId {
        let installation = self.github.install(OCTO, Selection::All).await;
        self.api.put("/orgs/acme", json!({})).await.expect(201);
        self.api
            .put(
                &format!("/orgs/acme/installations/{installation}"),
                json!({}),
            )
            .await
            .expect(201);
        let repo = self.github.create_repository(OCTO, "templates").await;
        self.push(repo, "first").await;
        let body = json!({"github_owner": OCTO, "github_repo": "templates"});
        self.api
            .put("/orgs/acme/bindings/site", body)
            .await
            .expect(201);
        self.until_published(repo).await;
        self.github.set_webhook_secret(NEW_SECRET);
        self.github.set_app_keys(&[OTHER_KEY]).expect("a key");
        self.github.revoke_tokens(installation);
        self.push(repo, LEAKED).await;
        self.until_published(repo).await;
        repo
    }

    async fn push(&self, repo: RepositoryId, message: &str) {
        let text = format!("{:032x}", rand::random::<u128>());
        let change =
            |change: bindery::simulator::Change| change.message(message).write("x/a", &text);
        let pushed = self.github.push(repo, "main", change).await;
        let sent = pushed
            .delivery
            .and_then(|guid| self.github.delivery(&guid).status());
        assert_eq!(sent, Some(202), "signed by a secret that is configured");
    }

    async fn until_published(&self, repo: RepositoryId) {
        let begin = Instant::now();
        let head = self.github.head(repo, "main").to_string();
        while self.binding().await["commit_sha"] != head.as_str() {
            assert!(begin.elapsed() < PATIENCE, "{}", self.binding().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// GitHub repeats what it was asked with, in every spelling, at every step of a sync.
    async fn be_quoted(&mut self, repo: RepositoryId) {
        let spellings: [fn(&str) -> String; 5] = [
            str::to_owned,
            |text| STANDARD.encode(text),
            |text| hex::encode(text),
            |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
            |text| {
                text.chars()
                    .map(|c| format!("\\u{:04x}", u32::from(c)))
                    .collect()
            },
        ];
        let routes = [Route::Commit, Route::Tree, Route::Blob, Route::Repository];
        for (route, spelling) in routes
            .into_iter()
            .flat_map(|route| spellings.map(|spelling| (route, spelling)))
        {
            self.strike(repo, route, 418, spelling).await;
        }
        for (route, status) in routes
            .into_iter()
            .flat_map(|route| [401, 403, 451, 500].map(|status| (route, status)))
        {
            self.strike(repo, route, status, spellings[0]).await;
        }
        for status in [403, 418, 422, 500] {
            self.strike(
                repo,
                Route::AccessToken,
                status,
                spellings[usize::from(status % 5)],
            )
            .await;
        }
        self.github.clear_faults();
    }

    async fn strike(
        &mut self,
        repo: RepositoryId,
        route: Route,
        status: u16,
        write: fn(&str) -> String,
    ) {
        self.github.clear_faults();
        self.github.take_requests();
        self.github
            .fail(Fault::on(route).times(1).status(status).quoting(write));
        if route == Route::AccessToken {
            self.github
                .revoke_tokens(self.github.installation_on(OCTO).expect("installed"));
        }
        self.push(repo, LEAKED).await;
        let begin = Instant::now();
        let struck = |github: &Simulator| {
            github
                .requests()
                .iter()
                .any(|asked| (asked.route, asked.status) == (route, status))
        };
        while !struck(&self.github) {
            assert!(
                begin.elapsed() < PATIENCE,
                "{route:?} was not asked: {}",
                self.binding().await
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.get("/orgs/acme/bindings/site").await;
        self.get("/jobs?limit=1").await;
    }

    /// Tokens: made, used well and badly, in the wrong places, and after their end.
    async fn use_tokens(&mut self) {
        for role in ["viewer", "operator", "admin"] {
            let body = json!({"label": role, "organization": "acme", "role": role});
            let made = self
                .api
                .send(Method::POST, "/tokens", Some(body), &[])
                .await
                .expect(201)
                .json();
            let token = made["token"]
                .as_str()
                .expect("a token, this once")
                .to_owned();
            self.secrets.add(role, &token);
            self.secrets.add(role, &token["bndr_".len() + 12..]);
            self.misuse(&token).await;
            let api = self.api.with_token(&token);
            assert_eq!(
                self.hear(&api, Method::GET, "/orgs/acme/bindings/site", &[])
                    .await,
                200
            );
            self.hear(&api, Method::GET, "/tokens", &[]).await;
            self.hear(&api, Method::POST, "/orgs/acme/bindings/site/sync", &[])
                .await;
            self.api
                .delete(&format!("/tokens/{}", made["id"]))
                .await
                .expect(204);
            assert_eq!(
                self.hear(&api, Method::GET, "/orgs/acme/bindings/site", &[])
                    .await,
                401
            );
        }
        self.misuse(ADMIN).await;
    }

    async fn misuse(&mut self, token: &str) {
        let nobody = self.api.with_token("nobody");
        let query = utf8_percent_encode(token, NON_ALPHANUMERIC).to_string();
        let basic = format!("Basic {}", STANDARD.encode(format!("user:{token}")));
        let digest = format!("sha256={token}");
        let cookie = format!("session={query}");
        for name in ["token", "access_token"] {
            let path = format!("/orgs?{name}={query}");
            self.hear_quietly(&nobody, Method::GET, &path, &[]).await;
        }
        for headers in [
            ("Authorization", basic.as_str()),
            ("Cookie", &cookie),
            ("X-Api-Key", token),
        ] {
            self.hear(&nobody, Method::GET, "/orgs/acme", &[headers])
                .await;
        }
        for headers in [
            ("X-Hub-Signature-256", digest.as_str()),
            ("X-Hub-Signature", token),
        ] {
            self.hear(&nobody, Method::POST, "/webhooks/github", &[headers])
                .await;
        }
    }

    /// The question itself holds the secret; the answer and the log must not.
    async fn hear_quietly(
        &mut self,
        api: &Api,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) {
        self.hear(api, method, path, headers).await;
        let last = self.told.last_mut().expect("an answer");
        last.0 = "the answer to a token in the query".to_owned();
    }

    async fn sign_badly(&mut self) {
        let body = include_str!("../../../fixtures/webhooks/push.json");
        for secret in [SECRET, NEW_SECRET] {
            let headers = [
                ("Content-Type", "application/json"),
                ("X-GitHub-Event", "push"),
                ("X-GitHub-Delivery", "canary-1"),
                ("X-Hub-Signature-256", secret),
            ];
            let client = reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("a client");
            let mut request = client
                .post(format!("{}/webhooks/github", self.service.base))
                .body(format!("{body}{secret}"));
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let answer = Api::answer(request).await.expect(401);
            let said = format!(
                "{:?} {}",
                answer.headers,
                String::from_utf8_lossy(&answer.bytes)
            );
            self.told
                .push(("the answer to a bad signature".into(), said));
        }
    }

    async fn read_everything(&mut self) {
        for path in [
            "/livez",
            "/readyz",
            "/metrics",
            "/openapi.json",
            "/docs/",
            "/healing",
            "/orgs",
            "/tokens",
            "/jobs?limit=100",
            "/deliveries?limit=100",
            "/orgs/acme/bindings",
            "/orgs/acme/bindings/site/files",
            "/orgs/acme/bindings/site/effective",
            "/nowhere",
            "/jobs/0",
            "/jobs?limit=-1",
            "/jobs?cursor=x",
        ] {
            self.get(path).await;
        }
        for list in ["jobs", "deliveries"] {
            let ids = self
                .api
                .get(&format!("/{list}?limit=100"))
                .await
                .expect(200)
                .json();
            for one in ids.as_array().expect("a list") {
                self.get(&format!("/{list}/{}", one["id"])).await;
            }
        }
    }

    /// What an operator runs, and gets wrong.
    async fn run_commands(&mut self) {
        let good = self.settings.clone();
        for arguments in [
            &["config", "show"][..],
            &["config", "show", "-o", "json"],
            &["serve", "--help"],
            &["openapi"],
        ] {
            let said = run(arguments, &good).await;
            self.told.push((arguments.join(" "), said));
        }
        let cut = &KEY[..KEY.len() / 2];
        let unreachable = format!("postgres://ann:{PASSWORD}@127.0.0.1:1/db");
        let queried = format!("postgres://ann@127.0.0.1:1/db?password={PASSWORD}&sslmode=nonsense");
        let slash = format!("postgres:/ann:{PASSWORD}@127.0.0.1/db");
        let words = format!("host=127.0.0.1 user=ann password={PASSWORD}");
        let url = format!("https://ann:{PASSWORD}@api.example");
        for (name, value) in [
            ("GITHUB_APP_PRIVATE_KEY", cut),
            ("GITHUB_APP_PRIVATE_KEY", &NEW_SECRET[..14]),
            ("GITHUB_APP_PRIVATE_KEY_PREVIOUS", NEW_SECRET),
            ("GITHUB_APP_ID", NEW_SECRET_AS_ID),
            ("GITHUB_API_URL", &url),
            ("BINDERY_ADMIN_TOKEN_FILE", "/nowhere"),
            ("DATABASE_URL", &unreachable),
            ("DATABASE_URL", &queried),
            ("DATABASE_URL", &slash),
            ("DATABASE_URL", &words),
        ] {
            let mut bad = good.clone();
            bad.retain(|(other, _)| *other != name);
            bad.push((name, value.to_owned()));
            for command in [&["migrate"][..], &["config", "show"]] {
                let said = run(command, &bad).await;
                self.told
                    .push((format!("{command:?} with a bad {name}"), said));
            }
        }
        let said = run(
            &["migrate", "--database-url", &unreachable],
            &Settings::new(),
        )
        .await;
        self.told.push(("migrate by a flag".into(), said));
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

const NEW_SECRET_AS_ID: &str = "12x";

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
        canary.be_quoted(repo).await;
        canary.sign_badly().await;
        canary.read_everything().await;
        canary.run_commands().await;
        canary.end().await;
    }
}
