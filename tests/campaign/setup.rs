//! How processes are started, and what an operator asks of them at first.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::front::Front;
use crate::hub::{self, Hub};
use crate::names::Names;
use crate::options::Options;
use crate::postgres::Postgres;
use crate::process::{Recipe, Slot};
use crate::scene::PATIENCE;
use crate::watch::Logs;

pub const ORGANIZATION: &str = "acme";

/// Known strings of this run, by what they are.
pub fn canaries(password: &str) -> Vec<(String, String)> {
    let line = hub::KEY.lines().nth(3).unwrap_or_default();
    let known = [
        ("the webhook secret", hub::WEBHOOK_SECRET),
        ("the admin token", hub::ADMIN_TOKEN),
        ("the private key", line),
        ("an installation token", "ghs_"),
        ("a JWT", "eyJ"),
        ("the database's password", password),
    ];
    let known = known.into_iter().filter(|(_, text)| !text.is_empty());
    known
        .map(|(what, text)| (what.to_owned(), text.to_owned()))
        .collect()
}

pub async fn slot(
    name: &str,
    role: &'static str,
    options: &Options,
    hub: &Hub,
    postgres: &Postgres,
    logs: &Arc<Logs>,
) -> anyhow::Result<Arc<Slot>> {
    let password = postgres.url.password().unwrap_or_default();
    // A user of its own: the database knows who publishes.
    let user = format!("CREATE ROLE {name} LOGIN SUPERUSER PASSWORD '{password}'");
    postgres.store().execute(&user).await?;
    let wire = Front::start(vec![postgres.address()?]).await?;
    let url = format!("postgres://{name}:{password}@{}/postgres", wire.address);
    let wrapper = hub.names.as_ref().map(Names::wrapper);
    let recipe = Recipe {
        wrapper: wrapper.unwrap_or_default(),
        binary: options.binary.clone(),
        arguments: vec![role],
        settings: settings(&url, &hub.api_url()),
        listens: free_address()?,
        log: options
            .logs
            .as_ref()
            .map(|folder| folder.join(format!("{name}.log"))),
    };
    Ok(Slot::new(name, recipe, Some(wire), Arc::clone(logs)))
}

pub fn settings(database: &str, github: &str) -> Vec<(String, String)> {
    let app = hub::APP_ID.to_string();
    let all = [
        ("DATABASE_URL", database),
        ("GITHUB_API_URL", github),
        ("GITHUB_APP_ID", &app),
        ("GITHUB_APP_PRIVATE_KEY", hub::KEY),
        ("GITHUB_WEBHOOK_SECRET", hub::WEBHOOK_SECRET),
        ("GITHUB_REQUESTS_PER_MINUTE", "1000000"),
        ("BINDERY_ADMIN_TOKEN", hub::ADMIN_TOKEN),
        ("BINDERY_LOG", "json"),
        ("BINDERY_LEASE", "2s"),
        ("BINDERY_SWEEP_INTERVAL", "10s"),
        ("BINDERY_POLL_INTERVAL", "10s"),
        ("BINDERY_QUEUE_POLL", "500ms"),
        ("BINDERY_BACKOFF_BASE", "100ms"),
        ("BINDERY_BACKOFF_MAX", "5s"),
        ("RUST_BACKTRACE", "0"),
    ];
    let all = all.into_iter();
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Below the ports that the system hands out, so that nobody gets it while its process is dead.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    for _ in 0..100 {
        let port = 20_000 + rand::random::<u16>() % 12_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    anyhow::bail!("no free port")
}

/// The organisation, its grants and its bindings, as an operator makes them.
pub async fn bind_everything(hub: &Hub, api: &str) -> anyhow::Result<()> {
    put(api, &format!("/orgs/{ORGANIZATION}"), json!({})).await?;
    for account in &hub.accounts {
        let grant = format!(
            "/orgs/{ORGANIZATION}/installations/{}",
            account.installation
        );
        put(api, &grant, json!({})).await?;
    }
    for bound in hub.truth.bindings() {
        let path = format!("/orgs/{ORGANIZATION}/bindings/{}", bound.name);
        put(api, &path, bound.request(hub)).await?;
    }
    Ok(())
}

async fn put(api: &str, path: &str, body: serde_json::Value) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let begun = Instant::now();
    loop {
        let asked = client
            .put(format!("{api}{path}"))
            .bearer_auth(hub::ADMIN_TOKEN)
            .json(&body);
        let answer = asked.send().await;
        if let Ok(answer) = &answer
            && answer.status().is_success()
        {
            return Ok(());
        }
        anyhow::ensure!(begun.elapsed() < PATIENCE, "PUT {path}: {answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Writes down every publish with the job's claim and with who makes it, in the transaction that does.
pub const WATCH: &str = "
CREATE TABLE campaign_publishes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    binding text NOT NULL, commit_sha text, content_id bigint, moved boolean NOT NULL,
    job_id bigint, fence bigint, worker text, who text NOT NULL
);
CREATE TABLE campaign_claims (job_id bigint NOT NULL, fence bigint NOT NULL, who text NOT NULL);
CREATE INDEX campaign_claims_job ON campaign_claims (job_id);
CREATE FUNCTION campaign_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaign_claims VALUES (NEW.id, NEW.fence, session_user);
    RETURN NULL;
END $$;
CREATE TRIGGER campaign_claim AFTER UPDATE ON jobs FOR EACH ROW
    WHEN (NEW.state = 'running' AND OLD.fence <> NEW.fence) EXECUTE FUNCTION campaign_claim();
CREATE FUNCTION campaign_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaign_publishes
        (binding, commit_sha, content_id, moved, job_id, fence, worker, who)
    SELECT NEW.name, NEW.commit_sha, NEW.content_id, OLD.content_id IS DISTINCT FROM NEW.content_id,
        NEW.last_job_id, j.fence, j.worker, session_user
    FROM (SELECT) AS one LEFT JOIN jobs j ON j.id = NEW.last_job_id;
    RETURN NULL;
END $$;
CREATE TRIGGER campaign_note AFTER UPDATE ON bindings FOR EACH ROW
    WHEN (NEW.content_id IS NOT NULL AND (OLD.content_id IS DISTINCT FROM NEW.content_id
        OR OLD.commit_sha IS DISTINCT FROM NEW.commit_sha))
    EXECUTE FUNCTION campaign_note();
";
